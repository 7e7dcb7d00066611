package nn

import (
	"fmt"
	"math"

	"euryale/internal/gemm"
	"euryale/internal/kernel"
	"euryale/qtensor"
)

// QuantParams are the quantization parameters of activations: bytes q from 0 to High, counted from the
// smallest value of the scheme, stand for Scale·(q − Zero). They compare equal where they are the same.
type QuantParams struct {
	Scale      float32
	Zero, High int32
}

// StaticParams returns the parameters of quantized activations under StaticInt8 with p. Errors:
// qtensor.ErrScheme for a scheme that is not per tensor, of integers, with zero represented;
// qtensor.ErrParams for parameters that do not fit the scheme, and for a negative scale.
func StaticParams(p qtensor.Params) (QuantParams, error) {
	static, err := staticOf(p)
	if err != nil {
		return QuantParams{}, err
	}
	a := gemm.Counted(static)
	return QuantParams{a.Scale, a.Zero, a.High}, nil
}

// affine returns p as package kernel has it.
func (p QuantParams) affine() kernel.Affine {
	return kernel.Affine{Scale: p.Scale, Zero: p.Zero, High: p.High}
}

// valid reports whether p are parameters of bytes, with zero represented.
func (p QuantParams) valid() bool {
	return p.Scale >= kernel.MinScale && p.Scale <= math.MaxFloat32 && 0 <= p.Zero && p.Zero <= p.High && p.High <= math.MaxUint8
}

// Operand is the activations of contiguous samples: float32, or quantized where Quantized is not nil. An
// image is NCHW as float32, and NHWC quantized.
type Operand struct {
	Float     []float32
	Quantized []uint8
	Params    QuantParams // of Quantized
	// Stop, of x, ends the work early once it is closed; y is undefined then, and an error may be missing.
	Stop <-chan struct{}
}

// activations returns o as package gemm has it, and how many elements there are.
func (o Operand) activations() (gemm.Activations, int) {
	if o.Quantized != nil {
		return gemm.Activations{Quantized: o.Quantized, Params: o.Params.affine(), Stop: o.Stop}, len(o.Quantized)
	}
	return gemm.Activations{Float: o.Float, Stop: o.Stop}, len(o.Float)
}

// IO is which quantized activations a layer takes for x and gives for y, besides float32.
type IO struct {
	TakesQuantized bool        // for x
	Params         QuantParams // of those that it takes
	GivesQuantized bool        // for y, with any parameters
}

// check returns an error for operands that the layer does not take or give.
func (io IO) check(y, x Operand) error {
	switch {
	case x.Quantized != nil && !io.TakesQuantized:
		return fmt.Errorf("%w: got quantized x, want float32: TakesQuantized is false", qtensor.ErrParams)
	case x.Quantized != nil && x.Params != io.Params:
		return fmt.Errorf("%w: got x quantized by %+v, want %+v, or float32", qtensor.ErrParams, x.Params, io.Params)
	case y.Quantized != nil && !io.GivesQuantized:
		return fmt.Errorf("%w: got y quantized, want float32: GivesQuantized is false", qtensor.ErrParams)
	case y.Quantized != nil && !y.Params.valid():
		return fmt.Errorf("%w: got y to be quantized by %+v, want a finite Scale of at least 2^-126 and 0 ≤ Zero ≤ High ≤ 255",
			qtensor.ErrParams, y.Params)
	}
	return nil
}

// MatrixIO returns the IO of layers that Weight.Prepare makes with o, for a weight of a scheme and the
// channels that PackMatrix was given, 1 for Pack. They take quantized activations under StaticInt8, unless
// NHWC order would split groups of elements that share a scale, and give them unless the weights are floats.
func MatrixIO(o Options, s qtensor.Scheme, channels int) IO {
	params, static := o.static()
	return IO{static && !s.IsFloat() && packable(s, channels), params, !s.IsFloat()}
}

// ConvIO returns the IO of layers that Filters.Prepare makes with o, for filters (out, in/groups, height,
// width) of a scheme, images (…, height, width) and a pad as NewWindow has it. With one group they give
// quantized activations, and take them under StaticInt8 unless weights share scales in groups. With several
// they do both if the convolution is depthwise, the activations are StaticInt8, the weights have neither zero
// points nor offsets nor groups of scales, and a padded image has at most 2^28 elements.
func ConvIO(o Options, s qtensor.Scheme, images, filters, pad []int, groups int) IO {
	if len(images) < 2 || len(filters) != 4 || s.IsFloat() {
		return IO{}
	}
	w, err := NewWindow(pad, nil, nil)
	height, width := images[len(images)-2], images[len(images)-1]
	if err != nil || min(groups, height, width) < 1 || max(w.side(0, height), w.side(1, width)) > maxElements {
		return IO{}
	}
	return convIO(o, s, filters[0], filters[1], groups, w.padded(groups*filters[1], height, width))
}

// convIO is ConvIO for filters (out, in, …) and the number of elements of a padded image.
func convIO(o Options, s qtensor.Scheme, out, in, groups int, padded int64) IO {
	params, static := o.static()
	together := groups == 1 || static && isDepthwise(out, in, groups, s) && padded <= maxElements
	return IO{static && together && packable(s, 2), params, together}
}
