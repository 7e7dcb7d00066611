package main

import (
	"fmt"
	"math"
	"regexp"

	"euryale/internal/codebook"
	"euryale/internal/half"
	"euryale/internal/noise"
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
				bits, sqnr, err := f.quantize(m)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", s.name, f.name, err)
				}
				r := &rows[first+i]
				r.Bits = bits
				r.SQNR += sqnr / float64(len(s.matrices))
				if s.ceiling {
					r.Ceiling = 6.02 * bits
				}
			}
		}
	}
	return rows, nil
}

// unsearched measures a scheme without a search.
func unsearched(m matrix, scheme qtensor.Scheme) (bits, sqnr float64, err error) {
	x := tensor.New(tensor.WithShape(m.channels, m.row), tensor.WithBacking(m.x))
	q, err := qtensor.Quantize(x, scheme)
	if err != nil {
		return 0, 0, err
	}
	stats, err := q.Compare(x)
	return q.BitsPerElement(), stats.SQNR, err
}

// searchedIntegers measures integers in groups, of which the scales are float16 with one float32 multiplier.
func searchedIntegers(m matrix, bits, size int) (perWeight, sqnr float64, err error) {
	l := codebook.Layout{Channels: m.channels, Row: m.row, Size: size}
	scales, err := new(codebook.Search).Symmetric(m.x, l, bits)
	if err != nil {
		return 0, 0, err
	}
	top := float32(0)
	for _, s := range scales {
		top = max(top, s, -s)
	}
	_, e := math.Frexp(float64(top))
	multiplier, f := math.Ldexp(1, e), half.Float16()
	values, limit := make([]float32, len(m.x)), math.Ldexp(1, bits-1)
	for i, x := range m.x {
		s := float64(f.Decode(f.Encode(float32(float64(scales[i/m.row*l.Groups()+i%m.row/size])/multiplier)))) * multiplier
		values[i] = float32(s * max(-limit, min(limit-1, math.RoundToEven(float64(x)/s))))
	}
	return float64(bits) + float64(16*len(scales)+32)/float64(len(m.x)), decibels(m.x, values), nil
}

// searchedTable measures a table with multipliers for groups and a scale for each channel.
func searchedTable(m matrix, kind codebook.Kind, bits, size int) (perWeight, sqnr float64, err error) {
	l := codebook.Layout{Channels: m.channels, Row: m.row, Size: size}
	p, err := new(codebook.Search).Codebook(m.x, l, bits, kind)
	if err != nil {
		return 0, 0, err
	}
	codes, weights, values := make([]uint8, len(m.x)), make([]int8, len(m.x)), make([]float32, len(m.x))
	codebook.Encode(codes, m.x, l, &p)
	codebook.Decode(weights, codes, l, &p)
	for i, w := range weights {
		values[i] = p.Scales[i/m.row] * float32(w)
	}
	return float64(bits) + float64(8*len(p.Multipliers)+32*len(p.Scales))/float64(len(m.x)), decibels(m.x, values), nil
}

func decibels(x, values []float32) float64 {
	var n noise.Noise
	n.Add(x, values)
	return n.SQNR()
}
