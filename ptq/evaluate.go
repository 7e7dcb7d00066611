package ptq

import (
	"context"
	"errors"
	"slices"

	"euryale/internal/dense"
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
	count, err := e.walk(ctx, "compare", want, func(s Sample) error {
		err := compareValues(ctx, m.prepared, m.quantized, s, values)
		if err == nil && m.float != m.prepared {
			err = compareOutputs(ctx, m.float, m.quantized, s, outputs)
		}
		return err
	})
	return evaluation{sqnrs(values), sqnrs(outputs), count}, err
}

// compareValues adds what values of a quantized model are off by on a sample to their noises.
func compareValues(ctx context.Context, float, quantized *model.Model, s Sample, of map[string]*noise.Noise) error {
	want := map[string][]float32{}
	if err := float.Observe(ctx, s, func(name string, x []float32) error {
		if of[name] != nil {
			want[name] = slices.Clone(x)
		}
		return nil
	}); err != nil {
		return err
	}
	return quantized.Observe(ctx, s, func(name string, x []float32) error {
		if n := of[name]; n != nil {
			n.Add(want[name], x)
		}
		return nil
	})
}

// compareOutputs works like compareValues for outputs, of models whose networks may differ.
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
