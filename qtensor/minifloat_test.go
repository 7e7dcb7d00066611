package qtensor_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"euryale/internal/tensortest"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// float8Schemes returns both formats per tensor and along each axis.
func float8Schemes(axes int) []qtensor.Scheme {
	schemes := []qtensor.Scheme{qtensor.Float8E4M3FN(), qtensor.Float8E5M2()}
	for axis := range axes {
		schemes = append(schemes, qtensor.Float8E4M3FN().PerAxis(axis), qtensor.Float8E5M2().PerAxis(axis))
	}
	return schemes
}

// float8 is a format as its specification has it: all numbers by code, and the largest code without a sign.
type float8 struct {
	values  [256]float64
	last    uint8
	largest float32
}

// float8Of returns the format of a scheme, of which each number is ±significand·2^(e − bias − bits).
func float8Of(s qtensor.Scheme) (f float8) {
	bits, bias := 3, 7
	f.last, f.largest = 0x7e, 448
	if s.Storage() == qtensor.StorageFloat8E5M2 {
		bits, bias = 2, 15
		f.last, f.largest = 0x7b, 57344
	}
	for code := range 128 {
		e, significand := code>>bits, code%(1<<bits)
		if e > 0 {
			significand += 1 << bits
		}
		v := math.Ldexp(float64(significand), max(e, 1)-bias-bits)
		f.values[code], f.values[code+128] = v, math.Copysign(v, -1)
	}
	return f
}

// checkFloat8 compares the scales of a tensor with their equation, its codes with the nearest of all to x/s,
// of two the even one, and its values with s times the number.
func checkFloat8(t *testing.T, c fuzzCase, q *qtensor.QTensor) {
	t.Helper()
	f, blocks, largest := float8Of(c.scheme), blocksOf(c.shape, c.scheme), c.largest()
	scales, codes, values := q.Params().Scales, q.Codes(), valuesOf(t, q)
	for i, code := range elements(codes).([]uint8) {
		s := scales[blocks[i]]
		want := float32(largest[i]) / f.largest
		if want == 0 {
			want = 1
		}
		if want = max(want, 0x1p-126); s != want {
			t.Fatalf("%s: the scale of element %d is %v, want %v", c, i, s, want)
		}
		x := float64(c.x[i] / s)
		e := math.Abs(x - f.values[code])
		for other := range f.last + 1 {
			r := math.Copysign(f.values[other], x)
			if d := math.Abs(x - r); d < e || d == e && other != code&0x7f && other&1 == 0 {
				t.Fatalf("%s: element %d, %v by %v, became %#02x, want %#02x", c, i, c.x[i], s, code, other)
			}
		}
		if math.Signbit(x) != (code>>7 == 1) {
			t.Fatalf("%s: element %d, %v, became %#02x of another sign", c, i, c.x[i], code)
		}
		r := float32(float64(s) * f.values[code]) // the product is exact in float64
		if r = max(-maxFloat, min(maxFloat, r)); values[i] != r {
			t.Fatalf("%s: element %d is %v, want %v", c, i, values[i], r)
		}
	}
}

// TestFloat8 quantizes tensors of all shapes along all axes.
func TestFloat8(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, shape := range []tensor.Shape{{1}, {70}, {37, 5}, {5, 37}, {3, 4, 5, 3}, {130, 2, 1}, {300, 64}} {
		for _, scale := range []float64{1, 0x1p-140, 0x1p120} {
			x := make([]float32, shape.TotalSize())
			for i := range x {
				x[i] = float32(rng.NormFloat64() * math.Exp(2*rng.NormFloat64()-8) * scale)
			}
			for _, s := range float8Schemes(len(shape)) {
				c := fuzzCase{s, shape, x}
				q := mustQuantize(t, newTensor(x, shape...), s)
				checkFloat8(t, c, q)
				checkRoundTrips(t, c, q)
				sameEverywhere(t, fmt.Sprintf("%v of %v", s, shape), q, valuesOf(t, q))
				blocks, err := s.Blocks(shape)
				if want := len(x) + 4*blocks; err != nil || q.Bytes() != want || len(q.Params().Min) != blocks {
					t.Errorf("%v of %v: %d bytes, %d minima, %v, want %d and %d", s, shape, q.Bytes(), len(q.Params().Min), err, want, blocks)
				}
			}
		}
	}
}

// TestFloat8OfZeros has blocks of zeros of both signs.
func TestFloat8OfZeros(t *testing.T) {
	minus := float32(math.Copysign(0, -1))
	for _, s := range []qtensor.Scheme{qtensor.Float8E4M3FN().PerAxis(0), qtensor.Float8E5M2().PerAxis(0)} {
		q := mustQuantize(t, newTensor([]float32{0, minus, 448, -7}, 2, 2), s)
		if got := q.Params().Scales[0]; got != 1 {
			t.Errorf("%v: the scale of zeros is %v, want 1", s, got)
		}
		if got := valuesOf(t, q)[:2]; !tensortest.SameBits(got, []float32{0, minus}) {
			t.Errorf("%v: zeros came back as %v", s, got)
		}
	}
}

// TestFloat8Saturates quantizes what is past the range of given parameters.
func TestFloat8Saturates(t *testing.T) {
	for _, c := range []struct {
		scheme    qtensor.Scheme
		scales    []float32
		x         []float32
		codes     []uint8
		past      string // the first that is, and its place; none are for ""
		saturated float64
	}{
		{qtensor.Float8E4M3FN(), []float32{1}, []float32{464, -448, 1, 0}, []uint8{0x7e, 0xfe, 0x38, 0}, "", 0},
		{qtensor.Float8E4M3FN(), []float32{0.5}, []float32{224, -232, 232.1, -1e30}, []uint8{0x7e, 0xfe, 0x7e, 0xfe}, "232.1 at 2,", 0.5},
		{qtensor.Float8E4M3FN().PerAxis(1), []float32{1, -2}, []float32{448, 465, -465, 930}, []uint8{0x7e, 0xf7, 0xfe, 0xfe}, "-465 at 2,", 0.5},
		{qtensor.Float8E5M2(), []float32{0x1p-126}, []float32{maxFloat, 0, -1, 0x1p-142}, []uint8{0x7b, 0, 0xfb, 1}, "3.4028235e+38 at 0,", 0.5},
		{qtensor.Float8E5M2().PerAxis(0), []float32{1, 2}, []float32{61439, -61440, 61440, -57344}, []uint8{0x7b, 0xfb, 0x78, 0xf7}, "-61440 at 1,", 0.25},
	} {
		x, p := newTensor(c.x, 2, 2), qtensor.Params{Scheme: c.scheme, Scales: c.scales}
		_, err := qtensor.QuantizeWith(x, p)
		if c.past == "" && err != nil || c.past != "" && (!errors.Is(err, qtensor.ErrValue) || !strings.Contains(err.Error(), c.past)) {
			t.Errorf("%v of %v: got error %v, want %q", c.scheme, c.x, err, c.past)
		}
		q, err := qtensor.QuantizeWith(x, p, qtensor.WithSaturation())
		if err != nil {
			t.Errorf("%v of %v: %v", c.scheme, c.x, err)
			continue
		}
		if got := q.Codes().Data().([]uint8); !slices.Equal(got, c.codes) {
			t.Errorf("%v of %v: got %#02x, want %#02x", c.scheme, c.x, got, c.codes)
		}
		if got, err := q.Compare(x); err != nil || got.Clipped != c.saturated {
			t.Errorf("%v of %v: clipped %v, %v, want %v", c.scheme, c.x, got.Clipped, err, c.saturated)
		}
	}
}

// TestFloat8Codes gives every code to FromCodes: numbers are taken, NaN and infinities are not.
func TestFloat8Codes(t *testing.T) {
	for _, s := range []qtensor.Scheme{qtensor.Float8E4M3FN(), qtensor.Float8E5M2()} {
		f, p := float8Of(s), qtensor.Params{Scheme: s, Scales: []float32{-0.75}}
		for code := range 256 {
			q, err := qtensor.FromCodes(newTensor([]uint8{0, uint8(code)}, 2), p)
			if uint8(code)&0x7f > f.last {
				if want := fmt.Sprintf("code %d at 1", code); !errors.Is(err, qtensor.ErrValue) || !strings.Contains(err.Error(), want) {
					t.Errorf("%v: got error %v, want %q", s, err, want)
				}
				continue
			}
			if err != nil {
				t.Errorf("%v: code %d: %v", s, code, err)
				continue
			}
			if got, want := valuesOf(t, q)[1], float32(-0.75*f.values[code]); got != want {
				t.Errorf("%v: code %d is %v, want %v", s, code, got, want)
			}
			if got, err := q.Code(1); err != nil || int(got) != code {
				t.Errorf("%v: code %d came back as %d, %v", s, code, got, err)
			}
		}
	}
}

// TestFloat8Refused goes through what does not go with floats of 8 bits.
func TestFloat8Refused(t *testing.T) {
	x := newTensor([]float32{1, 2, 3, 4}, 2, 2)
	with := func(p qtensor.Params) error { return second(qtensor.QuantizeWith(x, p)) }
	s := qtensor.Float8E4M3FN()
	for name, c := range map[string]struct{ got, want error }{
		"a search":         {second(qtensor.Quantize(x, s, qtensor.WithSearch(qtensor.Search{}))), qtensor.ErrScheme},
		"no scale":         {with(qtensor.Params{Scheme: s}), qtensor.ErrParams},
		"a scale of 0":     {with(qtensor.Params{Scheme: s, Scales: []float32{0}}), qtensor.ErrParams},
		"a NaN scale":      {with(qtensor.Params{Scheme: s, Scales: []float32{nan}}), qtensor.ErrParams},
		"a scale more":     {with(qtensor.Params{Scheme: s.PerAxis(1), Scales: []float32{1, 1, 1}}), qtensor.ErrParams},
		"a zero point":     {with(qtensor.Params{Scheme: s, Scales: []float32{1}, ZeroPoints: []int32{0}}), qtensor.ErrParams},
		"a multiplier":     {with(qtensor.Params{Scheme: s, Scales: []float32{1}, Multiplier: 1}), qtensor.ErrParams},
		"levels":           {s.WithLevels(qtensor.E2M1Levels).Validate(), qtensor.ErrScheme},
		"no range":         {second(qtensor.NewParams(s, nil, nil)), qtensor.ErrParams},
		"codes with signs": {second(qtensor.FromCodes(newTensor([]int8{1}, 1), qtensor.Params{Scheme: s, Scales: []float32{1}})), qtensor.ErrDtype},
		"NaN in the input": {second(qtensor.Quantize(newTensor([]float32{nan}, 1), s, qtensor.WithSaturation())), qtensor.ErrValue},
		"Int8":             {second(mustQuantize(t, x, s).Int8()), qtensor.ErrScheme},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: got %v, want %v", name, c.got, c.want)
		}
	}
}
