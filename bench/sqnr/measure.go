package main

import (
	"fmt"
	"regexp"
	"time"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// row is a line of the result.
type row struct {
	Weights string  `json:"weights"`
	Format  string  `json:"format"`
	Bits    float64 `json:"bits_per_weight"`
	SQNR    float64 `json:"sqnr_db"`
	Ceiling float64 `json:"ceiling_db,omitempty"`
	Peer    float64 `json:"peer_db,omitempty"`
	Name    string  `json:"peer,omitempty"`
	Target  float64 `json:"target_db,omitempty"`
	Speed   float64 `json:"mweights_per_second,omitempty"`

	speeds []float64 // by matrix
}

// searchedChannels is how many channels of a matrix are searched for: figures move by 0.02 dB with them.
const searchedChannels = 256

// measure returns the mean figures of each format over the matrices of each source.
func measure(sources []source, only *regexp.Regexp) ([]row, error) {
	var rows []row
	for _, s := range sources {
		first := len(rows)
		var list []format
		for _, f := range formats() {
			if !only.MatchString(f.name) || !f.searched && !s.plain {
				continue
			}
			r := row{Weights: s.name, Format: f.name}
			if r.Target, r.Peer = s.figures(&f); r.Peer > 0 {
				r.Name = f.peerName
			}
			list, rows = append(list, f), append(rows, r)
		}
		for _, draw := range s.matrices {
			m := draw()
			for i, f := range list {
				m := m
				if f.searched {
					m.channels = min(m.channels, searchedChannels)
					m.x = m.x[:m.channels*m.row]
				}
				bits, sqnr, took, err := f.quantize(m)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", s.name, f.name, err)
				}
				r := &rows[first+i]
				r.Bits = bits
				r.SQNR += sqnr / float64(len(s.matrices))
				r.speeds = append(r.speeds, 1e-6*float64(len(m.x))/took.Seconds())
				if s.ceiling {
					r.Ceiling = 6.02 * bits
				}
			}
		}
	}
	return rows, nil
}

// quantize measures a format, and how long it takes.
func (f *format) quantize(m matrix) (bits, sqnr float64, took time.Duration, err error) {
	x := tensor.New(tensor.WithShape(m.channels, m.row), tensor.WithBacking(m.x))
	var options []qtensor.QuantizeOption
	if f.searched {
		options = append(options, qtensor.WithSearch(qtensor.Search{}))
	}
	start := time.Now()
	q, err := qtensor.Quantize(x, f.scheme, options...)
	took = time.Since(start)
	if err != nil {
		return 0, 0, took, err
	}
	stats, err := q.Compare(x)
	return q.BitsPerElement(), stats.SQNR, took, err
}
