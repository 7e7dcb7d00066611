package ptq

import (
	"context"

	"euryale/calib"
	"euryale/model"
)

// evaluator runs the float models and quantized ones on samples, and returns how near each of these is.
// results are values of the network, besides its outputs, and read are what its layers read; want is how many
// samples there are, if that is known.
type evaluator interface {
	evaluate(ctx context.Context, m models, results, read []string, want int) ([]evaluation, error)
}

// models are what is compared.
type models struct {
	float     *model.Model // that the user gave
	prepared  *model.Model // that the passes made of it
	quantized []*model.Model
}

// evaluation is how near a quantized model is, over all samples.
type evaluation struct {
	results map[string]float64 // SQNR in dB, against the prepared model
	outputs map[string]float64 // against the float model
	*counts
}

// counts is what there was to see in all samples together.
type counts struct {
	samples int
	items   int            // indices of batches
	sizes   map[string]int // elements, of values of the prepared model that are compared or that layers read
}

// samplesOf returns in how many samples, each index of a batch being one, a profile has seen a value.
func (c *counts) samplesOf(value string, seen *calib.Profile) float64 {
	h, err := seen.Histogram(value)
	if err != nil {
		return 0
	}
	return float64(h.Count()) * float64(c.items) / float64(c.sizes[value])
}

// better reports whether no output is further from the float model, and one nearer.
func (e evaluation) better(than evaluation) bool {
	nearer := false
	for name, db := range e.outputs {
		other := than.outputs[name]
		if !(db >= other) {
			return false
		}
		nearer = nearer || db > other
	}
	return nearer
}

// sqnrEvaluator adds up squares.
type sqnrEvaluator struct{ walker }

func (e sqnrEvaluator) evaluate(ctx context.Context, m models, results, read []string, want int) (list []evaluation, err error) {
	c := newComparison(m, results, read)
	if c.samples, err = e.walk(ctx, "compare", want, func(s Sample) error { return c.add(ctx, s) }); err != nil {
		return nil, err
	}
	for i := range m.quantized {
		list = append(list, evaluation{sqnrs(c.values[i]), sqnrs(c.outputs[i]), &c.counts})
	}
	return list, nil
}
