package qtensor

import (
	"fmt"
	"math"
	"slices"

	"euryale/internal/convert"
	"euryale/internal/dense"
	"euryale/internal/half"
	"euryale/internal/kernel"

	"gorgonia.org/tensor"
)

// QuantizeOption changes how Quantize and QuantizeWith work: WithSaturation and WithSearch.
type QuantizeOption func(*options)

type options struct {
	saturate bool
	search   *Search
}

// WithSaturation makes Quantize and QuantizeWith round a value past the range of Float16, BFloat16,
// Float8E4M3FN or Float8E5M2 to the largest finite one of its sign. Without it such a value is ErrValue.
// Integers saturate in any case.
func WithSaturation() QuantizeOption { return func(o *options) { o.saturate = true } }

// Quantize returns q = clamp(RNE(x/s) + z), or clamp(RNE((x − lo)/s)) under Uniform, with the parameters that
// NewParams gives for the minimum and the maximum of each block of x itself, or that a search finds: see
// WithSearch. Under Float16 and BFloat16 it returns x rounded to nearest, ties to even. Under Codebook, which
// always searches, q is the code whose w8 is nearest to x/S, the lowest of those as near. Under Float8E4M3FN,
// Float8E5M2 and MXFP4 it is x/s, rounded to nearest, ties to even.
//
// x is float32 or float64 (rounded to float32 first), of any shape with at least one element, a scalar too,
// in any layout: a view, transposed or column-major. It is neither changed nor kept. x/s is a true division,
// in float32 (in float64 for Uniform). Of integers |x − r| is at most s/2 and a few ulps of x, with two
// exceptions: a Symmetric or Int4 range may end 2^−11 before its last value under ScaleFloat16, and
// PowerOfTwo(2) over a range wider than 3·2^127 clips up to s more.
//
// Errors: ErrScheme, ErrShape, ErrDtype, ErrLayout; ErrParams for a nil option, and for an importance that
// does not fit; the error of a search's context; ErrValue for NaN, an infinity, a float64 past the range of
// float32, or a value past the range of a float, with the flat index of the first.
func Quantize(x tensor.Tensor, s Scheme, opts ...QuantizeOption) (*QTensor, error) {
	q, err := quantize(x, s, nil, opts)
	if err != nil {
		return nil, fmt.Errorf("qtensor: Quantize: %w", err)
	}
	return q, nil
}

// QuantizeWith returns q = clamp(RNE(x/s) + z), or clamp(RNE((x − lo)/s)) under Uniform, with parameters that
// were found beforehand, by package calib or by NewParams. Values outside of the range saturate to qmin or
// qmax, and, under a negative scale, to −2^(bits−1) in place of qmin. Rounding, and what x may be, are as
// Quantize has them. p is copied.
//
// Errors: those of Quantize; ErrParams for parameters that do not fit their scheme or the shape of x, such as
// a scale that the scheme's ScaleType cannot hold, or that is no power of two under PowerOfTwo.
func QuantizeWith(x tensor.Tensor, p Params, opts ...QuantizeOption) (*QTensor, error) {
	q, err := quantize(x, p.Scheme, &p, opts)
	if err != nil {
		return nil, fmt.Errorf("qtensor: QuantizeWith: %w", err)
	}
	return q, nil
}

func quantize(x tensor.Tensor, s Scheme, given *Params, opts []QuantizeOption) (*QTensor, error) {
	var o options
	for _, opt := range opts {
		if opt == nil {
			return nil, fmt.Errorf("%w: got a nil option, want one that a function made", ErrParams)
		}
		opt(&o)
	}
	data, err := dense.Float32s(x)
	if err != nil {
		return nil, err
	}
	shape := x.Shape()
	b, err := s.blocks(shape)
	if err != nil {
		return nil, err
	}
	if err := o.checkSearch(s, given != nil, b.Outer*b.Inner); err != nil {
		return nil, err
	}
	searches := given == nil && (o.search != nil || s.IsCodebook())
	ranged := b
	if given != nil || searches {
		ranged = convert.One(len(data))
	}
	lo, hi, bad := convert.Ranges(data, ranged)
	if bad >= 0 {
		return nil, fmt.Errorf("%w: got %v at %d, want finite values", ErrValue, data[bad], bad)
	}
	if !s.HasScales() {
		if given != nil {
			if _, err := given.check(b); err != nil {
				return nil, err
			}
		}
		codes, err := encodeFloats(data, s, max(-lo[0], hi[0]), o.saturate)
		if err != nil {
			return nil, err
		}
		return build(Params{Scheme: s}, shape, codes)
	}
	var p Params
	switch {
	case given != nil:
		p, err = given.check(b)
	case searches:
		p, err = o.find(data, s, shape, b)
	default:
		p, err = NewParams(s, lo, hi)
	}
	if err != nil {
		return nil, err
	}
	if s.IsCodebook() {
		return build(p, shape, encodeBook(data, &p, shape, b))
	}
	if s.minifloat() != nil {
		codes, err := encodeMinifloats(data, &p, b, o.saturate)
		if err != nil {
			return nil, err
		}
		return build(p, shape, codes)
	}
	affines := p.affines()
	if searches && s.signed() {
		affines = p.fullAffines()
	}
	if s.signed() {
		return build(p, shape, encode[int8](data, &p, b, affines))
	}
	return build(p, shape, encode[uint8](data, &p, b, affines))
}

// encode returns data as quantized values, by affines unless there are offsets.
func encode[C kernel.Code](data []float32, p *Params, b convert.Blocks, affines *convert.Affines) []C {
	codes := make([]C, len(data))
	if p.Scheme.HasOffset() {
		convert.QuantizeGrid(any(codes).([]uint8), data, b, p.grids())
	} else {
		convert.Quantize(codes, data, b, affines)
	}
	return codes
}

func floatFormat(s Scheme) half.Format {
	if s.method == float16 {
		return half.Float16()
	}
	return half.BFloat16()
}

// encodeFloats returns data, of magnitudes up to the largest, in a 16-bit format.
func encodeFloats(data []float32, s Scheme, largest float32, saturate bool) ([]uint16, error) {
	f := floatFormat(s)
	codes := make([]uint16, len(data))
	convert.Encode(codes, data, f)
	if isFinite(f.Decode(f.Encode(largest))) {
		return codes, nil
	}
	for i, c := range codes {
		if isFinite(f.Decode(c)) {
			continue
		}
		if !saturate {
			return nil, fmt.Errorf("%w: got %v at %d, want a magnitude up to %v for %v, or WithSaturation", ErrValue, data[i], i, f.Max, s)
		}
		codes[i]-- // the largest finite number is what comes before an infinity
	}
	return codes, nil
}

// FromCodes returns the tensor with the given quantized values, as another tool made them, and parameters p.
// codes has the shape of the tensor, one value to an element: int8 for Symmetric and Int4, uint8 for Uniform,
// Affine, PowerOfTwo, UInt4, Codebook and MXFP4, and bit patterns for floats, uint16 for Float16 and
// BFloat16, uint8 for Float8E4M3FN and Float8E5M2. Symmetric and Int4 take −2^(bits−1) too. codes, of any
// layout, and p are copied.
//
// Errors: ErrDtype, ErrLayout, ErrScheme, ErrShape, ErrParams; ErrValue for a code out of range, or a float
// that is NaN or an infinity.
func FromCodes(codes *tensor.Dense, p Params) (*QTensor, error) {
	q, err := fromCodes(codes, p)
	if err != nil {
		return nil, fmt.Errorf("qtensor: FromCodes: %w", err)
	}
	return q, nil
}

func fromCodes(codes *tensor.Dense, p Params) (*QTensor, error) {
	if codes == nil {
		return nil, fmt.Errorf("%w: got nil codes, want *tensor.Dense", ErrLayout)
	}
	b, err := p.Scheme.blocks(codes.Shape())
	if err != nil {
		return nil, err
	}
	p, err = p.check(b)
	if err != nil {
		return nil, err
	}
	switch {
	case p.Storage().Bits() == 16:
		return copyCodes[uint16](codes, p)
	case p.Scheme.signed():
		return copyCodes[int8](codes, p)
	default:
		return copyCodes[uint8](codes, p)
	}
}

// copyCodes returns the tensor with parameters p and a copy of codes, of the element type that p stores.
func copyCodes[T int8 | uint8 | uint16](codes *tensor.Dense, p Params) (*QTensor, error) {
	data, err := dense.Slice[T](codes)
	if err == nil {
		err = checkCodes(p.Scheme, data)
	}
	if err != nil {
		return nil, err
	}
	return build(p, codes.Shape(), slices.Clone(data))
}

// checkCodes returns an error for a code that the scheme does not have.
func checkCodes[T int8 | uint8 | uint16](s Scheme, codes []T) error {
	low, high := s.CodeRange()
	if s.signed() {
		low--
	}
	var infinity int32 // the first pattern behind the numbers: NaN and the infinities have all its bits
	switch f := s.minifloat(); {
	case s.isFloat8():
		low, high, infinity = 0, math.MaxUint8, int32(f.Last)+1
	case s.IsFloat():
		low, high = 0, math.MaxUint16
		infinity = int32(floatFormat(s).Encode(float32(math.Inf(1))))
	}
	if _, bytes := asBytes(codes); bytes && infinity == 0 && high-low >= math.MaxUint8 {
		return nil // there are no other bytes
	}
	for i, c := range codes {
		if q := int32(c); q < low || q > high || infinity != 0 && q&infinity == infinity {
			return fmt.Errorf("%w: got code %v at %d, want one of %v", ErrValue, c, i, s)
		}
	}
	return nil
}
