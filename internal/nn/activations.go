package nn

import (
	"fmt"
	"slices"

	"euryale/internal/gemm"
	"euryale/internal/kernel"
	"euryale/qtensor"
)

// Activations is how a layer represents its activations while it multiplies them by quantized weights. In
// every case a row of activations becomes integers X with one scale r, the sums Σ X·q over depth are exact,
// and a row of the result depends on that row of the input alone. The figures below are the SQNR of the
// product against the same weights dequantized and multiplied in float64, for gaussian activations.
//
// Weights that are floats go with Fixed24 alone, and with activations as they are: an element of the result
// is one chain of fused multiply-adds in float32, in order of depth, by the weights that Dequantize gives. It
// begins with the bias.
type Activations int

const (
	// Default is Fixed24.
	Default Activations = iota
	// Fixed24 is block floating point of 24 bits, a block to a row: X = RNE(x·2^e) with the largest magnitude
	// of the row in 2^22 … 2^23: as good as float32, above 130 dB.
	Fixed24
	// Fixed16 is block floating point of 16 bits, a block to a row: X = RNE(x·2^e) with the largest magnitude
	// of the row in 2^14 … 2^15: above 80 dB, for less work than Fixed24.
	Fixed16
	// DynamicInt8 quantizes each row to 8 unsigned bits over its own range, as qtensor.Affine(8) would: X = q
	// − z. About 40 dB. ONNX has DynamicQuantizeLinear for it, with a range for the whole tensor.
	DynamicInt8
	// StaticInt8 quantizes every row with the same parameters, which a calibration found, and saturates
	// values outside of their range: X = clamp(RNE(x/s) + z) − z.
	StaticInt8
)

var names = []string{"default", "fixed24", "fixed16", "dynamic-int8", "static-int8"}

// String returns "default", "fixed24", "fixed16", "dynamic-int8" or "static-int8".
func (a Activations) String() string {
	if a.Validate() != nil {
		return fmt.Sprintf("Activations(%d)", int(a))
	}
	return names[a]
}

// Validate returns qtensor.ErrParams for a value that is none of the constants.
func (a Activations) Validate() error {
	if a < 0 || int(a) >= len(names) {
		return fmt.Errorf("%w: got Activations(%d), want one of %q", qtensor.ErrParams, int(a), names)
	}
	return nil
}

// ParseActivations returns the constant whose String is name, which is not "default".
func ParseActivations(name string) (Activations, error) {
	a := Activations(slices.Index(names, name))
	if a <= Default {
		return Default, fmt.Errorf("%w: got %.40q, want one of %q", qtensor.ErrParams, name, names[1:])
	}
	return a, nil
}

// arithmetic returns how a row becomes integers; params are those of StaticInt8, and no others have any.
func (a Activations) arithmetic(params qtensor.Params) (gemm.Arithmetic, error) {
	if err := a.Validate(); err != nil {
		return gemm.Arithmetic{}, err
	}
	if a != StaticInt8 {
		if len(params.Scales) > 0 {
			return gemm.Arithmetic{}, fmt.Errorf("%w: got parameters for %v, want them for static-int8 alone", qtensor.ErrParams, a)
		}
		return gemm.Arithmetic{Bits: map[Activations]int{Default: 24, Fixed24: 24, Fixed16: 16}[a]}, nil
	}
	static, err := staticOf(params)
	return gemm.Arithmetic{Static: &static}, err
}

// staticOf returns the parameters of StaticInt8 as package kernel has them.
func staticOf(p qtensor.Params) (kernel.Affine, error) {
	if _, perAxis := p.Scheme.Axis(); perAxis || p.Scheme.IsFloat() || p.Scheme.HasOffset() {
		return kernel.Affine{}, fmt.Errorf("%w: got %v for activations, want an integer scheme per tensor that represents zero",
			qtensor.ErrScheme, p.Scheme)
	}
	if err := p.Validate(nil); err != nil {
		return kernel.Affine{}, fmt.Errorf("activations: %w", err)
	}
	if p.Scales[0] < 0 {
		return kernel.Affine{}, fmt.Errorf("%w: got scale %v for activations, want a positive one", qtensor.ErrParams, p.Scales[0])
	}
	static := kernel.Affine{Scale: p.Scales[0]}
	static.Low, static.High = p.Scheme.CodeRange()
	if p.Scheme.HasZeroPoint() {
		static.Zero = p.ZeroPoints[0]
	}
	return static, nil
}
