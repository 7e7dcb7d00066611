// Package minifloat converts between float32 and floating-point numbers of a byte or less.
//
// A number is a sign, exponent bits e and m mantissa bits f. With the bias of the exponent,
//
//	r = ±2^(e − bias)·(1 + f/2^m),   and where e is 0   r = ±2^(1 − bias)·f/2^m
//
// Rounding is to nearest, ties to the even f. Subnormals and the sign of zero are kept.
package minifloat

import "math"

// Format is a format: its largest code without the sign, what that stands for, and all values.
type Format struct {
	Last   uint8   // the code of Max; those behind it, if any, are no finite numbers
	Max    float32 // the largest value
	Values [256]float32

	sign, mantissa int // the place of the sign, and the bits of the mantissa
	bias           int
	// shift brings a number below the smallest normal to where float32 has the last place of a subnormal, and
	// leastNormal has the bits of that normal.
	shift       float32
	leastNormal uint32
	// drop is how many places of float32 are dropped, underHalf just under half of the last that is kept, and
	// rebias what the exponent and the kept places are greater by.
	drop              int
	underHalf, rebias uint32
	limit             uint32 // the largest code without a sign that there is, but for a NaN
}

var (
	e4m3fn = define(7, 3, 7, 0x7e)
	e5m2   = define(7, 2, 15, 0x7b)
	e2m1   = define(3, 1, 1, 0x07)
)

// E4M3FN returns the format of 4 exponent and 3 mantissa bits of the OCP 8-bit floating point specification,
// PyTorch's float8_e4m3fn: up to 448, with a NaN behind it, and without infinities.
func E4M3FN() *Format { return e4m3fn }

// E5M2 returns the format of 5 exponent and 2 mantissa bits of the same specification: the upper byte of a
// float16, up to 57,344.
func E5M2() *Format { return e5m2 }

// E2M1 returns the format of 2 exponent bits and 1 mantissa bit of the OCP Microscaling Formats
// specification, FP4: 0, 0.5, 1, 1.5, 2, 3, 4 and 6. It has no other codes: what is past 6 becomes 6.
func E2M1() *Format { return e2m1 }

// define returns a format with the sign at a place, so many mantissa bits, a bias and the code of its largest
// number.
func define(sign, mantissa, bias int, last uint8) *Format {
	f := &Format{Last: last, sign: sign, mantissa: mantissa, bias: bias}
	f.shift = float32(math.Ldexp(1, 23+1-bias-mantissa))
	f.leastNormal = math.Float32bits(float32(math.Ldexp(1, 1-bias)))
	f.drop = 23 - mantissa
	f.underHalf, f.rebias = 1<<(f.drop-1)-1, uint32(127-bias)<<mantissa
	f.limit = min(uint32(last)+1, 1<<sign-1)
	for c := range f.Values {
		f.Values[c] = f.value(c)
	}
	f.Max = f.Values[last]
	return f
}

// value returns what a code stands for by the definition; NaN behind the last.
func (f *Format) value(code int) float32 {
	magnitude := code & (1<<f.sign - 1)
	if magnitude > int(f.Last) {
		return float32(math.NaN())
	}
	e, significand := magnitude>>f.mantissa, magnitude&(1<<f.mantissa-1)
	if e > 0 {
		significand += 1 << f.mantissa
	}
	r := math.Ldexp(float64(significand), max(e, 1)-f.bias-f.mantissa)
	if code>>f.sign&1 == 1 {
		r = math.Copysign(r, -1)
	}
	return float32(r)
}

// Magnitude returns a code without its sign. One above Last is no finite number.
func (f *Format) Magnitude(code uint8) uint8 { return code & (1<<f.sign - 1) }

// encode returns the code that is nearest to x, which is no NaN: where that is past the largest number, Last
// + 1, or Last where there is no such code.
func (f *Format) encode(x float32) uint8 {
	pattern := math.Float32bits(x)
	magnitude, sign := pattern&^(1<<31), uint8(pattern>>31<<(f.sign&7))
	if magnitude < f.leastNormal {
		// The sum has its last place where f has, so adding rounds.
		sum := math.Float32frombits(magnitude) + f.shift
		return sign | uint8(math.Float32bits(sum)-math.Float32bits(f.shift))
	}
	// Adding just under half of the last kept place, or just half where that place is odd, carries into it
	// exactly when rounding to nearest even goes up.
	drop := f.drop & 31 // which tells the compiler that it is less than 32
	magnitude += f.underHalf + magnitude>>drop&1
	code := magnitude>>drop - f.rebias
	return sign | uint8(min(code, f.limit))
}

// Encode sets dst to the codes of src/scale, a float32 division: the code behind Last, if there is one, with
// the sign, where that is past the largest number. src is finite, and scale is not 0.
func (f *Format) Encode(dst []uint8, src []float32, scale float32) {
	dst = dst[:len(src)]
	for i, x := range src {
		dst[i] = f.encode(x / scale)
	}
}

// Decode sets dst to scale times what the codes src stand for, which are finite numbers, in float32, and
// saturated to the largest finite one.
func (f *Format) Decode(dst []float32, src []uint8, scale float32) {
	dst = dst[:len(src)]
	for i, c := range src {
		r := scale * f.Values[c]
		if r > math.MaxFloat32 { // by comparisons, which are faster than min and max
			r = math.MaxFloat32
		} else if r < -math.MaxFloat32 {
			r = -math.MaxFloat32
		}
		dst[i] = r
	}
}
