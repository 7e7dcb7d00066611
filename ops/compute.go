package ops

import (
	"fmt"
	"slices"

	"euryale/internal/gemm"
	"euryale/internal/kernel"
	"euryale/qtensor"
)

// Compute says how activations, which are real numbers, are multiplied by quantized weights. In every case a
// row of activations becomes integers X with one scale r, the sums Σ X·q over depth are exact, and a row of
// the result depends on that row of the input alone. The figures are the SQNR of the product against the
// same weights dequantized and multiplied in float64, for gaussian activations.
//
// Weights of 16 bits are not integers, and take Fixed24 alone: their products with the activations are exact
// and summed in float64.
type Compute struct {
	name       string
	arithmetic gemm.Arithmetic
	params     *qtensor.Params
}

// Fixed24 makes each row a fixed point of 24 bits, X = RNE(x·2^e) with the largest magnitude of the row in
// 2^22 … 2^23: float32 grade, above 130 dB. It is the default.
func Fixed24() Compute { return Compute{name: "fixed24", arithmetic: gemm.Arithmetic{Bits: 24}} }

// Fixed16 makes each row a fixed point of 16 bits, X = RNE(x·2^e) with the largest magnitude of the row in
// 2^14 … 2^15: above 80 dB, beyond bfloat16's 55, for less work than Fixed24.
func Fixed16() Compute { return Compute{name: "fixed16", arithmetic: gemm.Arithmetic{Bits: 16}} }

// DynamicInt8 makes each row codes of 8 unsigned bits over its own range, as qtensor.Affine(8) would:
// X = q − z. About 40 dB, less where a few channels stand far above the rest.
func DynamicInt8() Compute { return Compute{name: "dynamic-int8"} }

// StaticInt8 makes every row codes with the parameters that a calibration found (calib.Profile.Params), which
// need no look at the row and saturate what lies outside: X = clamp(RNE(x/s) + z) − z. The scheme is per
// tensor, Symmetric, Affine, PowerOfTwo, Int4 or UInt4, and its scale is positive. p is copied. Parameters of
// another kind are an error of what takes the Compute: qtensor.ErrScheme, or ErrParams.
func StaticInt8(p qtensor.Params) Compute {
	p = cloned(p)
	return Compute{name: "static-int8", params: &p}
}

// String returns "fixed24", "fixed16", "dynamic-int8" or "static-int8"; "" for the zero Compute.
func (c Compute) String() string { return c.name }

// checked returns c with its arithmetic complete.
func (c Compute) checked() (Compute, error) {
	if c.name == "" {
		return c, fmt.Errorf("%w: got the zero Compute, want one that a function returns", qtensor.ErrParams)
	}
	if c.params == nil {
		return c, nil
	}
	p := *c.params
	if _, perAxis := p.Scheme.Axis(); perAxis || p.Scheme.IsHalf() || p.Scheme.HasOffset() {
		return c, fmt.Errorf("%w: got %v for activations, want an integer scheme per tensor with a code for zero", qtensor.ErrScheme, p.Scheme)
	}
	if err := p.Validate(nil); err != nil {
		return c, fmt.Errorf("activations: %w", err)
	}
	if p.Scales[0] < 0 {
		return c, fmt.Errorf("%w: got scale %v for activations, want a positive one", qtensor.ErrParams, p.Scales[0])
	}
	static := kernel.Affine{Scale: p.Scales[0]}
	static.Low, static.High = p.Scheme.CodeRange()
	if p.Scheme.HasZeroPoint() {
		static.Zero = p.ZeroPoints[0]
	}
	c.arithmetic.Static = &static
	return c, nil
}

// Static returns a copy of the parameters that StaticInt8 was given; false for the other ways to compute.
func (c Compute) Static() (qtensor.Params, bool) {
	if c.params == nil {
		return qtensor.Params{}, false
	}
	return cloned(*c.params), true
}

// cloned returns p with lists of its own.
func cloned(p qtensor.Params) qtensor.Params {
	p.Scales, p.ZeroPoints, p.Offsets = slices.Clone(p.Scales), slices.Clone(p.ZeroPoints), slices.Clone(p.Offsets)
	p.Min, p.Max = slices.Clone(p.Min), slices.Clone(p.Max)
	return p
}
