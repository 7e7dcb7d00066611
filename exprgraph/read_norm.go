package exprgraph

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"

	"euryale/internal/dense"
	"euryale/internal/ir"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// readNorm reads a batch normalization in evaluation: (x − mean)/√(variance + ε), along axis 1.
func readNorm(r *reader, p pair, operands []pair) (*value, error) {
	x, err := r.whole(operands[0])
	if err != nil {
		return nil, err
	}
	op, ok := p.a.Op().(*gorgonia.BatchNormOp)
	other, okB := p.b.Op().(*gorgonia.BatchNormOp)
	if !ok || !okB || len(x.shape) < 2 {
		return nil, p.fail("of shape %v, want at least two axes", x.shape)
	}
	scale, shift, err := normalization(op)
	if err != nil {
		return nil, p.fail("%v", err)
	}
	scaleB, shiftB, err := normalization(other)
	if err != nil {
		return nil, p.fail("%v", err)
	}
	switch {
	case !slices.Equal(scale, scaleB) || !slices.Equal(shift, shiftB):
		return nil, p.fail("other statistics at another batch size, want the same")
	case len(scale) != x.shape[1]:
		return nil, p.fail("statistics of %d channels for shape %v, want as many", len(scale), x.shape)
	}
	y := r.add(ir.Node{Op: opNorm}, x.shape, x)
	y.from.scale, y.from.shift = scale, shift
	return y, nil
}

// normalization returns scale and shift of a batch normalization by its statistics: 1/√(variance + ε) and
// −mean·scale, rounded after each operation as Gorgonia does.
func normalization(op *gorgonia.BatchNormOp) (scale, shift []float64, err error) {
	mean, variance := op.Stats()
	means, err := dense.Float32s(mean)
	if err != nil {
		return nil, nil, fmt.Errorf("mean: %w", err)
	}
	variances, err := dense.Float32s(variance)
	if err != nil {
		return nil, nil, fmt.Errorf("variance: %w", err)
	}
	epsilon, ok := epsilonOf(op)
	if !ok || len(means) != len(variances) {
		return nil, nil, fmt.Errorf("%d means, %d variances, ε known: %t, want as many, and ε", len(means), len(variances), ok)
	}
	if err := learned(op, means, variances); err != nil {
		return nil, nil, err
	}
	if mean.Dtype() == tensor.Float32 {
		for i, m := range means {
			factor := 1 / float32(math.Sqrt(float64(variances[i]+float32(epsilon))))
			scale, shift = append(scale, float64(factor)), append(shift, float64(-m*factor))
		}
		return scale, shift, nil
	}
	for i, m := range means {
		factor := 1 / math.Sqrt(float64(variances[i])+epsilon)
		scale, shift = append(scale, factor), append(shift, -float64(m)*factor)
	}
	return scale, shift, nil
}

// learned returns an error for statistics that are none. BatchNorm makes them zeros; a machine that trains
// sets the means to 0 and the variances to 1 when it is made, and learns them while it runs; SetStats sets
// them.
func learned(op *gorgonia.BatchNormOp, means, variances []float32) error {
	all := func(list []float32, x float32) bool {
		return !slices.ContainsFunc(list, func(y float32) bool { return y != x })
	}
	const do = "train in a machine on this graph, or have build set those of the graph that was trained, by Stats and SetStats"
	for i, v := range variances {
		if finite := v-v == 0 && means[i]-means[i] == 0; !finite || v < 0 {
			return fmt.Errorf("a mean of %v and a variance of %v in channel %d, want finite ones, "+
				"and more than one element in a channel to train on", means[i], v, i)
		}
	}
	switch {
	case !all(means, 0):
	case all(variances, 0):
		return errors.New("statistics that were never set: " + do)
	case all(variances, 1) && hasTrained(op):
		return errors.New("statistics that another machine has reset since they were learned: " + do)
	}
	return nil
}

// hasTrained reports whether a machine has trained a batch normalization: it then has the variances of a
// batch.
func hasTrained(op *gorgonia.BatchNormOp) bool {
	f := fieldOf(op, "saveVariance")
	if !f.IsValid() || !f.CanAddr() {
		return false
	}
	t, _ := reflect.TypeAssert[*tensor.Dense](settable(f))
	if t == nil {
		return false
	}
	x, err := dense.Float32s(t)
	return err == nil && slices.ContainsFunc(x, func(v float32) bool { return v != 0 })
}
