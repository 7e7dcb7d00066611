package qtensor_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// TestQuantizeWith has values beyond the range, which saturate, and scales of both signs.
func TestQuantizeWith(t *testing.T) {
	for _, c := range []struct {
		name   string
		p      qtensor.Params
		x      []float32
		codes  []int32
		values []float32
	}{
		{
			"symmetric",
			qtensor.Params{Scheme: qtensor.Symmetric(8), Scales: []float32{0.5}},
			[]float32{0, 0.25, 0.75, -0.25, -0.75, 63, 63.5, 64, maxFloat, -63.5, -64, -maxFloat},
			[]int32{0, 0, 2, 0, -2, 126, 127, 127, 127, -127, -127, -127},
			[]float32{0, 0, 1, 0, -1, 63, 63.5, 63.5, 63.5, -63.5, -63.5, -63.5},
		},
		{
			"a negative scale reaches the extreme code",
			qtensor.Params{Scheme: qtensor.Int4(), Scales: []float32{-0.5}},
			[]float32{0, 4, 3.5, 5, maxFloat, -3.5, -4, -maxFloat, 0.3, -0.3},
			[]int32{0, -8, -7, -8, -8, 7, 7, 7, -1, 1},
			[]float32{0, 4, 3.5, 4, 4, -3.5, -3.5, -3.5, 0.5, -0.5},
		},
		{
			"a positive one does not",
			qtensor.Params{Scheme: qtensor.Int4(), Scales: []float32{0.5}},
			[]float32{-4, -maxFloat, 3.5, maxFloat},
			[]int32{-7, -7, 7, 7},
			[]float32{-3.5, -3.5, 3.5, 3.5},
		},
		{
			"negative, 8 bits",
			qtensor.Params{Scheme: qtensor.Symmetric(8), Scales: []float32{-1}},
			[]float32{128, 129, -127, -128},
			[]int32{-128, -128, 127, 127},
			[]float32{128, 128, -127, -127},
		},
		{
			"negative, 2 bits",
			qtensor.Params{Scheme: qtensor.Symmetric(2), Scales: []float32{-1}},
			[]float32{1, 2, 3, -1, -2},
			[]int32{-1, -2, -2, 1, 1},
			[]float32{1, 2, 2, -1, -1},
		},
		{
			"affine",
			qtensor.Params{Scheme: qtensor.UInt4(), Scales: []float32{2}, ZeroPoints: []int32{5}},
			[]float32{0, 1, 3, -1, -3, -10, -11, -maxFloat, 20, 21, maxFloat},
			[]int32{5, 5, 7, 5, 3, 0, 0, 0, 15, 15, 15},
			[]float32{0, 0, 4, 0, -4, -10, -10, -10, 20, 20, 20},
		},
		{
			"affine, negative scale",
			qtensor.Params{Scheme: qtensor.Affine(8), Scales: []float32{-2}, ZeroPoints: []int32{5}},
			[]float32{0, 10, 12, -500, -502, 1},
			[]int32{5, 0, 0, 255, 255, 5},
			[]float32{0, 10, 10, -500, -500, 0},
		},
		{
			"power of two",
			qtensor.Params{Scheme: qtensor.PowerOfTwo(3), Scales: []float32{0.25}, ZeroPoints: []int32{7}},
			[]float32{0, 1, -1.75, -2, -0.125, -0.375},
			[]int32{7, 7, 0, 0, 7, 5},
			[]float32{0, 0, -1.75, -1.75, 0, -0.5},
		},
		{
			"uniform",
			qtensor.Params{Scheme: qtensor.Uniform(4), Scales: []float32{2}, Offsets: []float32{-3}},
			[]float32{-3, -2, 0, -4, -maxFloat, 27, 28, maxFloat},
			[]int32{0, 0, 2, 0, 0, 15, 15, 15},
			[]float32{-3, -3, 1, -3, -3, 27, 27, 27},
		},
		{
			"uniform, negative scale",
			qtensor.Params{Scheme: qtensor.Uniform(2), Scales: []float32{-2}, Offsets: []float32{3}},
			[]float32{3, 2, 0, 4, -3, -9},
			[]int32{0, 0, 2, 0, 3, 3},
			[]float32{3, 3, -1, 3, -3, -3},
		},
		{
			"float16 scale",
			qtensor.Params{Scheme: scaled(qtensor.Symmetric(8)), Scales: []float32{1 + 0x1p-10}},
			[]float32{100.5, 100.6},
			[]int32{100, 101},
			[]float32{100 + 100*0x1p-10, 101 + 101*0x1p-10},
		},
		{
			"three groups of a row",
			qtensor.Params{Scheme: qtensor.Symmetric(4).PerGroup(0, 2), Scales: []float32{1, 2, 4}},
			[]float32{6, 6, 6, 6, 6},
			[]int32{6, 6, 3, 3, 2},
			[]float32{6, 6, 6, 6, 8},
		},
	} {
		shape := []int{len(c.x)}
		if c.p.Scheme.GroupSize() > 0 {
			shape = []int{1, len(c.x)}
		}
		q := mustQuantizeWith(t, newTensor(c.x, shape...), c.p)
		if got := codesOf(t, q); !slices.Equal(got, c.codes) {
			t.Errorf("%s: %v became %v, want %v", c.name, c.x, got, c.codes)
		}
		if got := valuesOf(t, q); !slices.Equal(got, c.values) {
			t.Errorf("%s: %v came back as %v, want %v", c.name, c.x, got, c.values)
		}
	}
}

func TestQuantizeFloats(t *testing.T) {
	for _, c := range []struct {
		scheme    qtensor.Scheme
		x         float32
		code      int32
		value     float32
		saturated bool // the value is past the range
	}{
		{qtensor.Float16(), 1, 0x3c00, 1, false},
		{qtensor.Float16(), 1 + 0x1p-11, 0x3c00, 1, false},
		{qtensor.Float16(), -1 - 3*0x1p-11, 0xbc02, -1 - 0x1p-9, false},
		{qtensor.Float16(), 65519.996, 0x7bff, 65504, false},
		{qtensor.Float16(), 65520, 0x7bff, 65504, true},
		{qtensor.Float16(), -maxFloat, 0xfbff, -65504, true},
		{qtensor.Float16(), 0x1p-25, 0, 0, false},
		{qtensor.BFloat16(), -1 - 0x1p-8, 0xbf80, -1, false},
		{qtensor.BFloat16(), 1 + 3*0x1p-8, 0x3f82, 1 + 0x1p-6, false},
		{qtensor.BFloat16(), 0x1.fefffep127, 0x7f7f, 0x1.fep127, false},
		{qtensor.BFloat16(), 0x1.ffp127, 0x7f7f, 0x1.fep127, true},
		{qtensor.BFloat16(), -maxFloat, 0xff7f, -0x1.fep127, true},
	} {
		name := fmt.Sprintf("%v of %v", c.scheme, c.x)
		x := newTensor([]float32{1, -2, c.x, c.x}, 4)
		q, err := qtensor.Quantize(x, c.scheme)
		if c.saturated {
			wantError(t, name, err, qtensor.ErrValue)
			if want := fmt.Sprintf("%v at 2,", c.x); err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %q does not say %q", name, err, want)
			}
			q = mustQuantize(t, x, c.scheme, qtensor.WithSaturation())
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := codesOf(t, q)[2]; got != c.code {
			t.Errorf("%s: got %#04x, want %#04x", name, got, c.code)
		}
		if got := valuesOf(t, q)[2]; got != c.value {
			t.Errorf("%s: came back as %v, want %v", name, got, c.value)
		}
		with, err := qtensor.QuantizeWith(x, qtensor.Params{Scheme: c.scheme}, qtensor.WithSaturation())
		if err != nil {
			t.Errorf("%s: QuantizeWith: %v", name, err)
		} else if diff := same(t, with, q); diff != "" {
			t.Errorf("%s: QuantizeWith: %s", name, diff)
		}
	}
	for _, x := range []float32{nan, inf, -inf} {
		_, err := qtensor.Quantize(newTensor([]float32{x}, 1), qtensor.BFloat16(), qtensor.WithSaturation())
		wantError(t, fmt.Sprintf("%v with saturation", x), err, qtensor.ErrValue)
	}
}

func TestNilOption(t *testing.T) {
	x := newTensor([]float32{1, 2}, 2)
	for _, s := range []qtensor.Scheme{qtensor.Symmetric(8), qtensor.Float16(), qtensor.Float8E4M3FN()} {
		_, err := qtensor.Quantize(x, s, qtensor.WithSaturation(), nil)
		wantError(t, fmt.Sprintf("Quantize to %v", s), err, qtensor.ErrParams)
		_, err = qtensor.QuantizeWith(x, mustQuantize(t, x, s).Params(), nil)
		wantError(t, fmt.Sprintf("QuantizeWith to %v", s), err, qtensor.ErrParams)
	}
}

// TestErrorsNameTheElement reads a transposed matrix: the index is the one that the user sees.
func TestErrorsNameTheElement(t *testing.T) {
	x := transposed(newTensor([]float32{1, 2, nan, 4, 1e5, inf}, 2, 3)) // 1 4 · 2 1e5 · NaN Inf
	for _, c := range []struct {
		s    qtensor.Scheme
		want string
	}{
		{qtensor.Symmetric(8), "NaN at 4,"},
		{qtensor.Symmetric(8).PerAxis(1), "NaN at 4,"},
		{qtensor.Float16(), "NaN at 4,"},
	} {
		_, err := qtensor.Quantize(x, c.s)
		wantError(t, c.s.String(), err, qtensor.ErrValue)
		if err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %q does not say %q", c.s, err, c.want)
		}
	}
	_, err := qtensor.Quantize(transposed(newTensor([]float32{1, 2, 3, 4, 1e5, 6}, 2, 3)), qtensor.Float16())
	if want := "100000 at 3,"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v does not say %q", err, want)
	}
}

// TestQuantizeScalesWithItsInput multiplies the input by powers of two: codes stay, scales follow.
func TestQuantizeScalesWithItsInput(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	x := make([]float32, 60)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for _, s := range integerSchemes() {
		for _, s := range sharings(s, 2, 7) {
			want := mustQuantize(t, newTensor(x, 6, 10), s)
			for _, exponent := range []int{-110, -60, -1, 1, 60, 120} {
				factor := float32(math.Ldexp(1, exponent))
				y := make([]float32, len(x))
				for i := range x {
					y[i] = factor * x[i]
				}
				got := mustQuantize(t, newTensor(y, 6, 10), s)
				scales := want.Params().Scales
				for i := range scales {
					scales[i] *= factor
				}
				if !slices.Equal(codesOf(t, got), codesOf(t, want)) || !slices.Equal(got.Params().Scales, scales) {
					t.Errorf("%v times 2^%d: codes or scales differ: %v, want %v", s, exponent, got.Params().Scales, scales)
				}
			}
		}
	}
}

// TestExtremeMagnitudes keeps the precision of tensors around 1e-30 and 1e30 with float16 scales, whose own
// range is 1e-7 to 65504.
func TestExtremeMagnitudes(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	x := make([]float32, 4096)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for _, s := range []qtensor.Scheme{qtensor.Symmetric(8), qtensor.Affine(8), qtensor.Uniform(8), qtensor.Int4(), qtensor.UInt4()} {
		s = scaled(s.PerGroup(0, 32))
		var want float64
		for _, unit := range []float32{1, 1e-8, 1e-30, 1e30} {
			y := make([]float32, len(x))
			for i := range x {
				y[i] = unit * x[i]
			}
			q := mustQuantize(t, newTensor(y, 4, 1024), s)
			stats, err := q.Compare(newTensor(y, 4, 1024))
			if err != nil {
				t.Fatal(err)
			}
			if want == 0 {
				want = stats.SQNR
			}
			if math.Abs(stats.SQNR-want) > 0.1 {
				t.Errorf("%v around %v: %v, want %.2f dB", s, unit, stats, want)
			}
		}
	}
}

// TestNothingIsShared changes everything that went in or came out, and looks whether the tensor follows.
func TestNothingIsShared(t *testing.T) {
	data := []float32{1, -2, 3, -4, 5, -6}
	for _, s := range schemesFor(2) {
		x := newTensor(slices.Clone(data), 2, 3)
		p := mustQuantize(t, x, s).Params()
		q := mustQuantizeWith(t, x, p)
		codes := q.Codes()
		from, err := qtensor.FromCodes(codes, p)
		if err != nil {
			t.Fatalf("%v: %v", s, err)
		}
		moved, err := q.T()
		if err != nil {
			t.Fatalf("%v: %v", s, err)
		}
		want, wantTransposed := mustQuantizeWith(t, newTensor(data, 2, 3), copyParams(p)), codesOf(t, moved)
		spoilTensor := func(q *qtensor.QTensor) {
			spoilSlice(elements(q.Codes()))
			values, err := q.Dequantize(tensor.Float32)
			if err != nil {
				t.Fatal(err)
			}
			spoilSlice(elements(values))
			q.Shape()[0] = 99
			spoilParams(q.Params())
		}
		spoilSlice(elements(x))
		spoilSlice(elements(codes))
		x.Shape()[0], codes.Shape()[0] = 98, 99
		spoilParams(p)
		for name, q := range map[string]*qtensor.QTensor{"QuantizeWith": q, "FromCodes": from} {
			spoilTensor(q)
			if diff := same(t, q, want); diff != "" {
				t.Errorf("%v: %s follows what went in or came out: %s", s, name, diff)
			}
		}
		spoilTensor(moved)
		got, wantParams := moved.Params(), want.Params()
		if !slices.Equal(codesOf(t, moved), wantTransposed) || !slices.Equal(got.Scales, wantParams.Scales) ||
			!slices.Equal(got.ZeroPoints, wantParams.ZeroPoints) || !slices.Equal(got.Min, wantParams.Min) {
			t.Errorf("%v: T follows what went in or came out", s)
		}
	}
	axes := make([]int, 0, 2)
	if _, err := mustQuantize(t, newTensor(data, 2, 3), qtensor.Int4()).T(axes...); err != nil || !slices.Equal(axes[:2], []int{0, 0}) {
		t.Errorf("T wrote %v into its caller's array, %v", axes[:2], err)
	}
}

func copyParams(p qtensor.Params) qtensor.Params {
	p.Scales, p.ZeroPoints, p.Offsets = slices.Clone(p.Scales), slices.Clone(p.ZeroPoints), slices.Clone(p.Offsets)
	p.Min, p.Max = slices.Clone(p.Min), slices.Clone(p.Max)
	return p
}

func spoilParams(p qtensor.Params) {
	spoilSlice(p.Scales)
	spoilSlice(p.ZeroPoints)
	spoilSlice(p.Offsets)
	spoilSlice(p.Min)
	spoilSlice(p.Max)
}

func spoilSlice(data any) {
	switch data := data.(type) {
	case []float32:
		spoil(data)
	case []int32:
		spoil(data)
	case []int8:
		spoil(data)
	case []uint8:
		spoil(data)
	case []uint16:
		spoil(data)
	default:
		panic(fmt.Sprintf("%T", data))
	}
}

func spoil[T float32 | int32 | int8 | uint8 | uint16](data []T) {
	for i := range data {
		data[i] = data[i]*3 + 1
	}
}
