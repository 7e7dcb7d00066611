package qtensor_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// fuzzScheme returns a valid scheme for a tensor of so many axes.
func fuzzScheme(how uint32, axes int) qtensor.Scheme {
	schemes := append(integerSchemes(), qtensor.Float16(), qtensor.BFloat16())
	s := schemes[how%32]
	axis, size := int(how>>8)%axes, 1+int(how>>16)%20
	if s.IsFloat() {
		return append(float8Schemes(axes), s, s)[how>>5%uint32(2*axes+4)]
	}
	switch how >> 5 % 3 {
	case 1:
		s = s.PerAxis(axis)
	case 2:
		s = s.PerGroup(axis, size)
	}
	if how>>7&1 == 1 {
		s = scaled(s)
	}
	return s
}

// fuzzValues returns n values: any bit patterns, or halves of integers times a power of two, which have
// more ties, repeated where data is short.
func fuzzValues(data []byte, plain bool, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		at := i % (len(data) / 4) * 4
		bits := binary.LittleEndian.Uint32(data[at:])
		x[i] = math.Float32frombits(bits)
		if plain {
			x[i] = float32(int8(bits)) * float32(math.Exp2(float64(int8(data[3])%64)))
		}
	}
	return x
}

// fuzzCase is written out when it fails.
type fuzzCase struct {
	scheme qtensor.Scheme
	shape  []int
	x      []float32
}

func (c fuzzCase) String() string { return fmt.Sprintf("%v of %v %x", c.scheme, c.shape, c.x) }

// largest returns the largest magnitude among the elements that share a scale with each element.
func (c fuzzCase) largest() []float64 {
	blocks := blocksOf(c.shape, c.scheme)
	of := make([]float64, slices.Max(blocks)+1)
	for i, b := range blocks {
		of[b] = max(of[b], math.Abs(float64(c.x[i])))
	}
	largest := make([]float64, len(blocks))
	for i, b := range blocks {
		largest[i] = of[b]
	}
	return largest
}

// FuzzQuantize makes a scheme, a shape and values of what it is given. Quantizing refuses what it must, and
// else gives what the rational reference gives, within the error that the documentation promises.
func FuzzQuantize(f *testing.F) {
	bits := func(x ...float32) (data []byte) {
		for _, v := range x {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		return data
	}
	for how := range uint32(32) {
		f.Add(how|how<<5|how<<8|how<<16, uint16(3+how*7), false, bits(1, -2.5, 3.7, 1e-3, 42, -0.1, 17))
		f.Add(how|3<<16|how<<7, uint16(how), true, []byte{1, 2, 3, 4, 250, 6, 7, 8, 127, 0, 0, 0, 128, 0, 0, 0})
	}
	for _, x := range [][]float32{
		{0},
		{0, float32(math.Copysign(0, -1))},
		{1, nan},
		{inf, 1},
		{maxFloat, -maxFloat, 1e38},
		{0x1p-149, -0x1p-127, 0x1p-126},
		{65504, 65519.996, -65520},
		{16777216, 16777218, 16777217},
		{-0.3, -0.3},
		{1, 0x1p-40, 0, 0x1p40},
	} {
		for _, how := range []uint32{0, 1, 2, 3, 4, 5, 30, 31, 0x85, 0x2c5, 0x142, 0x3e, 0x5e, 0x7e, 0x9e} {
			f.Add(how, uint16(len(x)), false, bits(x...))
		}
	}
	f.Fuzz(func(t *testing.T, how uint32, dims uint16, plain bool, data []byte) {
		if len(data) < 4 {
			return
		}
		shape := []int{1 + int(dims%6)}
		for rest := dims / 6; rest > 0 && len(shape) < 4; rest /= 4 {
			shape = append(shape, 1+int(rest%3))
		}
		s := fuzzScheme(how, len(shape))
		x := fuzzValues(data, plain, tensor.Shape(shape).TotalSize())
		c := fuzzCase{s, shape, x}

		q, err := qtensor.Quantize(newTensor(x, shape...), s)
		if slices.ContainsFunc(x, func(v float32) bool { return v-v != 0 || past(s, v) }) {
			if !errors.Is(err, qtensor.ErrValue) {
				t.Fatalf("%s: got error %v, want one that wraps %q", c, err, qtensor.ErrValue)
			}
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", c, err)
		}
		checkRoundTrips(t, c, q)
		switch {
		case !s.HasScales():
			checkFloatError(t, c, q)
			return
		case s.IsFloat():
			checkFloat8(t, c, q)
			return
		}
		if diff := newReference(x, shape, s).diff(t, q); diff != "" {
			t.Errorf("%s: %s", c, diff)
		}
		checkError(t, c, q)
		checkCodes(t, c, q)
	})
}

// past reports whether v rounds past the range of a 16-bit format.
func past(s qtensor.Scheme, v float32) bool {
	largest := math.Abs(float64(v))
	return s == qtensor.Float16() && largest >= 65520 || s == qtensor.BFloat16() && largest >= 0x1.ffp127
}

// checkError bounds the error |x − r| of every element.
//
// Let u = 2^−24, the most that rounding to float32 changes a value by, relatively; Q the number of steps
// between the outermost codes; and k = q − z.
//
// Inside the outermost codes k = RNE(x/s·(1 + u)) and r = s·k·(1 + u), where |x/s| and |k| are at most Q + ½:
// no more than ½ + 2uQ steps and a bit. The ends of the range are at most Q·(1 + 2u) steps apart, since s =
// (hi − lo)/Q is rounded twice or else raised, and the zero point is at most ½ + uQ off −lo/s: no end is
// further than ½ + 3uQ steps beyond the outermost code, and r is off by another uQ. Hence ½ + 4uQ.
//
// A float16 scale is raised under a zero point. Without one it may be too small by 2^−11, which puts the ends
// of the range Q·2^−12 < ½ steps beyond the outermost codes. A power of two stays below 2^128, where the
// range may be as long as 4 of the 3 steps of 2 bits.
//
// Uniform is computed in float64, and its one rounding to float32 is relative to r, not to s.
func checkError(t *testing.T, c fuzzCase, q *qtensor.QTensor) {
	t.Helper()
	const u = 0x1p-24
	s, p, values := q.Scheme(), q.Params(), valuesOf(t, q)
	blocks, largest := blocksOf(c.shape, s), c.largest()
	low, high := s.CodeRange()
	steps := float64(high - low)
	for i, r := range values {
		scale := float64(p.Scales[blocks[i]])
		bound := scale * (0.5 + 4*u*steps)
		switch {
		case s.HasOffset():
			bound = scale*0.5*(1+0x1p-40) + u*(largest[i]+scale) + 0x1p-150
		case s.Method() == "PowerOfTwo" && s.Bits() == 2 && scale == 0x1p127:
			bound += scale
		}
		if e := math.Abs(float64(c.x[i]) - float64(r)); !(e <= bound) {
			t.Errorf("%s: element %d, %v, became %v: off by %v, %v steps of %v", c, i, c.x[i], r, e, e/scale, scale)
		}
	}
}

// checkFloatError bounds the error by half a unit in the last place.
func checkFloatError(t *testing.T, c fuzzCase, q *qtensor.QTensor) {
	t.Helper()
	relative, absolute := 0x1p-11, 0x1p-25
	if q.Scheme() == qtensor.BFloat16() {
		relative, absolute = 0x1p-8, 0x1p-134
	}
	for i, r := range valuesOf(t, q) {
		if e := math.Abs(float64(c.x[i]) - float64(r)); !(e <= max(relative*math.Abs(float64(c.x[i])), absolute)) {
			t.Errorf("%s: element %d, %v, became %v", c, i, c.x[i], r)
		}
	}
}

// checkCodes checks that codes are inside their range and that zero stands for itself.
func checkCodes(t *testing.T, c fuzzCase, q *qtensor.QTensor) {
	t.Helper()
	low, high := q.Scheme().CodeRange()
	for i, code := range codesOf(t, q) {
		if code < low || code > high {
			t.Errorf("%s: code %d at %d, want %d to %d", c, code, i, low, high)
		}
	}
	if q.Scheme().HasOffset() {
		return
	}
	zeros := newTensor(make([]float32, q.Len()), q.Shape()...)
	for i, r := range valuesOf(t, mustQuantizeWith(t, zeros, q.Params())) {
		if r != 0 {
			t.Errorf("%s: zero at %d became %v", c, i, r)
		}
	}
}

// checkRoundTrips checks that codes and parameters make the same tensor, and that its values have its codes.
func checkRoundTrips(t *testing.T, c fuzzCase, q *qtensor.QTensor) {
	t.Helper()
	again, err := qtensor.FromCodes(q.Codes(), q.Params())
	if err != nil {
		t.Errorf("%s: FromCodes: %v", c, err)
	} else if diff := same(t, again, q); diff != "" {
		t.Errorf("%s: FromCodes: %s", c, diff)
	}
	values, err := q.Dequantize(tensor.Float32)
	if err != nil {
		t.Fatalf("%s: %v", c, err)
	}
	codes, p := codesOf(t, q), q.Params()
	blocks, largest := blocksOf(c.shape, c.scheme), c.largest()
	for i, code := range codesOf(t, mustQuantizeWith(t, values, p)) {
		if code == codes[i] {
			continue
		}
		// Rounding to float32 may move a value of Uniform to the next code where steps are as fine as the
		// values themselves.
		if c.scheme.HasOffset() && float64(p.Scales[blocks[i]]) < 2*ulp(largest[i]) {
			continue
		}
		t.Errorf("%s: code %d at %d became %d on the way to values and back", c, codes[i], i, code)
	}
}
