package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"

	"euryale/bench/internal/workload"
	"euryale/model"

	"gorgonia.org/tensor"
)

// observed is how many images show the ranges; of larger batches, images are these again and again.
const observed = 64

// manyImages is where batches begin with whose best the others are compared.
const manyImages = 64

// batchRows adds the speed and the memory of each batch.
func (s *session) batchRows(d *workload.Design) error {
	n, static, float, err := models(d, observed)
	if err != nil {
		return err
	}
	each := len(n.Images) / observed
	batches, cut := s.batchesOf(4 * each)
	images := slices.Repeat(n.Images, (slices.Max(batches)+observed-1)/observed)
	for i, m := range []*model.Model{static, float} {
		kind := []string{"int8", "float32"}[i]
		list, memory := make([]timed, len(batches)), make([]float64, len(batches))
		for at, batch := range batches {
			list[at] = timed{batch, runner(m, n.Inputs(images[:batch*each]))}
			if memory[at], err = s.workspace(list[at]); err != nil {
				return err
			}
		}
		rates, err := s.rates(list)
		if err != nil {
			return err
		}
		best := 0.
		for at, batch := range batches {
			if batch >= manyImages {
				best = max(best, rates[at])
			}
		}
		for at, batch := range batches {
			of := fmt.Sprintf("%s, batch %d", kind, batch)
			if cut && at == len(batches)-1 {
				of += fmt.Sprintf(" (%.3g GB)", 1e-9*float64(s.bytes))
			}
			s.add(of, rates[at], 100*rates[at]/best, memory[at])
		}
	}
	return nil
}

// batchesOf returns the batches whose images of so many bytes fit, with the largest that does in place of those that do not.
func (s *session) batchesOf(bytes int) (list []int, cut bool) {
	most := s.bytes / bytes
	for _, batch := range s.batches {
		if batch > most {
			return append(list, most), true
		}
		list = append(list, batch)
	}
	return list, false
}

// workspace returns the MB that a run allocates besides its output, where nothing is left of earlier runs but
// packed weights.
func (s *session) workspace(t timed) (float64, error) {
	if err := workload.Call(s, t.run); err != nil {
		return 0, err
	}
	runtime.GC()
	runtime.GC() // a sync.Pool keeps what it has through one
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := t.run(); err != nil {
		return 0, err
	}
	runtime.ReadMemStats(&after)
	output := workload.Classes * int(tensor.Float32.Size()) * t.images
	return 1e-6 * (float64(after.TotalAlloc-before.TotalAlloc) - float64(output)), nil
}
