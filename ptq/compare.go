package ptq

import (
	"context"
	"errors"
	"slices"

	"euryale/internal/dense"
	"euryale/internal/ir"
	"euryale/internal/noise"
	"euryale/model"
)

// comparison is what quantized models are off by, each in its place of the lists.
type comparison struct {
	models
	counts
	names   []string // of what is observed of the prepared model
	wanted  []string // and of the quantized ones
	values  []noises // results and outputs, against the prepared model
	outputs []noises // against the float model
}

// noises are what values are off by, by name.
type noises map[string]*noise.Noise

// newComparison returns one of nothing, for results of layers and all outputs. Of what layers read it counts
// elements.
func newComparison(m models, results, read []string) *comparison {
	c := &comparison{models: m, counts: counts{sizes: map[string]int{}}}
	var names []string
	for _, o := range m.float.Outputs() {
		names = append(names, o.Name)
	}
	c.wanted = slices.Concat(results, names)
	c.names = slices.Concat(c.wanted, read)
	for range m.quantized {
		values := noisesOf(c.wanted)
		outputs := noisesOf(names)
		if m.float == m.prepared {
			for name := range outputs {
				outputs[name] = values[name]
			}
		}
		c.values, c.outputs = append(c.values, values), append(c.outputs, outputs)
	}
	return c
}

// add adds a sample.
func (c *comparison) add(ctx context.Context, s Sample) error {
	if err := c.addValues(ctx, s); err != nil {
		return err
	}
	c.items += batchOf(s, c.float.Inputs())
	if c.float == c.prepared {
		return nil
	}
	return c.addOutputs(ctx, s)
}

// addValues runs the prepared model and the quantized ones at once, a value each in turn: none keeps more
// than it needs.
func (c *comparison) addValues(ctx context.Context, s Sample) error {
	var runs []*run
	for _, m := range c.quantized {
		r := newRun(ctx, m, s, c.wanted)
		defer r.stop()
		runs = append(runs, r)
	}
	var failed error // of a quantized model
	err := c.prepared.ObserveNamed(ctx, s, c.names, func(name string, x []float32) error {
		c.sizes[name] += len(x)
		for i, r := range runs {
			n := c.values[i][name]
			if n == nil {
				continue
			}
			var y []float32
			if y, failed = r.value(name); failed != nil {
				return failed
			}
			n.Add(x, y)
		}
		return nil
	})
	if failed != nil {
		return failed
	}
	return err
}

// addOutputs compares outputs with those of the float model, whose network is another one.
func (c *comparison) addOutputs(ctx context.Context, s Sample) error {
	want, err := c.float.Run(ctx, s)
	if err != nil {
		return err
	}
	for i, m := range c.quantized {
		got, err := m.Run(ctx, s)
		if err != nil {
			return err
		}
		for name, n := range c.outputs[i] {
			x, err := dense.Float32s(want[name])
			y, errY := dense.Float32s(got[name])
			if err := errors.Join(err, errY); err != nil {
				return err
			}
			n.Add(x, y)
		}
	}
	return nil
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

func noisesOf(names []string) noises {
	of := noises{}
	for _, name := range names {
		of[name] = &noise.Noise{}
	}
	return of
}

func sqnrs(of noises) map[string]float64 {
	sqnr := map[string]float64{}
	for name, n := range of {
		sqnr[name] = n.SQNR()
	}
	return sqnr
}
