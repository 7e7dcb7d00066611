package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"euryale/bench/internal/workload"
	"euryale/model"

	"gorgonia.org/tensor"
)

// work is what is measured of each network.
type work struct {
	name    string
	columns []string
	compare bool // of one thread and all: -threads has no say
	measure func(s *session, d *workload.Design) error
}

var works = []work{
	{"batches", []string{imagesPerSecond, "% of best", "workspace MB"}, false, (*session).batchRows},
	{"latency", []string{"p50 µs", "p99 µs", "most µs"}, false, (*session).latencyRows},
	{"single", []string{"1 thread µs", "all µs", "ratio"}, true, (*session).singleRows},
	{"mixed", []string{imagesPerSecond, "× int8", "× float32"}, false, (*session).mixedRows},
	{"calibration", []string{"seconds", "× runs"}, false, (*session).calibrationRows},
}

const imagesPerSecond = "images/s"

// session is the measuring of what options ask for.
type session struct {
	context.Context
	options
	progress io.Writer
	rows     []row

	at row // what the rows to come have in common
}

// measure fills the rows; on an error, with those measured before.
func (s *session) measure() error {
	all := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(all)
	for _, w := range works {
		if !slices.Contains(s.Works, w.name) {
			continue
		}
		for _, network := range s.networks {
			counts := s.Threads
			if w.compare {
				counts = []int{all}
			}
			for _, threads := range counts {
				runtime.GOMAXPROCS(threads)
				s.at = row{Work: w.name, Network: network, Threads: threads, columns: w.columns}
				fmt.Fprintf(s.progress, "%s %s, threads %d\n", w.name, network, threads)
				if err := w.measure(s, designs[network]()); err != nil {
					return fmt.Errorf("%s %s: %w", w.name, network, err)
				}
			}
		}
	}
	return nil
}

// add appends a row of figures in the order of the columns.
func (s *session) add(of string, figures ...float64) {
	r := s.at
	r.Case, r.Figures = of, map[string]float64{}
	for i, column := range r.columns {
		r.Figures[column] = figures[i]
	}
	s.rows = append(s.rows, r)
}

// timed is something to do with so many images.
type timed struct {
	images int
	run    func() error
}

// Bounds of repeats: whatever takes enough altogether is repeated no more, but for the least times.
const (
	enough = 10 * time.Second
	least  = 2
)

// rates returns images/s of each, which take turns: the most of the repeats, since a machine that does
// something else besides makes a run slower and never faster. All have run before.
func (s *session) rates(list []timed) ([]float64, error) {
	best, spent := make([]float64, len(list)), make([]time.Duration, len(list))
	for repeat := range s.Repeats {
		for i, t := range list {
			if repeat >= least && spent[i] >= enough {
				continue
			}
			took, seconds, err := workload.Burst(s, t.run, s.Burst)
			if err != nil {
				return nil, err
			}
			spent[i] += took
			best[i] = max(best[i], float64(t.images)/seconds)
		}
	}
	return best, nil
}

// runner returns the run of a model on inputs, which is not interrupted: it then needs no copy of them.
func runner(m *model.Model, inputs map[string]tensor.Tensor) func() error {
	return func() error {
		_, err := m.Run(context.Background(), inputs)
		return err
	}
}

// models returns a network of so many images, and its models.
func models(d *workload.Design, images int) (n *workload.Network, static, float *model.Model, err error) {
	if n, err = workload.NewNetwork(d, images); err != nil {
		return nil, nil, nil, err
	}
	if static, err = n.Static(nil, unlimited); err != nil {
		return nil, nil, nil, err
	}
	float, err = n.Float(unlimited)
	return n, static, float, err
}

// unlimited lets a model run batches whose values would pass the limit if they were all held at once.
var unlimited = model.WithMemoryLimit(1 << 40)
