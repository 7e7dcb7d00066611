package kernel

import (
	"math"
	"testing"

	"euryale/internal/half"
)

func (m *memory) byte() uint8 { return uint8(m.Uint32()) }

func (m *memory) int8() int8 { return int8(m.Uint32()) }

// affine returns a map to one of the ranges, with any scale and a zero point in the range.
func (m *memory) affine(ranges ...[2]int32) Affine {
	r := oneOf(m, ranges...)
	a := Affine{Scale: m.finite32(), Zero: oneOf(m, r[0], r[1], r[0]+m.Int32N(r[1]-r[0]+1)), Low: r[0], High: r[1]}
	if a.Scale == 0 {
		a.Scale = 1
	}
	return param(m, a)
}

var (
	signedRanges   = [][2]int32{{-127, 127}, {-128, 127}, {-7, 7}, {-8, 7}}
	unsignedRanges = [][2]int32{{0, 255}, {0, 15}}
)

// near returns a function to finite values, half of which are multiples of scale/2 or their neighbours, up to
// a number of steps from 0.
func (m *memory) near(scale float64, steps int32) func() float32 {
	return func() float32 {
		x := float32(scale * (float64(m.Int32N(4*steps)) - 2*float64(steps)) / 2)
		switch {
		case m.IntN(2) == 0 || x-x != 0:
			return m.finite32()
		case m.IntN(2) == 0:
			return max(-math.MaxFloat32, min(math.MaxFloat32, math.Nextafter32(x, oneOf(m, x-1, x+1))))
		}
		return x
	}
}

func quantizeTrial[C int8 | uint8 | int32](quantize func(s *Set) func([]C, []float32, Affine), element func(m *memory) C, ranges ...[2]int32) func(*Set, *memory, shape) {
	return func(s *Set, m *memory, shape shape) {
		a := m.affine(ranges...)
		src := take(m, shape[0], m.near(float64(a.Scale), 256))
		quantize(s)(take(m, shape[0], func() C { return element(m) }), src, a)
	}
}

// quantizeBytesTrial has values of which one may not be finite. What is stored means nothing then.
func quantizeBytesTrial[C Code](quantize func(s *Set) func([]C, []float32, Affine) bool, element func(m *memory) C, ranges ...[2]int32) func(*Set, *memory, shape) {
	return func(s *Set, m *memory, shape shape) {
		a := m.affine(ranges...)
		src := take(m, shape[0], m.near(float64(a.Scale), 256))
		if len(src) > 0 && m.IntN(4) == 0 {
			src[m.IntN(len(src))] = oneOf(m, float32(math.NaN()), float32(infinity), float32(-infinity))
		}
		dst := take(m, shape[0], func() C { return element(m) })
		finite := uint8(1)
		if !quantize(s)(dst, src, a) {
			finite = 0
			clear(dst)
		}
		result(m, finite)
	}
}

func dequantizeTrial[C Code](dequantize func(s *Set) func([]float32, []C, Affine), element func(m *memory) C, ranges ...[2]int32) func(*Set, *memory, shape) {
	return func(s *Set, m *memory, shape shape) {
		a := m.affine(ranges...)
		src := take(m, shape[0], func() C { return element(m) })
		dequantize(s)(take(m, shape[0], m.number32), src, a)
	}
}

// addTrial has scales of any sizes whose products stay finite, of which the last is near the others where
// sums are to be seen.
func addTrial(s *Set, m *memory, shape shape) {
	ax, ay, a := m.affine(unsignedRanges...), m.affine(unsignedRanges...), m.affine(unsignedRanges...)
	for _, scale := range []*float32{&ax.Scale, &ay.Scale} {
		if math.Abs(float64(*scale)) > math.MaxFloat32/1024 {
			*scale = param(m, oneOf[float32](m, 0.1, -3))
		}
	}
	if m.IntN(4) > 0 {
		ay.Scale = ax.Scale * param(m, oneOf[float32](m, 1, 2, 0.7, 1e-3))
		a.Scale = ax.Scale * param(m, oneOf[float32](m, 1, 2, 0.3, 1.9))
	}
	if a.Scale == 0 {
		a.Scale = 1
	}
	x, y := take(m, shape[0], m.byte), take(m, shape[0], m.byte)
	s.AddU8(take(m, shape[0], m.byte), x, y, ax, ay, a)
}

// lookUpTrial has any table, and a result of its own or in place.
func lookUpTrial(s *Set, m *memory, shape shape) {
	table, src := take(m, 256, m.byte), take(m, shape[0], m.byte)
	dst := src
	if param(m, m.IntN(2)) == 1 {
		dst = take(m, shape[0], m.byte)
	}
	s.LookUp(dst, src, (*[256]uint8)(table))
}

// fixedTrial has exponents that FixedOf gives, from the largest float32's to the smallest one's.
func fixedTrial(s *Set, m *memory, shape shape) {
	bits := param(m, oneOf(m, 8, 16, 24))
	low, high := FixedOf(math.MaxFloat32, bits), FixedOf(math.SmallestNonzeroFloat32, bits)
	e := param(m, low+m.IntN(high-low+1))
	src := take(m, shape[0], m.near(math.Ldexp(1, -e), 1<<(bits-1)))
	s.QuantizeFixed(take(m, shape[0], m.integer32), src, e, bits)
}

// splitTrial has planes that are stride apart, and what lies between them is not to change.
func splitTrial(m *memory, n, planeBytes, planes int, x func() int32) (dst []uint8, stride int, ints []int32) {
	stride = param(m, planeBytes+m.IntN(2)*m.IntN(70))
	return take(m, (planes-1)*stride+planeBytes, m.byte), stride, take(m, n, x)
}

// within returns a function to integers of a range, often its ends.
func (m *memory) within(low, high int32) func() int32 {
	return func() int32 { return oneOf(m, low, high, low+m.Int32N(high-low+1), low+m.Int32N(high-low+1)) }
}

// minMaxTrial has values that are all finite, or a few that are not. What MinMax returns beside their index
// is meaningless.
func minMaxTrial(s *Set, m *memory, shape shape) {
	number := oneOf(m, m.finite32, m.finite32, m.number32, func() float32 { return oneOf(m, 0, float32(negativeZero)) }, m.near(1, 9))
	src := take(m, shape[0], number)
	if len(src) > 0 && m.IntN(3) == 0 {
		src[m.IntN(len(src))] = oneOf(m, float32(math.NaN()), float32(infinity), float32(-infinity))
	}
	low, high, bad := s.MinMax(src)
	result(m, int32(bad))
	if bad < 0 && len(src) > 0 {
		result(m, low, high)
	}
}

// decodeTrial has 16-bit floats that are finite.
func decodeTrial(s *Set, m *memory, shape shape) {
	f := half.Float16()
	if param(m, m.IntN(2)) == 1 {
		f = half.BFloat16()
	}
	src := take(m, shape[0], func() uint16 {
		code := uint16(m.Uint32())
		if x := f.Decode(code); x-x != 0 {
			return 1 // the smallest subnormal
		}
		return code
	})
	s.Decode(take(m, shape[0], m.number32), src, f)
}

// operandTrials have the shape {n}.
var operandTrials = []trial{
	{"QuantizeS8", quantizeBytesTrial(func(s *Set) func([]int8, []float32, Affine) bool { return s.QuantizeS8 }, (*memory).int8, signedRanges...)},
	{"QuantizeU8", quantizeBytesTrial(func(s *Set) func([]uint8, []float32, Affine) bool { return s.QuantizeU8 }, (*memory).byte, unsignedRanges...)},
	{"QuantizeInts", quantizeTrial(func(s *Set) func([]int32, []float32, Affine) { return s.QuantizeInts }, (*memory).integer32, append(signedRanges, unsignedRanges...)...)},
	{"DequantizeS8", dequantizeTrial(func(s *Set) func([]float32, []int8, Affine) { return s.DequantizeS8 }, (*memory).int8, signedRanges...)},
	{"DequantizeU8", dequantizeTrial(func(s *Set) func([]float32, []uint8, Affine) { return s.DequantizeU8 }, (*memory).byte, unsignedRanges...)},
	{"AddU8", addTrial},
	{"LookUp", lookUpTrial},
	{"QuantizeFixed", fixedTrial},
	{"MinMax", minMaxTrial},
	{"SubtractZeroPoint", func(s *Set, m *memory, shape shape) {
		zero := param(m, oneOf(m, 0, 255, m.Int32N(256), m.integer32()))
		s.SubtractZeroPoint(take(m, shape[0], m.integer32), take(m, shape[0], m.byte), zero)
	}},
	{"SplitU8", func(s *Set, m *memory, shape shape) {
		planes := param(m, 1+m.IntN(3))
		largest := int32(1)<<(8*planes) - 1
		offset := param(m, oneOf(m, 0, 1<<(8*planes-1), m.Int32N(largest+1)))
		dst, stride, x := splitTrial(m, shape[0], shape[0], planes, m.within(-offset, largest-offset))
		s.SplitU8(dst, stride, x, planes, offset)
	}},
	{"SplitS16", func(s *Set, m *memory, shape shape) {
		planes := param(m, 1+m.IntN(2))
		largest := int32(1)<<(8*planes+7) - 1
		dst, stride, x := splitTrial(m, shape[0], (shape[0]+3)/4*8, planes, m.within(-largest, largest))
		s.SplitS16(dst, stride, x, planes)
	}},
	{"SplitFixed", func(s *Set, m *memory, shape shape) {
		operand := operands[U8][param(m, oneOf(m, 16, 24))]
		bits := 8 * operand.Planes
		low, high := FixedOf(math.MaxFloat32, bits), FixedOf(math.SmallestNonzeroFloat32, bits)
		e := param(m, low+m.IntN(high-low+1))
		src := take(m, shape[0], m.near(math.Ldexp(1, -e), 1<<(bits-1)))
		stride := param(m, shape[0]+m.IntN(2)*m.IntN(70))
		s.SplitFixed(take(m, (operand.Planes-1)*stride+shape[0], m.byte), stride, src, e, operand)
	}},
	{"Decode", decodeTrial},
	{"Unpack", func(s *Set, m *memory, shape shape) {
		s.Unpack(take(m, 2*StepBytes*shape[0], m.int8), take(m, StepBytes*shape[0], m.byte))
	}},
}

// TestOperandsOfSets goes through lengths around every vector's and its tails.
func TestOperandsOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for _, trial := range operandTrials {
			for n := range 101 {
				b.compare(trial, shape{n}, effort(20))
			}
			for _, n := range []int{127, 128, 129, 160, 255, 256, 257, 511, 512, 513} {
				b.compare(trial, shape{n}, effort(8))
			}
		}
	})
}

// TestQuantizeFixedOfSets goes through all exponents that FixedOf gives. The shape is {n, 256 + exponent,
// bits}.
func TestQuantizeFixedOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for _, bits := range []int{8, 16, 24} {
			for e := FixedOf(math.MaxFloat32, bits); e <= FixedOf(math.SmallestNonzeroFloat32, bits); e++ {
				b.compare(trial{"QuantizeFixed", func(s *Set, m *memory, shape shape) {
					src := take(m, shape[0], m.near(math.Ldexp(1, -param(m, e)), 1<<(param(m, bits)-1)))
					s.QuantizeFixed(take(m, shape[0], m.integer32), src, e, bits)
				}}, shape{64 + (e+bits)&7, e + 1<<8, bits}, 1)
			}
		}
	})
}

func FuzzOperandsOfSets(f *testing.F) {
	fuzzSets(f, operandTrials, func(_ *Set, n, _, _ uint8) shape { return shape{int(n)} })
}
