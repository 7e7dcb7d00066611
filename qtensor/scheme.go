package qtensor

import (
	"fmt"

	"euryale/internal/convert"

	"gorgonia.org/tensor"
)

// Scheme says how real values become quantized values: by which method, in how many bits, how many elements
// share a scale, and in which type scales are stored.
//
// A Scheme is a comparable value. A function named after its method makes one, with a float32 scale for the
// whole tensor, and PerAxis, PerGroup, PerTensor and WithScales return a changed copy. The zero Scheme is not
// valid.
//
//	qtensor.Symmetric(8)                 one scale for the tensor
//	qtensor.PerChannelSymmetric(8, 1)    one scale for each index of axis 1: for each column of a matrix
//	qtensor.Int4().PerGroup(1, 32)       one scale for every 32 elements of a column
//
// Nothing is checked when a Scheme is made. Validate, and every function that takes a Scheme, returns
// ErrScheme for one that no tensor can have, such as one of 9 bits or of a negative axis. An axis that the
// tensor does not have is ErrShape.
type Scheme struct {
	method  method
	bits    int
	sharing sharing
	axis    int // the channel axis, unless per tensor
	size    int // elements in a group, if per group
	scales  ScaleType
	levels  LevelTable // of a Codebook
}

type sharing uint8

const (
	perTensor sharing = iota
	perAxis
	perGroup
)

// Uniform returns the scheme r = lo + s·q with s = (hi − lo)/(2^bits − 1) and q in 0 … 2^bits − 1, where lo
// and hi are the range of the data. It has a float32 offset, lo, in place of a zero point. The range need not
// contain 0, so 0 may not be represented exactly. bits is 2 to 8.
func Uniform(bits int) Scheme { return Scheme{method: uniform, bits: bits} }

// Symmetric returns the scheme r = s·q with s = max|x|/(2^(bits−1) − 1) and q in ±(2^(bits−1) − 1). bits is 2
// to 8.
func Symmetric(bits int) Scheme { return Scheme{method: symmetric, bits: bits} }

// Affine returns the scheme r = s·(q − z) with s = (hi − lo)/(2^bits − 1), z = RNE(−lo/s) and q in 0 … 2^bits
// − 1, where lo and hi are the range of the data, widened to contain 0. bits is 2 to 8.
func Affine(bits int) Scheme { return Scheme{method: affine, bits: bits} }

// PowerOfTwo returns the scheme Affine(bits) with s rounded up to a power of two.
func PowerOfTwo(bits int) Scheme { return Scheme{method: powerOfTwo, bits: bits} }

// Int4 returns the scheme Symmetric(4) under another name.
func Int4() Scheme { return Scheme{method: int4, bits: 4} }

// UInt4 returns the scheme Affine(4) under another name.
func UInt4() Scheme { return Scheme{method: uint4, bits: 4} }

// Float16 returns the scheme that stores each element as IEEE 754 binary16, rounded to nearest, ties to even.
// It has no scale: with PerAxis, PerGroup or float16 scales it is not valid.
func Float16() Scheme { return Scheme{method: float16, bits: 16} }

// BFloat16 returns the scheme that stores each element as bfloat16, the upper half of binary32, rounded to
// nearest, ties to even. It has no scale: with PerAxis, PerGroup or float16 scales it is not valid.
func BFloat16() Scheme { return Scheme{method: bfloat16, bits: 16} }

// PerChannelSymmetric returns Symmetric(bits).PerAxis(axis).
func PerChannelSymmetric(bits, axis int) Scheme { return Symmetric(bits).PerAxis(axis) }

// PerChannelAffine returns Affine(bits).PerAxis(axis).
func PerChannelAffine(bits, axis int) Scheme { return Affine(bits).PerAxis(axis) }

// PerTensor returns s with one scale for the whole tensor, which is the default.
func (s Scheme) PerTensor() Scheme {
	s.sharing, s.axis, s.size = perTensor, 0, 0
	return s
}

// PerAxis returns s with one scale for each index of axis, the channel axis: what PyTorch calls ch_axis and
// ONNX axis.
func (s Scheme) PerAxis(axis int) Scheme {
	s.sharing, s.axis, s.size = perAxis, axis, 0
	return s
}

// PerGroup returns s with one scale for each group of size elements within a channel, as group_size of
// torchao. A channel is the elements with one index of axis, in row-major order of the other axes; it is cut
// into consecutive groups, of which the last may be shorter.
//
// axis is the channel axis, not the one that the groups run along: a weight (in, out) in groups of 32 along
// in is PerGroup(1, 32). ONNX names the other axis: axis 0 and block_size 32.
func (s Scheme) PerGroup(axis, size int) Scheme {
	s.sharing, s.axis, s.size = perGroup, axis, size
	return s
}

// WithScales returns s with scales of type t.
func (s Scheme) WithScales(t ScaleType) Scheme {
	s.scales = t
	return s
}

// Bits returns the bits of a quantized value, 2 to 8 or 16; 0 for the zero Scheme.
func (s Scheme) Bits() int { return s.bits }

// Axis returns the channel axis and true for a scheme per axis or per group, and 0 and false for one per
// tensor.
func (s Scheme) Axis() (axis int, ok bool) { return s.axis, s.sharing != perTensor }

// GroupSize returns the number of elements in a group, and 0 for a scheme that is not per group.
func (s Scheme) GroupSize() int { return s.size }

// Scales returns the type that scales are stored in.
func (s Scheme) Scales() ScaleType { return s.scales }

// Storage returns the type that a quantized value is stored in; 0 for the zero Scheme.
func (s Scheme) Storage() Storage { return storageOf(s.method.info().kind, s.bits) }

// IsFloat reports whether quantized values are floating-point numbers: Float16, BFloat16, Float8E4M3FN and
// Float8E5M2.
func (s Scheme) IsFloat() bool {
	return s.method == float16 || s.method == bfloat16 || s.isFloat8()
}

// HasScales reports whether the scheme has scales: every one but Float16, BFloat16 and the zero Scheme.
func (s Scheme) HasScales() bool {
	return s.method.info().name != "" && s.method != float16 && s.method != bfloat16
}

// HasZeroPoint reports whether the scheme has an integer zero point: Affine, PowerOfTwo and UInt4.
func (s Scheme) HasZeroPoint() bool { return s.method.info().zeroPoint }

// HasOffset reports whether the scheme has a real offset in place of a zero point: Uniform.
func (s Scheme) HasOffset() bool { return s.method == uniform }

// CodeRange returns qmin and qmax: ±(2^(bits−1) − 1) for Symmetric and Int4, 0 and 2^bits − 1 for Uniform,
// Affine, PowerOfTwo, UInt4, Codebook and MXFP4, and 0 and 0 for floats and a scheme that is not valid. Under
// Symmetric and Int4, −2^(bits−1) is left out: quantizing gives it for a negative scale only, and FromCodes
// takes it.
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

// Method returns the name of the function that makes the scheme, such as "Int4". It is "PerChannelSymmetric"
// or "PerChannelAffine" for Symmetric or Affine per axis, and "" for the zero Scheme.
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
	case s.sharing != perTensor && !s.HasScales():
		return fmt.Errorf("%w: got %v per axis or group, want it alone: it has no scales", ErrScheme, info.name)
	case s.scales != ScaleFloat32 && !s.HasScales():
		return fmt.Errorf("%w: got %v with %v scales, want it alone: it has no scales", ErrScheme, info.name, s.scales)
	case (s.scales == ScaleE8M0) != (s.method == mxfp4):
		return fmt.Errorf("%w: got %v with %v scales, want e8m0 ones for MXFP4 and no other", ErrScheme, info.name, s.scales)
	case s.scales > ScaleE8M0:
		return fmt.Errorf("%w: got scale type %d, want float32 or float16", ErrScheme, s.scales)
	case s.axis < 0:
		return fmt.Errorf("%w: got axis %d, want 0 or more", ErrScheme, s.axis)
	case s.sharing == perGroup && s.size <= 0:
		return fmt.Errorf("%w: got groups of %d, want 1 or more", ErrScheme, s.size)
	}
	if err := s.validateMinifloat(); err != nil {
		return err
	}
	return s.validateCodebook()
}

// blocks says where the elements that share a scale are, for a tensor of the given shape.
func (s Scheme) blocks(shape tensor.Shape) (convert.Blocks, error) {
	if err := s.validate(); err != nil {
		return convert.Blocks{}, err
	}
	total := checkedSize(shape)
	if total < 1 {
		return convert.Blocks{}, fmt.Errorf("%w: got %v, want at least one element and no more than an int counts", ErrShape, shape)
	}
	if s.sharing == perTensor {
		return convert.One(total), nil
	}
	if s.axis >= len(shape) {
		return convert.Blocks{}, fmt.Errorf("%w: got axis %d for shape %v, want one below %d", ErrShape, s.axis, shape, len(shape))
	}
	return convert.PerAxis(shape, s.axis, s.size), nil
}
