package ptq

import (
	"context"
	"errors"
	"slices"

	"euryale/calib"
	"euryale/internal/dense"
	"euryale/internal/ir"
	"euryale/internal/noise"
	"euryale/model"
)

// evaluator runs the float models and the quantized one on samples, and returns how near it is. results are
// values of the network, besides its outputs; want is how many samples there are, if that is known.
type evaluator interface {
	evaluate(ctx context.Context, m models, results []string, want int) (evaluation, error)
}

// models are what is compared.
type models struct {
	float     *model.Model // that the user gave
	prepared  *model.Model // that the passes made of it
	quantized *model.Model
}

// evaluation is the SQNR of values in dB, over all samples.
type evaluation struct {
	results map[string]float64 // against the prepared model
	outputs map[string]float64 // against the float model
	samples int
	items   int            // of the batches of all samples together
	sizes   map[string]int // of values of the prepared model: elements in all samples together
}

// samplesOf returns in how many samples, each index of a batch being one, a profile has seen a value.
func (e evaluation) samplesOf(value string, seen *calib.Profile) float64 {
	h, err := seen.Histogram(value)
	if err != nil {
		return 0
	}
	return float64(h.Count()) * float64(e.items) / float64(e.sizes[value])
}

// sqnrEvaluator adds up squares.
type sqnrEvaluator struct{ walker }

func (e sqnrEvaluator) evaluate(ctx context.Context, m models, results []string, want int) (evaluation, error) {
	var names []string
	for _, o := range m.float.Outputs() {
		names = append(names, o.Name)
	}
	values := noises(slices.Concat(results, names))
	outputs := values
	if m.float != m.prepared {
		outputs = noises(names)
	}
	of := evaluation{sizes: map[string]int{}}
	var err error
	of.samples, err = e.walk(ctx, "compare", want, func(s Sample) error {
		if err := m.compareValues(ctx, s, values, of.sizes); err != nil {
			return err
		}
		of.items += batchOf(s, m.float.Inputs())
		if m.float == m.prepared {
			return nil
		}
		return compareOutputs(ctx, m.float, m.quantized, s, outputs)
	})
	of.results, of.outputs = sqnrs(values), sqnrs(outputs)
	return of, err
}

// batchOf returns the size of the batch of a sample, which a model of the inputs takes: 1 where it has none.
func batchOf(s Sample, inputs []model.ValueInfo) int {
	for _, in := range inputs {
		axis, shape := slices.Index(in.Shape, ir.Batch), s[in.Name].Shape()
		left := len(in.Shape) - len(shape) // leading axes of size 1 may be left out
		if axis >= max(left, 0) {
			return shape[axis-left] / max(in.Multiple, 1)
		}
	}
	return 1
}

// compareValues adds what values of the quantized model are off by on a sample to their noises, and the
// elements of all values of the prepared model to sizes. Both models run at once, a value each in turn.
func (m models) compareValues(ctx context.Context, s Sample, of map[string]*noise.Noise, sizes map[string]int) error {
	quantized := newRun(ctx, m.quantized, s, func(name string) bool { return of[name] != nil })
	defer quantized.stop()
	var failed error // of the quantized model
	err := m.prepared.Observe(ctx, s, func(name string, x []float32) error {
		sizes[name] += len(x)
		n := of[name]
		if n == nil {
			return nil
		}
		var y []float32
		if y, failed = quantized.value(name); failed != nil {
			return failed
		}
		n.Add(x, y)
		return nil
	})
	if failed != nil {
		return failed
	}
	return err
}

// compareOutputs adds what outputs of a model are off by on a sample, of one whose network may differ.
func compareOutputs(ctx context.Context, float, quantized *model.Model, s Sample, of map[string]*noise.Noise) error {
	want, err := float.Run(ctx, s)
	if err != nil {
		return err
	}
	got, err := quantized.Run(ctx, s)
	if err != nil {
		return err
	}
	for name, n := range of {
		x, err := dense.Float32s(want[name])
		y, errY := dense.Float32s(got[name])
		if err := errors.Join(err, errY); err != nil {
			return err
		}
		n.Add(x, y)
	}
	return nil
}

func noises(names []string) map[string]*noise.Noise {
	of := map[string]*noise.Noise{}
	for _, name := range names {
		of[name] = &noise.Noise{}
	}
	return of
}

func sqnrs(of map[string]*noise.Noise) map[string]float64 {
	sqnr := map[string]float64{}
	for name, n := range of {
		sqnr[name] = n.SQNR()
	}
	return sqnr
}
