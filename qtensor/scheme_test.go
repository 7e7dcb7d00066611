package qtensor_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// integerSchemes returns every integer mapping at every number of bits, one scale for the tensor.
func integerSchemes() []qtensor.Scheme {
	schemes := []qtensor.Scheme{qtensor.Int4(), qtensor.UInt4()}
	for bits := 2; bits <= 8; bits++ {
		schemes = append(schemes, qtensor.Uniform(bits), qtensor.Symmetric(bits), qtensor.Affine(bits), qtensor.PowerOfTwo(bits))
	}
	return schemes
}

// sharings returns s in every granularity that the tests go through, with scales of both types.
func sharings(s qtensor.Scheme, axes int, sizes ...int) []qtensor.Scheme {
	out := []qtensor.Scheme{s}
	for axis := range axes {
		out = append(out, s.PerAxis(axis))
		for _, size := range sizes {
			out = append(out, s.PerGroup(axis, size))
		}
	}
	for _, s := range out {
		out = append(out, s.WithScales(qtensor.ScaleFloat16))
	}
	return out
}

func TestSchemeText(t *testing.T) {
	for _, c := range []struct {
		scheme qtensor.Scheme
		want   string
	}{
		{qtensor.Uniform(5), "uniform5"},
		{qtensor.Symmetric(8), "symmetric8"},
		{qtensor.PerChannelSymmetric(8, 0), "symmetric8@0"},
		{qtensor.PerChannelAffine(7, 12), "affine7@12"},
		{qtensor.Affine(2).WithScales(qtensor.ScaleFloat16), "affine2/f16"},
		{qtensor.PowerOfTwo(3).PerAxis(2), "poweroftwo3@2"},
		{qtensor.Int4().PerGroup(1, 32), "int4/g32@1"},
		{qtensor.Int4().PerGroup(1, 32).WithScales(qtensor.ScaleFloat16), "int4/g32@1/f16"},
		{qtensor.UInt4().PerGroup(0, 1), "uint4/g1@0"},
		{qtensor.Float16(), "float16"},
		{qtensor.BFloat16(), "bfloat16"},
		{qtensor.MXFP4().PerGroup(1, 32), "mxfp4/g32@1"},
		{qtensor.Float8E4M3FN(), "float8e4m3fn"},
		{qtensor.Float8E5M2().PerAxis(1), "float8e5m2@1"},
		{qtensor.Scheme{}, "invalid scheme"},
	} {
		if got := c.scheme.String(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestSchemeTextRoundTrip(t *testing.T) {
	schemes := append([]qtensor.Scheme{qtensor.Float16(), qtensor.BFloat16(), qtensor.MXFP4().PerGroup(0, 32), qtensor.MXFP4().PerGroup(2, 32)}, float8Schemes(3)...)
	for _, s := range integerSchemes() {
		schemes = append(schemes, sharings(s, 3, 1, 32, 1000)...)
	}
	seen := map[string]qtensor.Scheme{}
	for _, s := range schemes {
		text := s.String()
		if other, ok := seen[text]; ok {
			t.Fatalf("%q stands for both %#v and %#v", text, other, s)
		}
		seen[text] = s
		if got, err := qtensor.ParseScheme(text); err != nil || got != s {
			t.Errorf("ParseScheme(%q) = %#v, %v, want %#v", text, got, err, s)
		}
		marshaled, err := json.Marshal(s)
		if want := `"` + text + `"`; err != nil || string(marshaled) != want {
			t.Errorf("Marshal(%v) = %s, %v, want %s", s, marshaled, err, want)
		}
		var back qtensor.Scheme
		if err := json.Unmarshal(marshaled, &back); err != nil || back != s {
			t.Errorf("Unmarshal(%s) = %v, %v", marshaled, back, err)
		}
	}
	if got := len(seen); got != 4+2*4+30*26 {
		t.Errorf("%d schemes went round, want %d", got, 4+2*4+30*26)
	}
}

// hostileTexts are texts that String never writes.
var hostileTexts = []string{
	"", " ", "invalid scheme", "none", "Symmetric8", "symmetric", "symmetric8 ", " symmetric8", "symmetric08", "symmetric+8", "symmetric-8",
	"symmetric1", "symmetric9", "symmetric16", "symmetric8.0", "symmetric8x", "symmetric٨", "symmetric99999999999999999999",
	"int", "int8", "int44", "int4x", "int04", "uint", "uint48", "float", "float1", "float166", "bfloat", "bfloat16x", "half",
	"float16@0", "float16/g32@0", "float16/f16", "bfloat16/f16", "float16@0/f16", "uniform4@", "uniform4@-1", "uniform4@+1", "uniform4@01",
	"uniform4@x", "uniform4@0@1", "@0", "/g32@0", "/f16", "int4/g32", "int4/g@0", "int4/g0@0", "int4/g-1@0", "int4/g032@0", "int4/g32@",
	"int4/g32@0/f16/f16", "int4/f16/g32@0", "int4@0/g32", "int4/g32/g32@0", "int4/g99999999999999999999@0", "int4/g32@99999999999999999999",
	"mxfp4", "mxfp4@0", "mxfp4/g16@0", "mxfp4/g32@0/f16", "mxfp44/g32@0", "float8", "float8e4m3", "float8e4m3fn/f16", "float8e4m3fn8", "float8e5m2/g32@0", "e5m2", "int4/G32@0", "int4/f32", "int4/g32@0/", "symmetric8\n", "symmetric8\x00", "\xff\xfe", "affine8affine8",
}

func TestParseSchemeRefuses(t *testing.T) {
	for _, text := range hostileTexts {
		got, err := qtensor.ParseScheme(text)
		wantError(t, fmt.Sprintf("ParseScheme(%q)", text), err, qtensor.ErrScheme)
		if got != (qtensor.Scheme{}) {
			t.Errorf("ParseScheme(%q) returned %v beside its error", text, got)
		}
		s := qtensor.Int4()
		wantError(t, fmt.Sprintf("UnmarshalText(%q)", text), s.UnmarshalText([]byte(text)), qtensor.ErrScheme)
		if s != qtensor.Int4() {
			t.Errorf("UnmarshalText(%q) changed the scheme to %v", text, s)
		}
	}
}

// TestParseSchemeQuotesLittle gives a long text, of which an error quotes the beginning.
func TestParseSchemeQuotesLittle(t *testing.T) {
	for _, long := range []string{strings.Repeat("x", 1<<20), "symmetric8@" + strings.Repeat("0", 1<<20)} {
		_, err := qtensor.ParseScheme(long)
		wantError(t, "a long text", err, qtensor.ErrScheme)
		if err != nil && len(err.Error()) > 1000 {
			t.Errorf("%d bytes of %.20q… give an error of %d", len(long), long, len(err.Error()))
		}
	}
}

func FuzzParseScheme(f *testing.F) {
	for _, text := range hostileTexts {
		f.Add(text)
	}
	for _, text := range []string{"symmetric8", "affine8@1", "int4/g32@1/f16", "bfloat16", "float8e4m3fn@1", "mxfp4/g32@0", "codebook4/g32@1", "codebook2-nozero@0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := qtensor.ParseScheme(text)
		if err != nil {
			wantError(t, text, err, qtensor.ErrScheme)
			return
		}
		if s.Validate() != nil || s.String() != text {
			t.Errorf("%q became %q, which says %v", text, s, s.Validate())
		}
	})
}

func TestSchemeValidate(t *testing.T) {
	for _, c := range []struct {
		name   string
		scheme qtensor.Scheme
		ok     bool
	}{
		{"zero Scheme", qtensor.Scheme{}, false},
		{"zero Scheme per axis", qtensor.Scheme{}.PerAxis(0), false},
		{"1 bit", qtensor.Uniform(1), false},
		{"2 bits", qtensor.Uniform(2), true},
		{"8 bits", qtensor.Affine(8), true},
		{"9 bits", qtensor.Affine(9), false},
		{"0 bits", qtensor.PowerOfTwo(0), false},
		{"-1 bits", qtensor.Symmetric(-1), false},
		{"many bits", qtensor.Symmetric(math.MaxInt32), false},
		{"axis 0", qtensor.Int4().PerAxis(0), true},
		{"axis -1", qtensor.PerChannelAffine(8, -1), false},
		{"great axis", qtensor.PerChannelAffine(8, math.MaxInt32), true},
		{"group of 1", qtensor.UInt4().PerGroup(0, 1), true},
		{"group of 0", qtensor.UInt4().PerGroup(0, 0), false},
		{"group of -1", qtensor.UInt4().PerGroup(0, -1), false},
		{"group of axis -1", qtensor.UInt4().PerGroup(-1, 1), false},
		{"great group", qtensor.Uniform(8).PerGroup(0, math.MaxInt32), true},
		{"bad axis taken back", qtensor.Uniform(8).PerAxis(-1).PerTensor(), true},
		{"bad group taken back", qtensor.Uniform(8).PerGroup(0, 0).PerAxis(1), true},
		{"float16 scales", qtensor.Int4().WithScales(qtensor.ScaleFloat16), true},
		{"scales of another type", qtensor.Int4().WithScales(qtensor.ScaleE8M0 + 1), false},
		{"float16", qtensor.Float16(), true},
		{"float8 per axis", qtensor.Float8E4M3FN().PerAxis(0), true},
		{"float8 per group", qtensor.Float8E5M2().PerGroup(0, 32), false},
		{"float8 with float16 scales", qtensor.Float8E4M3FN().WithScales(qtensor.ScaleFloat16), false},
		{"float8 of axis -1", qtensor.Float8E5M2().PerAxis(-1), false},
		{"16 bits per axis", qtensor.Float16().PerAxis(0), false},
		{"16 bits per group", qtensor.BFloat16().PerGroup(0, 32), false},
		{"16 bits with float16 scales", qtensor.BFloat16().WithScales(qtensor.ScaleFloat16), false},
	} {
		err := c.scheme.Validate()
		if c.ok {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		wantError(t, c.name, err, qtensor.ErrScheme)
		_, err = qtensor.Quantize(newTensor([]float32{1, 2}, 2), c.scheme)
		wantError(t, c.name+": Quantize", err, qtensor.ErrScheme)
		_, err = qtensor.QuantizeWith(newTensor([]float32{1, 2}, 2), qtensor.Params{Scheme: c.scheme, Scales: []float32{1}})
		wantError(t, c.name+": QuantizeWith", err, qtensor.ErrScheme)
		_, err = qtensor.FromCodes(newTensor([]int8{1, 2}, 2), qtensor.Params{Scheme: c.scheme, Scales: []float32{1}})
		wantError(t, c.name+": FromCodes", err, qtensor.ErrScheme)
		_, err = qtensor.NewParams(c.scheme, []float32{0}, []float32{1})
		wantError(t, c.name+": NewParams", err, qtensor.ErrScheme)
		_, err = c.scheme.Blocks(tensor.Shape{2})
		wantError(t, c.name+": Blocks", err, qtensor.ErrScheme)
		_, err = c.scheme.MarshalText()
		wantError(t, c.name+": MarshalText", err, qtensor.ErrScheme)
		if low, high := c.scheme.CodeRange(); low != 0 || high != 0 {
			t.Errorf("%s: CodeRange is %d, %d", c.name, low, high)
		}
	}
}

// TestMethods goes through the names of schemes: what each is called, stored as, and made of.
func TestMethods(t *testing.T) {
	for _, c := range []struct {
		scheme    qtensor.Scheme
		name      string
		bits      int
		storage   qtensor.Storage
		stored    string
		low, high int32
		zeroPoint bool
		offset    bool
		float     bool
		scales    bool
	}{
		{qtensor.Uniform(6), "Uniform", 6, qtensor.StorageUint6, "uint6", 0, 63, false, true, false, true},
		{qtensor.Symmetric(8), "Symmetric", 8, qtensor.StorageInt8, "int8", -127, 127, false, false, false, true},
		{qtensor.Affine(8), "Affine", 8, qtensor.StorageUint8, "uint8", 0, 255, true, false, false, true},
		{qtensor.PowerOfTwo(2), "PowerOfTwo", 2, qtensor.StorageUint2, "uint2", 0, 3, true, false, false, true},
		{qtensor.Int4(), "Int4", 4, qtensor.StorageInt4, "int4", -7, 7, false, false, false, true},
		{qtensor.UInt4(), "UInt4", 4, qtensor.StorageUint4, "uint4", 0, 15, true, false, false, true},
		{qtensor.Float16(), "Float16", 16, qtensor.StorageFloat16, "float16", 0, 0, false, false, true, false},
		{qtensor.BFloat16(), "BFloat16", 16, qtensor.StorageBFloat16, "bfloat16", 0, 0, false, false, true, false},
		{qtensor.MXFP4().PerGroup(1, 32), "MXFP4", 4, qtensor.StorageUint4, "uint4", 0, 15, false, false, false, true},
		{qtensor.Float8E4M3FN(), "Float8E4M3FN", 8, qtensor.StorageFloat8E4M3FN, "float8e4m3fn", 0, 0, false, false, true, true},
		{qtensor.Float8E5M2().PerAxis(1), "Float8E5M2", 8, qtensor.StorageFloat8E5M2, "float8e5m2", 0, 0, false, false, true, true},
		{qtensor.PerChannelSymmetric(2, 3), "PerChannelSymmetric", 2, qtensor.StorageInt2, "int2", -1, 1, false, false, false, true},
		{qtensor.PerChannelAffine(5, 3), "PerChannelAffine", 5, qtensor.StorageUint5, "uint5", 0, 31, true, false, false, true},
	} {
		s := c.scheme
		low, high := s.CodeRange()
		if s.Method() != c.name || s.Bits() != c.bits || s.Storage() != c.storage || s.Storage().String() != c.stored ||
			low != c.low || high != c.high || s.HasZeroPoint() != c.zeroPoint || s.HasOffset() != c.offset || s.IsFloat() != c.float || s.HasScales() != c.scales {
			t.Errorf("%v: got %s %d %v %d…%d %v %v %v %v, want %+v", s, s.Method(), s.Bits(), s.Storage(), low, high,
				s.HasZeroPoint(), s.HasOffset(), s.IsFloat(), s.HasScales(), c)
		}
		if err := s.Validate(); err != nil {
			t.Errorf("%v: %v", s, err)
		}
		p := qtensor.Params{Scheme: s}
		if p.Bits() != c.bits || p.Storage() != c.storage {
			t.Errorf("Params of %v: got %d bits, %v", s, p.Bits(), p.Storage())
		}
	}
	for s, want := range map[qtensor.Scheme]string{
		qtensor.Uniform(8).PerAxis(0):       "Uniform",
		qtensor.PowerOfTwo(8).PerAxis(0):    "PowerOfTwo",
		qtensor.Int4().PerAxis(0):           "Int4",
		qtensor.Symmetric(8).PerGroup(0, 2): "Symmetric",
		{}:                                  "",
	} {
		if got := s.Method(); got != want {
			t.Errorf("%v: Method is %q, want %q", s, got, want)
		}
	}
}

func TestSchemeRefinements(t *testing.T) {
	s := qtensor.Affine(8)
	if axis, ok := s.Axis(); axis != 0 || ok || s.GroupSize() != 0 || s.Scales() != qtensor.ScaleFloat32 {
		t.Errorf("%v has axis %d, %v, group %d, scales %v", s, axis, ok, s.GroupSize(), s.Scales())
	}
	g := s.PerGroup(2, 64).WithScales(qtensor.ScaleFloat16)
	if axis, ok := g.Axis(); axis != 2 || !ok || g.GroupSize() != 64 || g.Scales() != qtensor.ScaleFloat16 {
		t.Errorf("%v has axis %d, %v, group %d, scales %v", g, axis, ok, g.GroupSize(), g.Scales())
	}
	// Equal by ==, however they were made; different where any part is.
	if s.PerAxis(1) != qtensor.PerChannelAffine(8, 1) || g.PerTensor().WithScales(qtensor.ScaleFloat32) != s ||
		g.PerAxis(2).WithScales(0) != s.PerAxis(2) {
		t.Error("one scheme made in two ways differs")
	}
	for _, other := range []qtensor.Scheme{
		s, g.PerTensor(), g.PerAxis(2), g.PerGroup(1, 64), g.PerGroup(2, 32), g.WithScales(qtensor.ScaleFloat32),
		qtensor.Affine(7).PerGroup(2, 64).WithScales(qtensor.ScaleFloat16),
		qtensor.PowerOfTwo(8).PerGroup(2, 64).WithScales(qtensor.ScaleFloat16),
	} {
		if other == g {
			t.Errorf("%v equals %v", other, g)
		}
	}
}

func TestTypeNames(t *testing.T) {
	for s, want := range map[fmt.Stringer]string{
		qtensor.ScaleFloat32:         "float32",
		qtensor.ScaleFloat16:         "float16",
		qtensor.ScaleE8M0:            "e8m0",
		qtensor.ScaleType(9):         "unknown",
		qtensor.Storage(0):           "none",
		qtensor.StorageInt8:          "int8",
		qtensor.StorageBFloat16:      "bfloat16",
		qtensor.StorageInt3:          "int3",
		qtensor.StorageUint7:         "uint7",
		qtensor.StorageFloat8E4M3FN:  "float8e4m3fn",
		qtensor.StorageFloat8E5M2:    "float8e5m2",
		qtensor.Storage(19):          "unknown",
		qtensor.Storage(255):         "unknown",
		qtensor.Scheme{}:             "invalid scheme",
		qtensor.Float16().PerAxis(1): "float16@1",
	} {
		if got := s.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for s, want := range map[qtensor.Storage]int{
		0: 0, qtensor.StorageInt8: 8, qtensor.StorageUint8: 8, qtensor.StorageInt4: 4, qtensor.StorageUint4: 4,
		qtensor.StorageFloat16: 16, qtensor.StorageBFloat16: 16, qtensor.StorageInt2: 2, qtensor.StorageUint7: 7, qtensor.StorageFloat8E4M3FN: 8,
		qtensor.StorageFloat8E5M2: 8, 19: 0,
	} {
		if got := s.Bits(); got != want {
			t.Errorf("%v has %d bits, want %d", s, got, want)
		}
	}
}

// hostileShapes are shapes that no tensor has: empty, negative, or of more elements than an int counts, many
// of which come out positive where products wrap around.
var hostileShapes = func() []tensor.Shape {
	const half = 1 << (strconv.IntSize / 2)
	return []tensor.Shape{
		{0, -1},
		{-1, 0},
		{-2, 3},
		{-1, -1},
		{-2, -3},
		{2, -3, -5},
		{math.MinInt, 1},
		{math.MinInt, math.MinInt},
		{half + 1, half - 1},
		{half, half + 1},
		{half, half},
		{half, half, half},
		{2, math.MaxInt},
		{math.MaxInt, math.MaxInt},
		{math.MaxInt, 0},
		{3, math.MaxInt/3 + 1},
	}
}()

func TestSchemeBlocks(t *testing.T) {
	shape := tensor.Shape{4, 3, 5}
	for text, want := range map[string]int{
		"uniform8": 1, "symmetric8@0": 4, "symmetric8@1": 3, "symmetric8@2": 5, "float16": 1,
		"int4/g1@0": 60, "int4/g4@0": 4 * 4, "int4/g5@0": 4 * 3, "int4/g14@0": 4 * 2, "int4/g15@0": 4, "int4/g16@0": 4,
		"int4/g19@1": 3 * 2, "int4/g20@1": 3, "int4/g2147483647@1": 3, "int4/g5@2": 5 * 3, "int4/g12@2": 5,
	} {
		s, err := qtensor.ParseScheme(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Blocks(shape); err != nil || got != want {
			t.Errorf("%s has %d blocks, %v, want %d", text, got, err, want)
		}
	}
	if got, err := qtensor.Int4().PerGroup(1, math.MaxInt).Blocks(shape); err != nil || got != 3 {
		t.Errorf("groups of %d: %d blocks, %v, want 3", math.MaxInt, got, err)
	}
	for _, c := range []struct {
		scheme qtensor.Scheme
		shape  tensor.Shape
		want   int
	}{
		{qtensor.Symmetric(8), tensor.Shape{math.MaxInt}, 1},
		{qtensor.Float16(), tensor.Shape{1, math.MaxInt}, 1},
		{qtensor.Symmetric(8).PerAxis(0), tensor.Shape{math.MaxInt}, math.MaxInt},
		{qtensor.Symmetric(8).PerAxis(1), tensor.Shape{math.MaxInt, 1}, 1},
		{qtensor.Int4().PerGroup(0, 1), tensor.Shape{math.MaxInt}, math.MaxInt},
		{qtensor.Int4().PerGroup(0, math.MaxInt), tensor.Shape{math.MaxInt}, math.MaxInt},
		{qtensor.Int4().PerGroup(0, 1), tensor.Shape{1, math.MaxInt}, math.MaxInt},
		{qtensor.Int4().PerGroup(0, 2), tensor.Shape{1, math.MaxInt}, math.MaxInt/2 + 1},
		{qtensor.Int4().PerGroup(0, math.MaxInt-1), tensor.Shape{1, math.MaxInt}, 2},
		{qtensor.Int4().PerGroup(0, math.MaxInt), tensor.Shape{1, math.MaxInt}, 1},
		{qtensor.Int4().PerGroup(1, 2), tensor.Shape{math.MaxInt / 2, 2}, math.MaxInt/2 + 1}, // MaxInt/2 is odd
	} {
		if got, err := c.scheme.Blocks(c.shape); err != nil || got != c.want {
			t.Errorf("%v of %v: %d blocks, %v, want %d", c.scheme, c.shape, got, err, c.want)
		}
	}
	for _, shape := range hostileShapes {
		for _, s := range append(sharings(qtensor.Symmetric(8), len(shape), 1, 3, math.MaxInt), qtensor.Float16()) {
			_, err := s.Blocks(shape)
			wantError(t, fmt.Sprint(s, " of ", shape), err, qtensor.ErrShape)
		}
	}
	for _, c := range []struct {
		scheme qtensor.Scheme
		shape  tensor.Shape
	}{
		{qtensor.Symmetric(8).PerAxis(3), shape},
		{qtensor.Symmetric(8).PerGroup(3, 2), shape},
		{qtensor.Symmetric(8).PerAxis(0), tensor.Shape{}},
		{qtensor.Symmetric(8), tensor.Shape{0}},
		{qtensor.Symmetric(8), tensor.Shape{3, 0, 2}},
		{qtensor.Float16(), tensor.Shape{0, 2}},
	} {
		_, err := c.scheme.Blocks(c.shape)
		wantError(t, fmt.Sprint(c.scheme, " of ", c.shape), err, qtensor.ErrShape)
	}
}
