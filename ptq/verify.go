package ptq

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"euryale/internal/dense"
	"euryale/internal/flow"
	"euryale/model"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// ErrMismatch reports a network that is not what Gorgonia computes.
var ErrMismatch = errors.New("the network that was read gives other results than Gorgonia")

// leastRead is the SQNR in dB that the network has at least before it is quantized: sums in another order leave 100 and more.
const leastRead = 40

// verify holds the network, as it was read and folded, to what Gorgonia makes of the first sample, in a graph built for it.
func (j *job) verify(build Build, read *flow.Graph) error {
	for _, o := range j.graph.Outputs {
		j.report.Outputs = append(j.report.Outputs, Output{Name: o.Name, ReadSQNR: math.NaN(), FoldedSQNR: math.NaN()})
	}
	unfolded, err := model.New(read, nil)
	if err != nil {
		return err
	}
	for sample, err := range j.samples {
		if err == nil {
			err = j.ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("verify: sample 0: %w", err)
		}
		folded, err := j.float.Run(j.ctx, sample)
		if err != nil {
			return fmt.Errorf("verify: sample 0: %w", err)
		}
		stock, err := j.stock(build, sample)
		if err != nil {
			j.report.Unverified = err.Error()
			return nil
		}
		made, err := unfolded.Run(j.ctx, sample)
		if err != nil {
			return fmt.Errorf("verify: sample 0: %w", err)
		}
		for i := range j.report.Outputs {
			o := &j.report.Outputs[i]
			o.ReadSQNR = sqnr(stock[i], made[read.Outputs[i].Name])
			o.FoldedSQNR = sqnr(stock[i], folded[o.Name])
			if least := min(o.ReadSQNR, o.FoldedSQNR); least < leastRead {
				return fmt.Errorf("verify: output %q: %w: got %.1f dB, want %d or more", o.Name, ErrMismatch, least, leastRead)
			}
		}
		return nil
	}
	return fmt.Errorf("verify: %w", ErrSamples)
}

func sqnr(stock []float32, y tensor.Tensor) float64 {
	var off noise
	off.add(stock, y.(*tensor.Dense).Float32s())
	return off.sqnr()
}

// stock returns what Gorgonia makes of a sample, in evaluation. Where Gorgonia panics, that is the error.
func (j *job) stock(build Build, sample Sample) (outputs [][]float32, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("gorgonia panics: %v", r)
		}
	}()
	g, err := build(j.batch(sample))
	if err != nil {
		return nil, err
	}
	values := make([]gorgonia.Value, len(g.Outputs))
	for i, y := range g.Outputs {
		gorgonia.Read(y, &values[i])
	}
	for i, in := range j.graph.Inputs {
		x, err := valueFor(g.Inputs[i], sample[in.Name])
		if err != nil {
			return nil, err
		}
		if err := gorgonia.Let(g.Inputs[i], x); err != nil {
			return nil, err
		}
	}
	machine := gorgonia.NewTapeMachine(g.Outputs[0].Graph(), gorgonia.EvalMode())
	defer func() { err = errors.Join(err, machine.Close()) }()
	if err := machine.RunAll(); err != nil {
		return nil, err
	}
	for i, o := range j.graph.Outputs {
		t, ok := values[i].(tensor.Tensor)
		if !ok {
			return nil, fmt.Errorf("output %q is a %T, want a tensor", o.Name, values[i])
		}
		y, err := dense.Float32s(t)
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, y)
	}
	return outputs, nil
}

// batch returns that of a sample which the model has run.
func (j *job) batch(sample Sample) int {
	for _, in := range j.graph.Inputs {
		shape := sample[in.Name].Shape()
		for i, d := range in.Shape {
			if d == flow.Batch && len(shape) == len(in.Shape) {
				return shape[i]
			}
		}
	}
	return 1 // an axis of one sample that a slice dropped, or no batch
}

// valueFor returns numbers of its own as a value for a node.
func valueFor(n *gorgonia.Node, t tensor.Tensor) (*tensor.Dense, error) {
	if n.Dtype() == tensor.Int {
		x, err := dense.Slice[int](t)
		return dense.New(slices.Clone(x), n.Shape()), err
	}
	x, err := dense.Float32s(t)
	if err != nil || n.Dtype() != tensor.Float64 {
		return dense.New(slices.Clone(x), n.Shape()), err
	}
	wide := make([]float64, len(x))
	for i, v := range x {
		wide[i] = float64(v)
	}
	return dense.New(wide, n.Shape()), nil
}
