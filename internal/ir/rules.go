package ir

import (
	"fmt"
	"math"
	"slices"

	"euryale/internal/kernel"
	"euryale/qtensor"
)

// elementwiseRule is that of a function of each element.
func elementwiseRule(_ *Resolved, in []Size) (Size, error) { return in[0], nil }

// leakyReluRule: alpha is 0.01 where it is left out.
func leakyReluRule(r *Resolved, in []Size) (Size, error) {
	if r.Alpha = valueOr(r.Node.Alpha, 0.01); !(math.Abs(float64(r.Alpha)) <= math.MaxFloat32) {
		return nil, fmt.Errorf("%w: alpha is %v, want a finite number", qtensor.ErrParams, r.Alpha)
	}
	return in[0], nil
}

// Epsilon returns that of a BatchNormalization, 1e-5 where it is left out.
func Epsilon(n *Node) float32 { return valueOr(n.Epsilon, 1e-5) }

// batchNormRule is that of x (batch, channels, …) and of scale, bias, mean and variance (channels).
func batchNormRule(r *Resolved, in []Size) (Size, error) {
	if r.Epsilon = Epsilon(r.Node); !(r.Epsilon >= 0 && r.Epsilon <= math.MaxFloat32) {
		return nil, fmt.Errorf("%w: epsilon is %v, want a finite one of at least 0", qtensor.ErrParams, r.Epsilon)
	}
	x := in[0]
	if len(x) < 2 || x[1] < 0 {
		return nil, fmt.Errorf("%w: got %v, want (batch, channels, …)", qtensor.ErrShape, x)
	}
	for _, s := range in[1:] {
		if !slices.Equal(s, Size{x[1]}) {
			return nil, fmt.Errorf("%w: got scale, bias, mean and variance %v, want (%d)", qtensor.ErrShape, in[1:], x[1])
		}
	}
	return x, nil
}

// clipRule: min and max are −∞ and ∞ where they are left out.
func clipRule(r *Resolved, in []Size) (Size, error) {
	r.Min, r.Max = valueOr(r.Node.Min, float32(math.Inf(-1))), valueOr(r.Node.Max, float32(math.Inf(1)))
	infinite := func(p *float32) bool { return p != nil && *p-*p != 0 }
	if !(r.Min <= r.Max) || infinite(r.Node.Min) || infinite(r.Node.Max) {
		return nil, fmt.Errorf("%w: min and max are %v and %v, want finite ones, the least first", qtensor.ErrParams, r.Min, r.Max)
	}
	return in[0], nil
}

// fakeQuantizeRule: the attributes are parameters of 8 bits.
func fakeQuantizeRule(r *Resolved, in []Size) (Size, error) {
	if s := float64(r.Scale); !(s >= kernel.MinScale && s <= math.MaxFloat32) {
		return nil, fmt.Errorf("%w: scale is %v, want a finite one of at least 2^-126", qtensor.ErrParams, r.Scale)
	}
	if r.QuantMin < math.MinInt8 || r.QuantMin > r.ZeroPoint || r.ZeroPoint > r.QuantMax || r.QuantMax > math.MaxUint8 {
		return nil, fmt.Errorf("%w: quant_min, zero_point and quant_max are %d, %d and %d, want 8-bit values in this order", qtensor.ErrParams,
			r.QuantMin, r.ZeroPoint, r.QuantMax)
	}
	return in[0], nil
}

// broadcastRule: sizes are equal, or 1 or missing where another's is repeated.
func broadcastRule(_ *Resolved, in []Size) (Size, error) {
	out := in[0]
	for _, s := range in[1:] {
		var err error
		if out, err = broadcast(out, s); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func broadcast(a, b Size) (Size, error) {
	out := make(Size, max(len(a), len(b)))
	for i := range out {
		one := func(s Size) int {
			if at := i - (len(out) - len(s)); at >= 0 {
				return s[at]
			}
			return 1
		}
		p, q := one(a), one(b)
		switch {
		case p == q || q == 1:
			out[i] = p
		case p == 1:
			out[i] = q
		default:
			return nil, fmt.Errorf("%w: got %v and %v, want equal sizes, or 1", qtensor.ErrShape, a, b)
		}
	}
	return out, nil
}

// axisOf returns an axis, counted from the first.
func axisOf(axis, rank int) (int, error) {
	if axis < -rank || axis >= rank {
		return 0, fmt.Errorf("%w: axis is %d, want one from %d to %d", qtensor.ErrShape, axis, -rank, rank-1)
	}
	if axis < 0 {
		axis += rank
	}
	return axis, nil
}

// softmaxRule: axis is the last where it is left out.
func softmaxRule(r *Resolved, in []Size) (_ Size, err error) {
	r.Axis, err = axisOf(valueOr(r.Node.Axis, -1), len(in[0]))
	return in[0], err
}

// reduceRule: axes are all where they are left out, none of them the batch; keepdims is true.
func reduceRule(r *Resolved, in []Size) (Size, error) {
	seen := make([]bool, len(in[0]))
	for _, a := range r.Node.Axes {
		axis, err := axisOf(a, len(in[0]))
		if err != nil {
			return nil, err
		}
		if seen[axis] {
			return nil, fmt.Errorf("%w: axes are %v of %v, want each once", qtensor.ErrShape, r.Node.Axes, in[0])
		}
		seen[axis] = true
	}
	r.Axes = nil
	var out Size
	for i, d := range in[0] {
		switch {
		case len(r.Node.Axes) > 0 && !seen[i]:
			out = append(out, d)
			continue
		case d < 0:
			return nil, fmt.Errorf("%w: axes are %v of %v, want none with the batch", qtensor.ErrShape, r.Node.Axes, in[0])
		case valueOr(r.KeepDims, true):
			out = append(out, 1)
		}
		r.Axes = append(r.Axes, i)
	}
	return out, nil
}

// gatherRule is that of parts by index along axis, 0 where it is left out: the axes of the indices lie in its
// place.
func gatherRule(r *Resolved, in []Size) (_ Size, err error) {
	data, indices := in[0], in[1]
	if r.Axis, err = axisOf(valueOr(r.Node.Axis, 0), len(data)); err != nil {
		return nil, err
	}
	if data[r.Axis] < 0 {
		return nil, fmt.Errorf("%w: got axis %d of %v, want one that is no batch", qtensor.ErrShape, r.Axis, data)
	}
	return slices.Concat(data[:r.Axis], indices, data[r.Axis+1:]), nil
}

// foreignRule asks the code.
func foreignRule(r *Resolved, in []Size) (Size, error) {
	shapes := make([][]int, len(in))
	for i, s := range in {
		shapes[i] = slices.Clone(s)
	}
	out, err := r.Foreign.Shape(shapes)
	return slices.Clone(out), err
}
