package qtensor_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/tensortest"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// fp4 are the numbers of the format by code without the sign.
var fp4 = [8]float64{0, 0.5, 1, 1.5, 2, 3, 4, 6}

// nearestFP4 returns the code that is nearest to x, of two the even one.
func nearestFP4(x float64) uint8 {
	best := uint8(0)
	for code, v := range fp4 {
		switch d, least := math.Abs(math.Abs(x)-v), math.Abs(math.Abs(x)-fp4[best]); {
		case d < least, d == least && code&1 == 0:
			best = uint8(code)
		}
	}
	if math.Signbit(x) {
		best |= 8
	}
	return best
}

// TestMXFP4 compares scales, codes and values with the doc, for groups that lie in all ways and are short, of
// numbers of all sizes.
func TestMXFP4(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, shape := range []tensor.Shape{{1}, {70}, {64, 3}, {37, 5}, {5, 100}, {3, 4, 5, 3}, {130, 2, 1}} {
		for _, exponent := range []int{0, -140, -126, -110, 120} {
			x := make([]float32, shape.TotalSize())
			for i := range x {
				x[i] = float32(math.Ldexp(rng.NormFloat64(), exponent))
			}
			for axis := range shape {
				s := qtensor.MXFP4().PerGroup(axis, 32)
				name := fmt.Sprintf("%v of %v around 2^%d", s, shape, exponent)
				q := mustQuantize(t, newTensor(x, shape...), s)
				p, codes, values := q.Params(), elements(q.Codes()).([]uint8), valuesOf(t, q)
				blocks, largest := blocksOf(shape, s), fuzzCase{s, shape, x}.largest()
				for i, b := range blocks {
					want := math.Exp2(max(-127, math.Floor(math.Log2(largest[i]))-2))
					if float64(p.Scales[b]) != want {
						t.Fatalf("%s: scale %d is %x, want %x", name, b, p.Scales[b], want)
					}
					if code := nearestFP4(float64(x[i]) / want); codes[i] != code {
						t.Fatalf("%s: element %d, %v by %v, became %d, want %d", name, i, x[i], want, codes[i], code)
					}
					r := want * fp4[codes[i]&7]
					if codes[i] > 7 {
						r = -r
					}
					if math.Float32bits(values[i]) != math.Float32bits(float32(r)) {
						t.Fatalf("%s: element %d is %v, want %v", name, i, values[i], r)
					}
				}
				sameEverywhere(t, name, q, values)
				if want := (len(x)+1)/2 + len(p.Scales); q.Bytes() != want || p.Min != nil {
					t.Errorf("%s: %d bytes, minima %v, want %d and none", name, q.Bytes(), p.Min, want)
				}
				again := mustQuantizeWith(t, newTensor(values, shape...), p)
				if diff := same(t, again, q); diff != "" {
					t.Errorf("%s: on the way to values and back: %s", name, diff)
				}
			}
		}
	}
}

// TestMXFP4ByHand has ties, saturation, zeros, and the least and the greatest scale.
func TestMXFP4ByHand(t *testing.T) {
	minus := float32(math.Copysign(0, -1))
	s := qtensor.MXFP4().PerGroup(0, 32)
	for _, c := range []struct {
		name   string
		scale  float32 // 0 for that of the input
		x      []float32
		want   float32 // the scale
		codes  []uint8
		values []float32
	}{
		{
			"ties", 1,
			[]float32{0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5, -0.25, -5},
			1,
			[]uint8{0, 2, 2, 4, 4, 6, 6, 8, 14},
			[]float32{0, 1, 1, 2, 2, 4, 4, minus, -4},
		},
		{"saturation", 1, []float32{7.9, -8, maxFloat, -1e30}, 1, []uint8{7, 15, 7, 15}, []float32{6, -6, 6, -6}},
		{"its own scale", 0, []float32{7.99, -1, 0.3}, 1, []uint8{7, 10, 1}, []float32{6, -1, 0.5}},
		{"a power of two", 0, []float32{8, 1, -2.5}, 2, []uint8{6, 1, 10}, []float32{8, 1, -2}},
		{"zeros", 0, []float32{0, minus}, 0x1p-127, []uint8{0, 8}, []float32{0, minus}},
		{"the least numbers", 0, []float32{0x1p-149, -0x1p-128, 0x1p-126}, 0x1p-127, []uint8{0, 9, 4}, []float32{0, -0x1p-128, 0x1p-126}},
		{"the greatest numbers", 0, []float32{maxFloat, -0x1p127, 0x1p123}, 0x1p125, []uint8{7, 14, 0}, []float32{0x1.8p127, -0x1p127, 0}},
		{"past float32", 0x1p127, []float32{maxFloat, -0x1p126}, 0x1p127, []uint8{4, 9}, []float32{maxFloat, -0x1p126}},
		{"a quotient past float32", 0x1p-127, []float32{1e30, -1e-30}, 0x1p-127, []uint8{7, 15}, []float32{0x1.8p-125, -0x1.8p-125}},
	} {
		x := newTensor(c.x, 1, len(c.x))
		q, err := qtensor.Quantize(x, s)
		if c.scale != 0 {
			q, err = qtensor.QuantizeWith(x, qtensor.Params{Scheme: s, Scales: []float32{c.scale}})
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := q.Params().Scales[0]; got != c.want {
			t.Errorf("%s: the scale is %x, want %x", c.name, got, c.want)
		}
		if got := q.Codes().Data().([]uint8); !slices.Equal(got, c.codes) {
			t.Errorf("%s: %v became %v, want %v", c.name, c.x, got, c.codes)
		}
		if got := valuesOf(t, q); !tensortest.SameBits(got, c.values) {
			t.Errorf("%s: %v came back as %v, want %v", c.name, c.x, got, c.values)
		}
	}
}

// TestMXFP4Params has NewParams round the ends of ranges as the doc says.
func TestMXFP4Params(t *testing.T) {
	p, err := qtensor.NewParams(qtensor.MXFP4().PerGroup(0, 32),
		[]float32{-3.9, -4, 1, 0, -0x1p-149, -maxFloat, 0x1p-125, 0x1p-124}, []float32{1, 3, 7.9, 0, 0, 1, 0x1p-125, 0x1p-124})
	if want := []float32{0.5, 1, 1, 0x1p-127, 0x1p-127, 0x1p125, 0x1p-127, 0x1p-126}; err != nil || !slices.Equal(p.Scales, want) || p.Min != nil {
		t.Errorf("got scales %x, minima %v, %v, want %x", p.Scales, p.Min, err, want)
	}
}

// TestMXFP4Codes gives every code and more to FromCodes, and reads them one by one.
func TestMXFP4Codes(t *testing.T) {
	p := qtensor.Params{Scheme: qtensor.MXFP4().PerGroup(0, 32), Scales: []float32{2}}
	for code := range 256 {
		q, err := qtensor.FromCodes(newTensor([]uint8{3, uint8(code)}, 1, 2), p)
		if code > 15 {
			wantError(t, fmt.Sprintf("code %d", code), err, qtensor.ErrValue)
			continue
		}
		if err != nil {
			t.Errorf("code %d: %v", code, err)
			continue
		}
		want := 2 * fp4[code&7]
		if code > 7 {
			want = -want
		}
		if got, _ := q.Code(0, 1); int(got) != code || float64(valuesOf(t, q)[1]) != want {
			t.Errorf("code %d came back as %d, %v, want %v", code, got, valuesOf(t, q)[1], want)
		}
	}
}

// TestMXFP4Clipped has elements on both sides of what is further than half a unit from the largest number.
func TestMXFP4Clipped(t *testing.T) {
	p := qtensor.Params{Scheme: qtensor.MXFP4().PerGroup(0, 32), Scales: []float32{2}}
	x := newTensor([]float32{13, -13, 13.5, -14}, 1, 4)
	if got, err := mustQuantizeWith(t, x, p).Compare(x); err != nil || got.Clipped != 0.5 {
		t.Errorf("clipped %v, %v, want 0.5", got.Clipped, err)
	}
}

// TestMXFP4Refused goes through schemes, parameters and options that do not go together.
func TestMXFP4Refused(t *testing.T) {
	s := qtensor.MXFP4().PerGroup(1, 32)
	x := newTensor([]float32{1, 2, 3, 4}, 2, 2)
	with := func(p qtensor.Params) error { return second(qtensor.QuantizeWith(x, p)) }
	scaled := func(scale float32) error { return with(qtensor.Params{Scheme: s, Scales: []float32{1, scale}}) }
	for name, c := range map[string]struct{ got, want error }{
		"alone":                {qtensor.MXFP4().Validate(), qtensor.ErrScheme},
		"per axis":             {qtensor.MXFP4().PerAxis(0).Validate(), qtensor.ErrScheme},
		"groups of 16":         {qtensor.MXFP4().PerGroup(0, 16).Validate(), qtensor.ErrScheme},
		"float32 scales":       {s.WithScales(qtensor.ScaleFloat32).Validate(), qtensor.ErrScheme},
		"float16 scales":       {s.WithScales(qtensor.ScaleFloat16).Validate(), qtensor.ErrScheme},
		"E8M0 for Int4":        {qtensor.Int4().WithScales(qtensor.ScaleE8M0).Validate(), qtensor.ErrScheme},
		"E8M0 for Float16":     {qtensor.Float16().WithScales(qtensor.ScaleE8M0).Validate(), qtensor.ErrScheme},
		"levels":               {s.WithLevels(qtensor.E2M1Levels).Validate(), qtensor.ErrScheme},
		"a search":             {second(qtensor.Quantize(x, s, qtensor.WithSearch(qtensor.Search{}))), qtensor.ErrScheme},
		"a scale of 3":         {scaled(3), qtensor.ErrParams},
		"a negative scale":     {scaled(-1), qtensor.ErrParams},
		"a scale of 0":         {scaled(0), qtensor.ErrParams},
		"a NaN scale":          {scaled(nan), qtensor.ErrParams},
		"an infinite scale":    {scaled(inf), qtensor.ErrParams},
		"a scale below 2^-127": {scaled(0x1p-128), qtensor.ErrParams},
		"a scale short":        {with(qtensor.Params{Scheme: s, Scales: []float32{1}}), qtensor.ErrParams},
		"a multiplier":         {with(qtensor.Params{Scheme: s, Scales: []float32{1, 1}, Multiplier: 1}), qtensor.ErrParams},
		"a zero point":         {with(qtensor.Params{Scheme: s, Scales: []float32{1, 1}, ZeroPoints: []int32{0, 0}}), qtensor.ErrParams},
		"a range":              {with(qtensor.Params{Scheme: s, Scales: []float32{1, 1}, Min: []float32{0, 1}, Max: []float32{0, 0}}), qtensor.ErrParams},
		"codes with signs":     {second(qtensor.FromCodes(newTensor([]int8{1}, 1, 1), qtensor.Params{Scheme: s, Scales: []float32{1}})), qtensor.ErrDtype},
		"NaN in the input":     {second(qtensor.Quantize(newTensor([]float32{nan, 1}, 1, 2), s)), qtensor.ErrValue},
		"Int8":                 {second(mustQuantize(t, x, s).Int8()), qtensor.ErrScheme},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: got %v, want %v", name, c.got, c.want)
		}
	}
	if s.IsFloat() || !s.HasScales() || s.Storage() != qtensor.StorageUint4 || s.Scales() != qtensor.ScaleE8M0 {
		t.Errorf("%v: float %v, scales %v of %v, stored as %v", s, s.IsFloat(), s.HasScales(), s.Scales(), s.Storage())
	}
}

// TestMXFP4File has the bytes of a file: codes from the low half on, and exponents.
func TestMXFP4File(t *testing.T) {
	q, err := qtensor.FromCodes(newTensor([]uint8{1, 10, 7, 15}, 2, 2), qtensor.Params{
		Scheme: qtensor.MXFP4().PerGroup(0, 32), Scales: []float32{0x1p-127, 0x1p127},
	})
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := qtensor.Write(&file, qtensor.Bundle{Quantized: map[string]*qtensor.QTensor{"w": q}}); err != nil {
		t.Fatal(err)
	}
	if want := []byte{0xa1, 0xf7, 0, 254}; !bytes.HasSuffix(file.Bytes(), want) || !bytes.Contains(file.Bytes(), []byte(`"F8_E8M0"`)) {
		t.Errorf("got %q, want it to end with %x, and F8_E8M0", file.Bytes(), want)
	}
	damaged := file.Bytes()
	damaged[len(damaged)-2] = 0xff
	f, err := qtensor.Read(bytes.NewReader(damaged), int64(len(damaged)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.QTensor("w")
	wantError(t, "a scale of NaN", err, qtensor.ErrFormat)
}
