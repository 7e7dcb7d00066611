package qtensor

import (
	"fmt"

	"gorgonia.org/tensor"
)

// Scheme says how real values become quantized values: a mapping, its bits, how many elements share a scale,
// and the type that scales are stored in. Schemes are comparable. The zero Scheme is not valid: make one with
// a function named after its method, and refine it with PerTensor, PerAxis, PerGroup and WithScales:
//
//	qtensor.Symmetric(8)                 one scale for the tensor
//	qtensor.PerChannelSymmetric(8, 1)    one scale for each index of axis 1, each column of a matrix
//	qtensor.Int4().PerGroup(1, 32)       one scale for every 32 elements of a column
//
// A Scheme that no tensor can have (a ninth bit, a negative axis) is reported by Validate and by every
// function that takes it.
type Scheme struct {
	method  method
	bits    int
	sharing sharing
	axis    int // the channel axis, unless per tensor
	size    int // elements in a group, if per group
	scales  ScaleType
}

type sharing uint8

const (
	perTensor sharing = iota
	perAxis
	perGroup
)

// Uniform returns the scheme r = lo + s·q with s = (hi − lo)/(2^bits − 1) and q in 0 … 2^bits − 1, where lo
// and hi are the range of the data, which need not contain 0: it alone may not represent zero exactly.
func Uniform(bits int) Scheme { return Scheme{method: uniform, bits: bits} }

// Symmetric returns the scheme r = s·q with s = max|x|/(2^(bits−1) − 1) and q in ±(2^(bits−1) − 1).
func Symmetric(bits int) Scheme { return Scheme{method: symmetric, bits: bits} }

// Affine returns the scheme r = s·(q − z) with s = (hi − lo)/(2^bits − 1), z = RNE(−lo/s) and q in
// 0 … 2^bits − 1, where lo and hi are the range of the data, widened to contain 0.
func Affine(bits int) Scheme { return Scheme{method: affine, bits: bits} }

// PowerOfTwo returns the scheme of Affine with s rounded up to a power of two.
func PowerOfTwo(bits int) Scheme { return Scheme{method: powerOfTwo, bits: bits} }

// Int4 returns the scheme of Symmetric at 4 bits, stored two to a byte.
func Int4() Scheme { return Scheme{method: int4, bits: 4} }

// UInt4 returns the scheme of Affine at 4 bits, stored two to a byte.
func UInt4() Scheme { return Scheme{method: uint4, bits: 4} }

// Float16 returns the scheme of IEEE 754 binary16, rounded to nearest, ties to even: no scale.
func Float16() Scheme { return Scheme{method: float16, bits: 16} }

// BFloat16 returns the scheme of bfloat16, the upper half of binary32, rounded to nearest, ties to even: no
// scale.
func BFloat16() Scheme { return Scheme{method: bfloat16, bits: 16} }

// PerChannelSymmetric returns Symmetric(bits).PerAxis(axis).
func PerChannelSymmetric(bits, axis int) Scheme { return Symmetric(bits).PerAxis(axis) }

// PerChannelAffine returns Affine(bits).PerAxis(axis).
func PerChannelAffine(bits, axis int) Scheme { return Affine(bits).PerAxis(axis) }

// PerTensor returns s with one scale for the whole tensor.
func (s Scheme) PerTensor() Scheme {
	s.sharing, s.axis, s.size = perTensor, 0, 0
	return s
}

// PerAxis returns s with one scale for each index of axis, the channel axis: per-channel quantization, as
// PyTorch's ch_axis and ONNX's axis say it.
func (s Scheme) PerAxis(axis int) Scheme {
	s.sharing, s.axis, s.size = perAxis, axis, 0
	return s
}

// PerGroup returns s with one scale for each group of size elements: those that share an index of axis, the
// channel axis, in row-major order of all other axes, cut into groups, of which the last may be shorter. A
// weight (in, out) in groups along in has axis 1, that of out; ONNX, whose axis is that of the blocks, says
// axis 0 and block_size.
func (s Scheme) PerGroup(axis, size int) Scheme {
	s.sharing, s.axis, s.size = perGroup, axis, size
	return s
}

// WithScales returns s with scales of type t. Float16 and BFloat16 have none, and are not valid with another
// than ScaleFloat32.
func (s Scheme) WithScales(t ScaleType) Scheme {
	s.scales = t
	return s
}

// Bits returns the bits of a quantized value, 0 for the zero Scheme.
func (s Scheme) Bits() int { return s.bits }

// Axis returns the channel axis, of a scheme per axis or per group; 0, false for one per tensor.
func (s Scheme) Axis() (axis int, ok bool) { return s.axis, s.sharing != perTensor }

// GroupSize returns the number of elements in a group, or 0 where a scale is shared otherwise.
func (s Scheme) GroupSize() int { return s.size }

// Scales returns the type that scales are stored in.
func (s Scheme) Scales() ScaleType { return s.scales }

// Storage returns the type that a quantized value is stored in, 0 for the zero Scheme.
func (s Scheme) Storage() Storage { return s.method.info().storage }

// IsFloat reports whether quantized values are 16-bit floats, of Float16 or BFloat16: bit patterns without a
// scale.
func (s Scheme) IsFloat() bool { return s.method == float16 || s.method == bfloat16 }

// HasZeroPoint reports whether the scheme has an integer zero point: Affine, PowerOfTwo and UInt4.
func (s Scheme) HasZeroPoint() bool { return s.method.info().zeroPoint }

// HasOffset reports whether the scheme has a real offset, the value of q = 0: Uniform.
func (s Scheme) HasOffset() bool { return s.method == uniform }

// CodeRange returns qmin and qmax, the smallest and the largest value that quantizing with positive scales
// gives: 0, 0 for Float16 and BFloat16, which are bit patterns, and for a scheme that is not valid. Symmetric
// and Int4 leave out −2^(bits−1); a quantized value is that under a negative scale, or where FromCodes was
// given it.
func (s Scheme) CodeRange() (low, high int32) {
	switch {
	case s.IsFloat() || s.validate() != nil:
		return 0, 0
	case s.signed():
		high = 1<<(s.bits-1) - 1
		return -high, high
	default:
		return 0, 1<<s.bits - 1
	}
}

func (s Scheme) signed() bool { return s.method == symmetric || s.method == int4 }

// Method returns the name of the function that makes the scheme: "Uniform", "Symmetric", "Affine",
// "PowerOfTwo", "Int4", "UInt4", "Float16", "BFloat16", "PerChannelSymmetric" or "PerChannelAffine", for
// Symmetric and Affine per axis; "" for the zero Scheme.
func (s Scheme) Method() string {
	name := s.method.info().title
	if s.sharing == perAxis && (s.method == symmetric || s.method == affine) {
		return "PerChannel" + name
	}
	return name
}

// Validate returns an error that wraps ErrScheme if no tensor can have this scheme.
func (s Scheme) Validate() error {
	if err := s.validate(); err != nil {
		return fmt.Errorf("qtensor: Scheme.Validate: %w", err)
	}
	return nil
}

// validate is Validate without the name of the operation.
func (s Scheme) validate() error {
	info := s.method.info()
	switch {
	case info.name == "":
		return fmt.Errorf("%w: got the zero Scheme, want one made by a method", ErrScheme)
	case s.bits < info.minBits || s.bits > info.maxBits:
		return fmt.Errorf("%w: got %d bits, want %d to %d", ErrScheme, s.bits, info.minBits, info.maxBits)
	case s.sharing != perTensor && s.IsFloat():
		return fmt.Errorf("%w: got %v per axis or group, want it alone: it has no scales", ErrScheme, info.name)
	case s.scales != ScaleFloat32 && s.IsFloat():
		return fmt.Errorf("%w: got %v with %v scales, want it alone: it has no scales", ErrScheme, info.name, s.scales)
	case s.scales != ScaleFloat32 && s.scales != ScaleFloat16:
		return fmt.Errorf("%w: got scale type %d, want float32 or float16", ErrScheme, s.scales)
	case s.axis < 0:
		return fmt.Errorf("%w: got axis %d, want 0 or more", ErrScheme, s.axis)
	case s.sharing == perGroup && s.size <= 0:
		return fmt.Errorf("%w: got groups of %d, want 1 or more", ErrScheme, s.size)
	}
	return nil
}

// blocks says where the elements that share a scale are, for a tensor of the given shape.
func (s Scheme) blocks(shape tensor.Shape) (blocks, error) {
	if err := s.validate(); err != nil {
		return blocks{}, err
	}
	total := checkedSize(shape)
	if total < 1 {
		return blocks{}, fmt.Errorf("%w: got %v, want at least one element and no more than an int counts", ErrShape, shape)
	}
	b := blocks{outer: 1, channels: 1, inner: total}
	if s.sharing != perTensor {
		if s.axis >= len(shape) {
			return blocks{}, fmt.Errorf("%w: got axis %d for shape %v, want one below %d", ErrShape, s.axis, shape, len(shape))
		}
		for _, n := range shape[:s.axis] {
			b.outer *= n
		}
		b.channels = shape[s.axis]
		b.inner = total / b.outer / b.channels
	}
	b.size = b.outer * b.inner
	if s.sharing == perGroup {
		b.size = min(b.size, s.size)
	}
	return b, nil
}
