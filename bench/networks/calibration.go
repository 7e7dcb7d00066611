package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"euryale/bench/internal/workload"
	"euryale/calib"
	"euryale/internal/kernel"
	"euryale/model"
	"euryale/ptq"

	"gorgonia.org/tensor"
)

// calibrationRows adds what it takes to run the float model over the images, to observe their ranges or
// histograms, and to quantize; of the latter by default, each stage too.
func (s *session) calibrationRows(d *workload.Design) error {
	n, _, float, err := models(d, s.images)
	if err != nil {
		return err
	}
	var samples []map[string]tensor.Tensor
	for images := range slices.Chunk(n.Images, observed*len(n.Images)/n.Batch) {
		samples = append(samples, n.Inputs(images))
	}
	all := func(do func(sample map[string]tensor.Tensor) error) func() error {
		return func() error {
			for _, sample := range samples {
				if err := workload.Call(s, func() error { return do(sample) }); err != nil {
					return err
				}
			}
			return nil
		}
	}
	observe := func(f func(name string, x []float32) error) func() error {
		return all(func(sample map[string]tensor.Tensor) error { return float.Observe(context.Background(), sample, f) })
	}
	var took stages // of the default, in the fastest run
	list := []timed{
		{s.images, all(func(sample map[string]tensor.Tensor) error { return runner(float, sample)() })},
		{s.images, observe(minMax())},
		{s.images, func() error {
			c, err := histograms(n)
			if err != nil {
				return err
			}
			return observe(func(name string, x []float32) error { return c.ObserveFloat32(name, x, nil) })()
		}},
		{s.images, s.quantization(float, samples, calib.MinMax(), &stages{})},
		{s.images, s.quantization(float, samples, nil, &took)},
	}
	if err := list[0].run(); err != nil { // which packs weights
		return err
	}
	rates, err := s.rates(list)
	if err != nil {
		return err
	}
	for i, of := range []string{"run", "observe, min-max", "observe, histograms", "ptq, min-max", "ptq, default"} {
		s.add(of, float64(s.images)/rates[i], rates[0]/rates[i])
	}
	for _, name := range took.names {
		seconds := took.best[name].Seconds()
		s.add("of it: "+name, seconds, seconds*rates[0]/float64(s.images))
	}
	return nil
}

// minMax returns a callback that keeps the least and the largest number of each value.
func minMax() func(name string, x []float32) error {
	ranges := map[string][2]float32{}
	return func(name string, x []float32) error {
		low, high, _ := kernel.MinMax(x)
		if r, ok := ranges[name]; ok {
			low, high = min(low, r[0]), max(high, r[1])
		}
		ranges[name] = [2]float32{low, high}
		return nil
	}
}

// histograms returns a calibrator of all values.
func histograms(n *workload.Network) (*calib.Calibrator, error) {
	points := map[string]tensor.Shape{}
	for name := range n.Ranges {
		points[name] = nil
	}
	return calib.NewCalibrator(points)
}

// stages is how long each stage of ptq takes.
type stages struct {
	names []string
	best  map[string]time.Duration // of the fastest run
	total time.Duration
}

// quantization returns a whole ptq.Quantize. What comes before the first sample or weight of a stage is counted
// with it, and as the report what comes behind the last.
func (s *session) quantization(float *model.Model, samples []map[string]tensor.Tensor, e calib.RangeEstimator, took *stages) func() error {
	return func() error {
		times, begin := map[string]time.Duration{}, time.Now()
		last := begin
		add := func(stage string, _ int) {
			now := time.Now()
			if times[stage] == 0 && !slices.Contains(took.names, stage) {
				took.names = append(took.names, stage)
			}
			times[stage] += now.Sub(last)
			last = now
		}
		cfg := ptq.Config{Activations: model.StaticInt8, Range: e, Progress: add}
		_, _, err := ptq.Quantize(context.Background(), float, func(yield func(ptq.Sample, error) bool) {
			for _, sample := range samples {
				if !yield(sample, s.Err()) {
					return
				}
			}
		}, cfg)
		if err != nil {
			return fmt.Errorf("ptq: %w", err)
		}
		add("report", 0)
		if total := last.Sub(begin); took.best == nil || total < took.total {
			took.best, took.total = times, total
		}
		return nil
	}
}
