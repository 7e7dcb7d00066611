package ptq

import (
	"errors"
	"fmt"
	"math"

	"euryale/internal/dense"
	"euryale/internal/flow"
	"euryale/internal/graph"
	"euryale/model"

	"gorgonia.org/tensor"
)

// verify holds the network, as it was read and folded, to what Gorgonia's ops make of the first sample, in a
// graph built for it.
func (j *job) verify(build graph.Build, read *flow.Graph) error {
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
		if err == nil {
			err = j.hold(build, unfolded, sample)
		}
		if err != nil {
			return fmt.Errorf("verify: sample 0: %w", err)
		}
		return nil
	}
	return fmt.Errorf("verify: %w", ErrSamples)
}

// hold compares both networks with Gorgonia on one sample.
func (j *job) hold(build graph.Build, unfolded *model.Model, sample Sample) error {
	folded, err := j.float.Run(j.ctx, sample)
	if err != nil {
		return err
	}
	made, err := unfolded.Run(j.ctx, sample)
	if err != nil {
		return err
	}
	stock, err := j.stock(build, sample)
	if errors.Is(err, graph.ErrOp) {
		j.report.Unverified = err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	for i := range j.report.Outputs {
		o := &j.report.Outputs[i]
		for _, c := range []struct {
			sqnr *float64
			got  tensor.Tensor
		}{{&o.ReadSQNR, made[unfolded.Outputs()[i].Name]}, {&o.FoldedSQNR, folded[o.Name]}} {
			got, err := dense.Float32s(c.got)
			if err != nil {
				return fmt.Errorf("output %q: %w", o.Name, err)
			}
			var ok bool
			if *c.sqnr, ok = held(stock[i], got); !ok {
				return fmt.Errorf("output %q: %w: got %.1f dB, want %d or more, or every number as near as %g "+
					"of the largest, and NaN and infinities in the same places",
					o.Name, ErrMismatch, *c.sqnr, leastRead, leastNear)
			}
		}
	}
	return nil
}

// stock returns what Gorgonia's ops make of a sample, in evaluation.
func (j *job) stock(build graph.Build, sample Sample) (outputs [][]float32, err error) {
	g, err := build.At(j.batch(sample))
	if err != nil {
		return nil, err
	}
	if len(g.Outputs) != len(j.graph.Outputs) {
		return nil, fmt.Errorf("%w: got %d outputs from build for another batch size, want %d", ErrUnsupported,
			len(g.Outputs), len(j.graph.Outputs))
	}
	inputs := make([][]float32, len(j.graph.Inputs))
	for i, in := range j.graph.Inputs {
		if inputs[i], err = numbers(sample[in.Name]); err != nil {
			return nil, fmt.Errorf("input %q: %w", in.Name, err)
		}
	}
	return graph.Evaluate(j.ctx, g, inputs)
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

// numbers returns the elements of a sample that a model has run, also whole ones.
func numbers(t tensor.Tensor) ([]float32, error) {
	switch t.Dtype() {
	case tensor.Int:
		return whole[int](t)
	case tensor.Int32:
		return whole[int32](t)
	case tensor.Int64:
		return whole[int64](t)
	}
	return dense.Float32s(t)
}

func whole[T int | int32 | int64](t tensor.Tensor) ([]float32, error) {
	list, err := dense.Slice[T](t)
	x := make([]float32, len(list))
	for i, v := range list {
		x[i] = float32(v)
	}
	return x, err
}
