package exprgraph

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"euryale/internal/noise"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Where terms cancel, equal asks for more than float32 has: what is left is the rounding of terms that the
// output does not show. Their magnitude is measured, as in Monte Carlo arithmetic (Parker, 1997): Gorgonia's
// ops run again with every element of every value of the graph, weights too, off by a random part of itself.

// The parts are up to disturbLess, and the same ones again up to disturbMore. Between the two a value moves
// by some 3e-6 of the terms that it is a sum of, which is 110 dB of them: an output that does not cancel
// gains nothing. A function that jumps where its operand is, such as Floor of a whole number, jumps in both,
// but for one in a hundred.
const (
	disturbLess  = 4.0 / (1 << 20)
	disturbMore  = 7.0 / (1 << 20)
	disturbances = 4 // that are drawn
)

// disturb returns what the value of a node becomes before other ops get it.
type disturb func(n *gorgonia.Node, v gorgonia.Value) (gorgonia.Value, error)

// judged is what an evaluation of the graph gave for a sample.
type judged struct {
	sample map[string]tensor.Tensor
	want   [][]float32 // of each output
	spread [][]float64 // how far rounding moves them; nil before it was measured
}

// rounds reports whether every value of an output is as near to Gorgonia's as rounding explains, or
// leastNear.
func (c *comparison) rounds(ctx context.Context, of *judged, output int, got []float32) (bool, error) {
	want := of.want[output]
	if len(want) != len(got) {
		return false, nil
	}
	largest, farthest := noise.Farthest(want, got)
	if math.IsInf(farthest, 1) {
		return false, nil
	}
	if of.spread == nil {
		var err error
		if of.spread, err = c.spread(ctx, of); err != nil {
			return false, err
		}
	}
	for i, x := range want {
		off := math.Abs(float64(x) - float64(got[i])) // NaN for infinities and NaN, which are in the same places
		if off > max(leastNear*largest, of.spread[output][i]) {
			return false, nil
		}
	}
	return true, nil
}

// spread returns how far rounding moves the values of all outputs: not at all where ops fail on disturbed
// values.
func (c *comparison) spread(ctx context.Context, of *judged) ([][]float64, error) {
	most := make([][]float64, len(of.want))
	for i, want := range of.want {
		most[i] = make([]float64, len(want))
	}
	for seed := range uint64(disturbances) {
		var moved [2][][]float32
		for i, by := range []float64{disturbLess, disturbMore} {
			y, err := c.gorgonia(ctx, of.sample, disturbing(seed, by))
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil || !slices.EqualFunc(y, of.want, func(a, b []float32) bool { return len(a) == len(b) }) {
				return most, nil
			}
			moved[i] = y
		}
		for i, list := range most {
			for j := range list {
				if d := math.Abs(float64(moved[0][i][j]) - float64(moved[1][i][j])); d > list[j] && !math.IsInf(d, 1) {
					list[j] = d
				}
			}
		}
	}
	return most, nil
}

// disturbing returns a function that multiplies what is not whole by 1 − by to 1 + by, element by element, and
// what an op takes the logarithm of.
func disturbing(seed uint64, by float64) disturb {
	rng := rand.New(rand.NewPCG(seed, 5))
	return func(n *gorgonia.Node, v gorgonia.Value) (gorgonia.Value, error) {
		if dt := v.Dtype(); dt != tensor.Float32 && dt != tensor.Float64 || kindOf(n.Op()) == "sizeOp" {
			return v, nil
		}
		x, err := elements(v)
		if err != nil {
			return nil, err
		}
		log, _ := intsOf(n.Op(), "isLog") // of a LogSoftMax
		inner := slices.Equal(log, []int{1}) || kindOf(n.Op()) == "elemUnaryOp" && fmt.Sprint(n.Op()) == "softplus"
		y := make([]float32, len(x))
		for i, value := range x {
			moved := float64(float64(value) * (1 + float64(by*(float64(2*float64(rng.Float64()))-1))))
			if inner {
				moved += float64(by * (float64(2*float64(rng.Float64())) - 1))
			}
			y[i] = float32(moved)
		}
		return valueAs(v.Dtype(), v.Shape(), y)
	}
}
