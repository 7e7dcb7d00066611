package qtensor_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// refusal is a call that a doc says to be an error: which one, and whose.
type refusal struct {
	operation, name string
	want            error
	err             error
}

func second[T any](_ T, err error) error { return err }

// checkRefusals fails for an error that wraps another sentinel, or whose text does not open with its
// operation, or says not what was got and what is wanted.
func checkRefusals(t *testing.T, list []refusal) {
	t.Helper()
	for _, r := range list {
		if !errors.Is(r.err, r.want) {
			t.Errorf("%s, %s: got error %v, want one that wraps %q", r.operation, r.name, r.err, r.want)
			continue
		}
		text := r.err.Error()
		ours := !strings.Contains(text, "safetensors: ") // what lies below has words of its own
		if !strings.HasPrefix(text, "qtensor: "+r.operation) || ours && (!strings.Contains(text, "got ") || !strings.Contains(text, "want ")) {
			t.Errorf("%s, %s: got %q, want it to name the operation, what was got and what is wanted", r.operation, r.name, text)
		}
	}
	t.Logf("%d refusals", len(list))
}

// TestPromisedErrors calls all that quantizes with what its doc says to be an error.
func TestPromisedErrors(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	vector := func(data any) *tensor.Dense { return tensor.New(tensor.WithBacking(data)) }
	floats, bytes := vector([]float32{1, 2}), vector([]int8{1, 2})
	masked := tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{1, 2}, []bool{true, false}))
	empty := tensor.New(tensor.WithShape(0, 3), tensor.WithBacking([]float32{}))
	affine, symmetric, uniform := qtensor.Affine(8), qtensor.Symmetric(8), qtensor.Uniform(8)
	var zero qtensor.QTensor
	scalar, err := qtensor.Quantize(tensor.New(tensor.FromScalar(float32(1))), symmetric)
	if err != nil {
		t.Fatal(err)
	}
	cube, err := qtensor.Quantize(tensor.New(tensor.WithShape(2, 3, 4), tensor.Of(tensor.Float32)), symmetric.PerGroup(1, 3))
	if err != nil {
		t.Fatal(err)
	}
	scales := func(s ...float32) qtensor.Params { return qtensor.Params{Scheme: symmetric, Scales: s} }
	list := []refusal{
		{"Dequantize", "integers", qtensor.ErrDtype, second(cube.Dequantize(tensor.Int))},
		{"Dequantize", "the zero Dtype", qtensor.ErrDtype, second(cube.Dequantize(tensor.Dtype{}))},
		{"Dequantize", "the zero QTensor", qtensor.ErrScheme, second(zero.Dequantize(tensor.Float32))},
		{"DequantizeRows", "a scalar", qtensor.ErrShape, scalar.DequantizeRows(make([]float32, 1), []int{0})},
		{"DequantizeRows", "too little room", qtensor.ErrShape, cube.DequantizeRows(make([]float32, 11), []int{0})},
		{"DequantizeRows", "room for more", qtensor.ErrShape, cube.DequantizeRows(make([]float32, 24), []int{0})},
		{"DequantizeRows", "a row behind", qtensor.ErrValue, cube.DequantizeRows(make([]float32, 12), []int{2})},
		{"DequantizeRows", "a row before", qtensor.ErrValue, cube.DequantizeRows(make([]float32, 12), []int{-1})},
		{"DequantizeRows", "the zero QTensor", qtensor.ErrScheme, zero.DequantizeRows(nil, nil)},
		{"Code", "another rank", qtensor.ErrShape, second(cube.Code(0))},
		{"Code", "past the shape", qtensor.ErrShape, second(cube.Code(0, 3, 0))},
		{"Code", "the zero QTensor", qtensor.ErrScheme, second(zero.Code())},
		{"T", "an axis twice", qtensor.ErrShape, second(cube.T(0, 0, 1))},
		{"T", "one axis", qtensor.ErrShape, second(cube.T(0))},
		{"T", "an axis of a scalar", qtensor.ErrShape, second(scalar.T(0))},
		{"T", "split groups", qtensor.ErrScheme, second(cube.T(2, 1, 0))},
		{"T", "the zero QTensor", qtensor.ErrScheme, second(zero.T())},
		{"Compare", "another shape", qtensor.ErrShape, second(cube.Compare(floats))},
		{"Compare", "integers", qtensor.ErrDtype, second(cube.Compare(bytes))},
		{"Compare", "nil", qtensor.ErrLayout, second(cube.Compare(nil))},
		{"Compare", "a mask", qtensor.ErrLayout, second(cube.Compare(masked))},
		{"Compare", "NaN", qtensor.ErrValue, second(scalar.Compare(tensor.New(tensor.FromScalar(nan))))},
		{"Compare", "past float32", qtensor.ErrValue, second(scalar.Compare(tensor.New(tensor.FromScalar(1e300))))},
		{"Compare", "the zero QTensor", qtensor.ErrScheme, second(zero.Compare(floats))},
		{"FromCodes", "floats", qtensor.ErrDtype, second(qtensor.FromCodes(floats, scales(1)))},
		{"FromCodes", "bytes without a sign", qtensor.ErrDtype, second(qtensor.FromCodes(vector([]uint8{1}), scales(1)))},
		{"FromCodes", "nil", qtensor.ErrLayout, second(qtensor.FromCodes(nil, scales(1)))},
		{"FromCodes", "no scheme", qtensor.ErrScheme, second(qtensor.FromCodes(bytes, qtensor.Params{}))},
		{"FromCodes", "no such axis", qtensor.ErrShape, second(qtensor.FromCodes(bytes, qtensor.Params{Scheme: symmetric.PerAxis(1)}))},
		{"FromCodes", "two scales", qtensor.ErrParams, second(qtensor.FromCodes(bytes, scales(1, 1)))},
		{"FromCodes", "a code of 5 bits", qtensor.ErrValue, second(qtensor.FromCodes(vector([]int8{8}), qtensor.Params{
			Scheme: qtensor.Int4(), Scales: []float32{1},
		}))},
		{"FromCodes", "a NaN of 16 bits", qtensor.ErrValue, second(qtensor.FromCodes(vector([]uint16{0x7e00}), qtensor.Params{
			Scheme: qtensor.Float16(),
		}))},
		{"FromCodes", "an infinity of 16 bits", qtensor.ErrValue, second(qtensor.FromCodes(vector([]uint16{0xff80}), qtensor.Params{
			Scheme: qtensor.BFloat16(),
		}))},
		{"NewParams", "no scheme", qtensor.ErrScheme, second(qtensor.NewParams(qtensor.Scheme{}, []float32{0}, []float32{1}))},
		{"NewParams", "no range", qtensor.ErrParams, second(qtensor.NewParams(affine, nil, nil))},
		{"NewParams", "a minimum more", qtensor.ErrParams, second(qtensor.NewParams(affine, []float32{0, 0}, []float32{1}))},
		{"NewParams", "lo > hi", qtensor.ErrValue, second(qtensor.NewParams(affine, []float32{1}, []float32{0}))},
		{"NewParams", "NaN", qtensor.ErrValue, second(qtensor.NewParams(affine, []float32{nan}, []float32{0}))},
		{"NewParams", "an infinity", qtensor.ErrValue, second(qtensor.NewParams(affine, []float32{0}, []float32{inf}))},
		{"Scheme.Blocks", "no such axis", qtensor.ErrShape, second(symmetric.PerAxis(2).Blocks(tensor.Shape{2, 3}))},
		{"Scheme.Blocks", "no scheme", qtensor.ErrScheme, second(qtensor.Scheme{}.Blocks(tensor.Shape{2, 3}))},
		{"Params.Validate", "no scheme", qtensor.ErrScheme, qtensor.Params{}.Validate(nil)},
		{"Params.Validate", "an axis of no shape", qtensor.ErrShape, qtensor.Params{Scheme: symmetric.PerAxis(0)}.Validate(nil)},
		{"Params.Validate", "no scale", qtensor.ErrParams, scales().Validate(nil)},
		{"ParseScheme", "no bits", qtensor.ErrScheme, second(qtensor.ParseScheme("affine"))},
		{"ParseScheme", "no method", qtensor.ErrScheme, second(qtensor.ParseScheme("int5"))},
		{"ParseScheme", "nothing", qtensor.ErrScheme, second(qtensor.ParseScheme(""))},
		{"ParseScheme", "9 bits", qtensor.ErrScheme, second(qtensor.ParseScheme("affine9"))},
		{"ParseScheme", "a zero in front", qtensor.ErrScheme, second(qtensor.ParseScheme("affine08"))},
		{"ParseScheme", "more than an int", qtensor.ErrScheme, second(qtensor.ParseScheme("affine8@99999999999999999999"))},
		{"Scheme.MarshalText", "no scheme", qtensor.ErrScheme, second(qtensor.Scheme{}.MarshalText())},
		{"Scheme.UnmarshalText", "nil", qtensor.ErrScheme, (*qtensor.Scheme)(nil).UnmarshalText([]byte("affine8"))},
	}
	for name, s := range map[string]qtensor.Scheme{
		"the zero Scheme": {}, "1 bit": qtensor.Affine(1), "9 bits": qtensor.Uniform(9), "axis −1": symmetric.PerAxis(-1),
		"empty groups": symmetric.PerGroup(0, 0), "another type of scales": symmetric.WithScales(9),
		"16 bits by axis": qtensor.Float16().PerAxis(0), "16 bits with scales": qtensor.BFloat16().WithScales(qtensor.ScaleFloat16),
	} {
		list = append(list, refusal{"Scheme.Validate", name, qtensor.ErrScheme, s.Validate()},
			refusal{"Quantize", name, qtensor.ErrScheme, second(qtensor.Quantize(floats, s))})
	}
	p, err := qtensor.NewParams(affine, []float32{-1}, []float32{1})
	if err != nil {
		t.Fatal(err)
	}
	for operation, quantize := range map[string]func(tensor.Tensor, ...qtensor.QuantizeOption) error{
		"Quantize": func(x tensor.Tensor, o ...qtensor.QuantizeOption) error {
			return second(qtensor.Quantize(x, affine, o...))
		},
		"QuantizeWith": func(x tensor.Tensor, o ...qtensor.QuantizeOption) error {
			return second(qtensor.QuantizeWith(x, p, o...))
		},
	} {
		list = append(list, []refusal{
			{operation, "nil", qtensor.ErrLayout, quantize(nil)},
			{operation, "a mask", qtensor.ErrLayout, quantize(masked)},
			{operation, "integers", qtensor.ErrDtype, quantize(bytes)},
			{operation, "no elements", qtensor.ErrShape, quantize(empty)},
			{operation, "NaN", qtensor.ErrValue, quantize(vector([]float32{1, nan}))},
			{operation, "an infinity", qtensor.ErrValue, quantize(vector([]float32{1, -inf}), qtensor.WithSaturation())},
			{operation, "past float32", qtensor.ErrValue, quantize(vector([]float64{1, 1e300}))},
			{operation, "a nil option", qtensor.ErrParams, quantize(floats, nil)},
		}...)
	}
	list = append(list,
		refusal{"Quantize", "past float16", qtensor.ErrValue, second(qtensor.Quantize(vector([]float32{65520}), qtensor.Float16()))},
		refusal{"Quantize", "no such axis", qtensor.ErrShape, second(qtensor.Quantize(floats, symmetric.PerAxis(1)))})
	for name, p := range map[string]qtensor.Params{
		"no scale": scales(), "two scales": scales(1, 1), "a scale of 0": scales(0), "NaN": scales(nan), "an infinity": scales(inf),
		"a scale below 2^-126":    scales(0x1p-127),
		"a zero point":            {Scheme: symmetric, Scales: []float32{1}, ZeroPoints: []int32{0}},
		"no zero point":           {Scheme: affine, Scales: []float32{1}},
		"a zero point of 9 bits":  {Scheme: affine, Scales: []float32{1}, ZeroPoints: []int32{256}},
		"no offset":               {Scheme: uniform, Scales: []float32{1}},
		"an offset of NaN":        {Scheme: uniform, Scales: []float32{1}, Offsets: []float32{nan}},
		"a minimum alone":         {Scheme: symmetric, Scales: []float32{1}, Min: []float32{0}},
		"a range upside down":     {Scheme: symmetric, Scales: []float32{1}, Min: []float32{1}, Max: []float32{0}},
		"a multiplier":            {Scheme: symmetric, Scales: []float32{1}, Multiplier: 1},
		"a multiplier of 3":       {Scheme: symmetric.WithScales(qtensor.ScaleFloat16), Scales: []float32{1}, Multiplier: 3},
		"12 bits as float16":      {Scheme: symmetric.WithScales(qtensor.ScaleFloat16), Scales: []float32{1 + 0x1p-11}},
		"no power of two":         {Scheme: qtensor.PowerOfTwo(8), Scales: []float32{3}, ZeroPoints: []int32{0}},
		"a scale for 16-bit ones": {Scheme: qtensor.Float16(), Scales: []float32{1}},
	} {
		list = append(list, refusal{"QuantizeWith", name, qtensor.ErrParams, second(qtensor.QuantizeWith(floats, p))},
			refusal{"Params.Validate", name, qtensor.ErrParams, p.Validate(nil)})
	}
	checkRefusals(t, list)
}

// TestZeroSchemeAndTypes is what is said of values that no function makes.
func TestZeroSchemeAndTypes(t *testing.T) {
	var s qtensor.Scheme
	axis, perAxis := s.Axis()
	low, high := s.CodeRange()
	for _, c := range []struct {
		name      string
		got, want any
	}{
		{"Bits", s.Bits(), 0},
		{"Axis", axis, 0},
		{"Axis, ok", perAxis, false},
		{"GroupSize", s.GroupSize(), 0},
		{"Scales", s.Scales(), qtensor.ScaleFloat32},
		{"Storage", s.Storage().String(), "none"},
		{"IsFloat, HasZeroPoint or HasOffset", s.IsFloat() || s.HasZeroPoint() || s.HasOffset(), false},
		{"CodeRange", [2]int32{low, high}, [2]int32{}},
		{"Method", s.Method(), ""},
		{"String", s.String(), "invalid scheme"},
		{"Method of groups", qtensor.Symmetric(8).PerGroup(0, 2).Method(), "Symmetric"},
		{"Method of an axis", qtensor.Affine(8).PerAxis(0).Method(), "PerChannelAffine"},
		{"Method of four bits by axis", qtensor.Int4().PerAxis(0).Method(), "Int4"},
		{"Storage 99", qtensor.Storage(99).String(), "unknown"},
		{"bits of Storage 0", qtensor.Storage(0).Bits(), 0},
		{"bits of Storage 99", qtensor.Storage(99).Bits(), 0},
		{"ScaleType 9", qtensor.ScaleType(9).String(), "unknown"},
		{"Bits of Params", qtensor.Params{}.Bits(), 0},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, c.got, c.want)
		}
	}
}

// TestSaturation quantizes the largest float32 with every integer scheme under scales of all sizes, of either
// sign.
func TestSaturation(t *testing.T) {
	x := tensor.New(tensor.WithBacking([]float32{-math.MaxFloat32, math.MaxFloat32}))
	cases := 0
	for _, s := range []qtensor.Scheme{
		qtensor.Uniform(8), qtensor.Uniform(2), qtensor.Symmetric(8), qtensor.Symmetric(2), qtensor.Affine(8), qtensor.Affine(3),
		qtensor.PowerOfTwo(8), qtensor.Int4(), qtensor.UInt4(),
	} {
		for exponent := -126; exponent <= 115; exponent += 7 {
			for _, sign := range []float32{1, -1} {
				p := qtensor.Params{Scheme: s, Scales: []float32{sign * float32(math.Ldexp(1, exponent))}}
				if s.HasZeroPoint() {
					p.ZeroPoints = []int32{1}
				}
				if s.HasOffset() {
					p.Offsets = []float32{-1}
				}
				low, high := s.CodeRange()
				if sign < 0 {
					if low < 0 {
						low-- // the extreme code, which a negative scale alone gives
					}
					low, high = high, low
				}
				q, err := qtensor.QuantizeWith(x, p)
				if err != nil {
					t.Fatalf("%v with scale %v: %v", s, p.Scales, err)
				}
				first, _ := q.Code(0)
				last, _ := q.Code(1)
				if cases++; first != low || last != high {
					t.Errorf("%v with scale %v: got codes %d and %d, want %d and %d", s, p.Scales, first, last, low, high)
				}
			}
		}
	}
	for s, largest := range map[qtensor.Scheme]float32{qtensor.Float16(): 65504, qtensor.BFloat16(): 0x1.fep127} {
		q, err := qtensor.Quantize(x, s, qtensor.WithSaturation())
		if err != nil {
			t.Fatalf("%v: %v", s, err)
		}
		r, err := q.Dequantize(tensor.Float32)
		if got := r.Float32s(); err != nil || got[0] != -largest || got[1] != largest {
			t.Errorf("%v: got %v, %v, want ±%v", s, got, err, largest)
		}
		if stats, err := q.Compare(x); err != nil || stats.Clipped != 1 {
			t.Errorf("%v: got %v clipped, %v, want all", s, stats.Clipped, err)
		}
		cases++
	}
	t.Logf("%d cases", cases)
}

// TestCompareOfZeros is the end of the scale that is not infinite upwards.
func TestCompareOfZeros(t *testing.T) {
	q, err := qtensor.FromCodes(tensor.New(tensor.WithBacking([]int8{1})), qtensor.Params{Scheme: qtensor.Symmetric(8), Scales: []float32{1}})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := q.Compare(tensor.New(tensor.WithBacking([]float32{0}))); err != nil || !math.IsInf(s.SQNR, -1) || s.Cosine != 0 {
		t.Errorf("got %v, %v, want -Inf dB and a cosine of 0", s, err)
	}
}

// TestMultiplierFilledIn leaves the multiplier of float16 scales of all sizes to the tensor.
func TestMultiplierFilledIn(t *testing.T) {
	x := tensor.New(tensor.WithBacking([]float32{1}))
	s := qtensor.Symmetric(8).WithScales(qtensor.ScaleFloat16)
	for exponent := -126; exponent <= 127; exponent++ {
		p := qtensor.Params{Scheme: s, Scales: []float32{float32(math.Ldexp(1, exponent))}}
		q, err := qtensor.QuantizeWith(x, p)
		if err != nil {
			t.Errorf("scale 2^%d: %v", exponent, err)
			continue
		}
		if got, want := q.Params().Multiplier, float32(math.Ldexp(1, max(exponent-14, -112))); got != want {
			t.Errorf("scale 2^%d: got multiplier %v, want %v", exponent, got, want)
		}
		if p.Multiplier != 0 {
			t.Errorf("scale 2^%d: the caller's multiplier became %v", exponent, p.Multiplier)
		}
	}
}
