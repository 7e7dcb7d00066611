package exprgraph

import (
	"context"
	"errors"
	"fmt"
	"math"

	"euryale/internal/dense"
	"euryale/internal/ir"
	"euryale/internal/noise"
	"euryale/model"

	"gorgonia.org/tensor"
)

// comparison is of a network, as it was read and folded, with what Gorgonia's ops make of a sample.
type comparison struct {
	read, folded *model.Model
	graph        *ir.Network // of both
	report       *Report
	// gorgonia returns what Gorgonia's ops make of a sample that the model has run, in evaluation, with
	// values that change disturbs.
	gorgonia func(ctx context.Context, sample map[string]tensor.Tensor, change disturb) ([][]float32, error)
}

func newComparison(n *network) (*comparison, error) {
	read, err := model.New(n.read, nil)
	if err != nil {
		return nil, err
	}
	folded, err := model.New(n.folded, nil)
	if err != nil {
		return nil, err
	}
	return &comparison{read: read, folded: folded, graph: n.folded, report: newReport(n.folded)}, nil
}

// with compares both networks with Gorgonia on a sample, and returns the results of the folded one.
func (c *comparison) with(ctx context.Context, sample map[string]tensor.Tensor) (map[string]tensor.Tensor, error) {
	folded, err := c.folded.Run(ctx, sample)
	if err != nil {
		return nil, err
	}
	read, err := c.read.Run(ctx, sample)
	if err != nil {
		return nil, err
	}
	wants, err := c.gorgonia(ctx, sample, nil)
	if errors.Is(err, ErrOp) {
		c.report.NotCompared = err.Error()
		return folded, nil
	}
	if err != nil {
		return nil, err
	}
	of := &judged{sample: sample, want: wants}
	for i := range wants {
		o := &c.report.Outputs[i]
		if o.SQNR, err = c.against(ctx, of, i, read[c.read.Outputs()[i].Name]); err != nil {
			return nil, err
		}
		if o.FoldedSQNR, err = c.against(ctx, of, i, folded[o.Name]); err != nil {
			return nil, err
		}
	}
	return folded, nil
}

// against returns how an output compares with Gorgonia's. Errors: ctx's, ErrMismatch.
func (c *comparison) against(ctx context.Context, of *judged, i int, output tensor.Tensor) (sqnr float64, err error) {
	name := c.report.Outputs[i].Name
	got, err := dense.Float32s(output)
	if err != nil {
		return 0, fmt.Errorf("output %q: %w", name, err)
	}
	sqnr, ok := equal(of.want[i], got)
	if !ok {
		if ok, err = c.rounds(ctx, of, i, got); err != nil {
			return sqnr, err
		}
	}
	if !ok {
		return sqnr, fmt.Errorf("output %q: %w: got %.1f dB, want %d or more, or every value as near as %g of the largest, or as "+
			"its terms round, and NaN and infinities in the same places", name, ErrMismatch, sqnr, leastRead, leastNear)
	}
	return sqnr, nil
}

// elementsOf returns the elements of the inputs of a sample, in the order of the network.
func elementsOf(g *ir.Network, sample map[string]tensor.Tensor) (inputs [][]float32, err error) {
	inputs = make([][]float32, len(g.Inputs))
	for i, in := range g.Inputs {
		if inputs[i], err = float32s(sample[in.Name]); err != nil {
			return nil, fmt.Errorf("input %q: %w", in.Name, err)
		}
	}
	return inputs, nil
}

// byBuild returns what Gorgonia's ops make of a sample, in a graph built for it.
func byBuild(build Build, network *ir.Network) func(context.Context, map[string]tensor.Tensor, disturb) ([][]float32, error) {
	return func(ctx context.Context, sample map[string]tensor.Tensor, change disturb) ([][]float32, error) {
		g, err := build.at(batchOf(network, sample))
		if err != nil {
			return nil, err
		}
		if len(g.Outputs) != len(network.Outputs) {
			return nil, fmt.Errorf("%w: got %d outputs from build for another batch size, want %d", ErrUnsupported,
				len(g.Outputs), len(network.Outputs))
		}
		inputs, err := elementsOf(network, sample)
		if err != nil {
			return nil, err
		}
		return evaluateWith(ctx, g, inputs, change)
	}
}

// batchOf returns that of a sample which the model has run.
func batchOf(g *ir.Network, sample map[string]tensor.Tensor) int {
	for _, in := range g.Inputs {
		shape := sample[in.Name].Shape()
		for i, d := range in.Shape {
			if d == ir.Batch && len(shape) == len(in.Shape) {
				return shape[i] / in.Rows()
			}
		}
	}
	return 1 // an axis of one sample that a slice dropped, or no batch
}

// float32s returns the elements of a sample that a model has run, also of an integer one.
func float32s(t tensor.Tensor) ([]float32, error) {
	switch t.Dtype() {
	case tensor.Int:
		return integers[int](t)
	case tensor.Int32:
		return integers[int32](t)
	case tensor.Int64:
		return integers[int64](t)
	}
	return dense.Float32s(t)
}

func integers[T int | int32 | int64](t tensor.Tensor) ([]float32, error) {
	list, err := dense.Slice[T](t)
	x := make([]float32, len(list))
	for i, v := range list {
		x[i] = float32(v)
	}
	return x, err
}

// What a network is compared by. Sums in another order leave about 140 dB. Where they cancel, rounding errors
// are what is left: values that are small beside the largest count as equal, and so do those that are smaller
// than any that a network gives on purpose. Of what is no equal, rounds knows more.
const (
	leastRead = 110   // dB
	leastNear = 1e-6  // of the largest value of an output
	leastSize = 1e-29 // of a difference
)

// equal compares the values of an output with those of Gorgonia, and reports whether it is the same output.
func equal(want, got []float32) (sqnr float64, ok bool) {
	if len(want) != len(got) {
		return math.Inf(-1), false
	}
	var n noise.Noise
	n.Add(want, got)
	sqnr = n.SQNR()
	if sqnr >= leastRead {
		return sqnr, true
	}
	largest, farthest := noise.Farthest(want, got)
	return sqnr, farthest <= max(leastNear*largest, leastSize)
}
