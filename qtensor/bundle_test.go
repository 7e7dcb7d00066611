package qtensor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"euryale/internal/safetensors"
	"euryale/internal/tensortest"

	"gorgonia.org/tensor"
)

// bundleSchemes has every storage, sharing and kind of parameter.
var bundleSchemes = []Scheme{
	Uniform(8), Uniform(3).PerGroup(1, 4), Symmetric(8), Symmetric(5).PerAxis(0), Affine(8), Affine(8).PerAxis(1),
	PowerOfTwo(8), PowerOfTwo(6).PerAxis(1).WithScales(ScaleFloat16), Int4(), Int4().PerGroup(1, 2).WithScales(ScaleFloat16),
	UInt4(), UInt4().PerGroup(0, 3).WithScales(ScaleFloat16), Float16(), BFloat16(), Float8E4M3FN(), Float8E5M2().PerAxis(1), MXFP4().PerGroup(1, 32),
	PerChannelSymmetric(8, 1), PerChannelAffine(4, 0),
	Codebook(4).PerGroup(1, 16), Codebook(3).PerAxis(0), Codebook(2).WithLevels(LinearLevels).PerGroup(0, 32),
}

func gaussian(seed uint64, shape ...int) *tensor.Dense {
	data := tensortest.Gaussian(rand.New(rand.NewPCG(seed, 1)), tensor.Shape(shape).TotalSize(), 1)
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
}

// testBundle holds a tensor of odd size for each scheme, and float tensors with values that differ in
// bits alone.
func testBundle(t *testing.T) Bundle {
	t.Helper()
	b := Bundle{Quantized: map[string]*QTensor{}, Meta: map[string]string{"note": "ünïcode", "": ""}}
	for i, s := range bundleSchemes {
		q, err := Quantize(gaussian(uint64(i), 7, 5), s)
		if err != nil {
			t.Fatalf("%v: %v", s, err)
		}
		b.Quantized["layer/"+s.String()] = q
	}
	narrow := []float32{
		0, float32(math.Copysign(0, -1)), math.SmallestNonzeroFloat32, float32(math.Inf(-1)),
		math.Float32frombits(0x7fc00123), math.MaxFloat32,
	}
	b.Float = map[string]*tensor.Dense{
		"bias":   tensor.New(tensor.WithShape(2, 3), tensor.WithBacking(narrow)),
		"wide":   tensor.New(tensor.WithShape(2), tensor.WithBacking([]float64{math.Pi, -1e300})),
		"scalar": tensor.New(tensor.FromScalar(float32(2.5))),
	}
	return b
}

func mustWrite(t testing.TB, b Bundle) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := Write(&buf, b); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func readBundle(data []byte) (Bundle, error) {
	f, err := Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return Bundle{}, err
	}
	return f.Bundle()
}

func TestBundleRoundTrip(t *testing.T) {
	want := testBundle(t)
	data := mustWrite(t, want)
	got, err := readBundle(data)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(slices.Sorted(maps.Keys(got.Quantized)), slices.Sorted(maps.Keys(want.Quantized))) {
		t.Fatalf("got names %v", slices.Sorted(maps.Keys(got.Quantized)))
	}
	for name, q := range want.Quantized {
		g := got.Quantized[name]
		if !reflect.DeepEqual(g.Params(), q.Params()) || !slices.Equal(g.Shape(), q.Shape()) ||
			!reflect.DeepEqual(g.Codes().Data(), q.Codes().Data()) {
			t.Errorf("%s: got %v %+v, want %v %+v", name, g, g.Params(), q, q.Params())
		}
		if g.Bytes() != q.Bytes() {
			t.Errorf("%s: got %d bytes, want %d", name, g.Bytes(), q.Bytes())
		}
	}
	if !maps.Equal(got.Meta, want.Meta) {
		t.Errorf("got Meta %q, want %q", got.Meta, want.Meta)
	}
	if again := mustWrite(t, got); !bytes.Equal(again, data) {
		t.Error("a bundle that was read writes other bytes")
	}
	for i, v := range want.Float["bias"].Float32s() {
		if g := got.Float["bias"].Float32s()[i]; math.Float32bits(g) != math.Float32bits(v) {
			t.Errorf("bias %d: got %v, want %v", i, g, v)
		}
	}
	if g := got.Float["wide"].Float64s(); g[0] != math.Pi || g[1] != -1e300 {
		t.Errorf("wide: got %v", g)
	}
	if g := got.Float["scalar"]; !g.Shape().IsScalar() || g.Data() != float32(2.5) {
		t.Errorf("scalar: got %v", g)
	}
}

// The names are those that other tools look for, with the types they expect.
func TestBundleArrays(t *testing.T) {
	data := mustWrite(t, testBundle(t))
	c, err := safetensors.Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]safetensors.Info{
		"layer/symmetric8.weight":                       {Dtype: safetensors.I8, Shape: []int{7, 5}},
		"layer/symmetric8.weight_scale":                 {Dtype: safetensors.F32, Shape: []int{1}},
		"layer/affine8@1.weight_zero_point":             {Dtype: safetensors.U8, Shape: []int{5}},
		"layer/int4.weight_packed":                      {Dtype: safetensors.U8, Shape: []int{18}},
		"layer/int4/g2@1/f16.weight_scale":              {Dtype: safetensors.F16, Shape: []int{5, 4}},
		"layer/uniform3/g4@1.weight_offset":             {Dtype: safetensors.F32, Shape: []int{5, 2}},
		"layer/float16.weight":                          {Dtype: safetensors.F16, Shape: []int{7, 5}},
		"layer/bfloat16.weight":                         {Dtype: safetensors.BF16, Shape: []int{7, 5}},
		"bias":                                          {Dtype: safetensors.F32, Shape: []int{2, 3}},
		"layer/codebook4/g16@1.weight_levels":           {Dtype: safetensors.I8, Shape: []int{16}},
		"layer/codebook4/g16@1.weight_group_multiplier": {Dtype: safetensors.I8, Shape: []int{5, 1}},
		"layer/codebook4/g16@1.weight_scale":            {Dtype: safetensors.F32, Shape: []int{5}},
		"layer/codebook3@0.weight_packed":               {Dtype: safetensors.U8, Shape: []int{14}},
		"layer/symmetric5@0.weight_max":                 {Dtype: safetensors.F32, Shape: []int{7}},
		"layer/uint4/g3@0/f16.weight_zero_point":        {Dtype: safetensors.U8, Shape: []int{7, 2}},
		"layer/int4/g2@1/f16.weight_scale_multiplier":   {Dtype: safetensors.F32, Shape: []int{1}},
	} {
		if got, ok := c.Info(name); !ok || got.Dtype != want.Dtype || !slices.Equal(got.Shape, want.Shape) {
			t.Errorf("%s: got %+v, want %v %v", name, got, want.Dtype, want.Shape)
		}
	}
	if _, ok := c.Info("layer/float16.weight_scale"); ok {
		t.Error("float16 has scales")
	}
	f, err := Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Floats(); !slices.Equal(got, []string{"bias", "scalar", "wide"}) {
		t.Errorf("got float tensors %v", got)
	}
}

// A float16 scale in the file times the multiplier is the scale in memory, for tiny and huge tensors too.
func TestFloat16ScalesStored(t *testing.T) {
	for _, magnitude := range []float32{1e-30, 1e-8, 1, 1e30} {
		x := gaussian(3, 8, 8)
		for i := range x.Float32s() {
			x.Float32s()[i] *= magnitude
		}
		q, err := Quantize(x, Int4().PerGroup(1, 4).WithScales(ScaleFloat16))
		if err != nil {
			t.Fatal(err)
		}
		got, err := readBundle(mustWrite(t, Bundle{Quantized: map[string]*QTensor{"w": q}}))
		if err != nil {
			t.Fatalf("%v: %v", magnitude, err)
		}
		if p, want := got.Quantized["w"].Params(), q.Params(); !slices.Equal(p.Scales, want.Scales) || p.Multiplier != want.Multiplier {
			t.Errorf("%v: got %v × %v, want %v × %v", magnitude, p.Scales, p.Multiplier, want.Scales, want.Multiplier)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	q, err := Quantize(gaussian(1, 4, 4), Symmetric(8))
	if err != nil {
		t.Fatal(err)
	}
	masked := tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{1, 2}, []bool{true, false}))
	for name, test := range map[string]struct {
		bundle Bundle
		want   error
	}{
		"nil quantized":  {Bundle{Quantized: map[string]*QTensor{"w": nil}}, ErrFormat},
		"zero quantized": {Bundle{Quantized: map[string]*QTensor{"w": {}}}, ErrFormat},
		"nil float":      {Bundle{Float: map[string]*tensor.Dense{"w": nil}}, ErrFormat},
		"int float":      {Bundle{Float: map[string]*tensor.Dense{"w": tensor.New(tensor.WithShape(2), tensor.WithBacking([]int{1, 2}))}}, ErrDtype},
		"masked float":   {Bundle{Float: map[string]*tensor.Dense{"w": masked}}, ErrLayout},
		"empty float":    {Bundle{Float: map[string]*tensor.Dense{"w": tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(2, 0))}}, ErrShape},
		"reserved meta":  {Bundle{Meta: map[string]string{"euryale": ""}}, ErrFormat},
		"same names":     {Bundle{Quantized: map[string]*QTensor{"w": q}, Float: map[string]*tensor.Dense{"w.weight": gaussian(1, 2)}}, ErrFormat},
		"bad name":       {Bundle{Quantized: map[string]*QTensor{"\xff": q}}, ErrFormat},
	} {
		if err := Write(io.Discard, test.bundle); !errors.Is(err, test.want) {
			t.Errorf("%s: Write: got %v, want %v", name, err, test.want)
		}
		path := filepath.Join(t.TempDir(), "model")
		if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Save(path, test.bundle); !errors.Is(err, test.want) {
			t.Errorf("%s: Save: got %v, want %v", name, err, test.want)
		}
		if kept, _ := os.ReadFile(path); string(kept) != "precious" {
			t.Errorf("%s: Save left %q in place of the file", name, kept)
		}
	}
}

// companions are the endings of the names that belong to a quantized tensor, whether it has such an array or
// not.
var companions = []string{
	".weight", ".weight_packed", ".weight_scale", ".weight_scale_multiplier", ".weight_zero_point", ".weight_offset",
	".weight_min", ".weight_max", ".weight_levels", ".weight_group_multiplier",
}

func TestWriteRefusesCompanions(t *testing.T) {
	for _, s := range bundleSchemes {
		q, err := Quantize(gaussian(1, 4, 4), s)
		if err != nil {
			t.Fatal(err)
		}
		bundle := func(name string) Bundle {
			return Bundle{Quantized: map[string]*QTensor{"w": q}, Float: map[string]*tensor.Dense{name: gaussian(1, 2)}}
		}
		for _, ending := range companions {
			if err := Write(io.Discard, bundle("w"+ending)); !errors.Is(err, ErrFormat) ||
				!strings.Contains(err.Error(), `belongs to the quantized "w"`) {
				t.Errorf("%v beside a float tensor %q: got %v, want ErrFormat with the owner", s, "w"+ending, err)
			}
		}
		for _, name := range []string{
			"w", "w.bias", "w.weight_", "w.weights", "v.weight", "v.w.weight", ".weight",
			"w.weight.weight", "w_scale",
		} {
			got, err := readBundle(mustWrite(t, bundle(name)))
			if err != nil || got.Float[name] == nil || got.Quantized["w"] == nil {
				t.Errorf("%v beside a float tensor %q: got %v, %v", s, name, got, err)
			}
		}
	}
}

// TestFileSize checks that a file holds what Bytes says and the ranges, and no byte more behind the header.
func TestFileSize(t *testing.T) {
	b := testBundle(t)
	b.Float = nil
	want := 0
	for name, q := range b.Quantized {
		p := q.Params()
		ranges := len(p.Scales)
		if q.Scheme().GroupSize() > 0 || q.Scheme().IsCodebook() {
			ranges = 0
		}
		if len(p.Min) != ranges || len(p.Max) != ranges {
			t.Errorf("%v has %d minima and %d maxima, want %d", q.Scheme(), len(p.Min), len(p.Max), ranges)
		}
		if got := dataSize(mustWrite(t, Bundle{Quantized: map[string]*QTensor{name: q}})); got != q.Bytes()+8*ranges {
			t.Errorf("%v takes %d bytes in a file, want %d and %d ranges of 8", q.Scheme(), got, q.Bytes(), ranges)
		}
		want += q.Bytes() + 8*ranges
	}
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := Save(path, b); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := dataSize(data); got != want {
		t.Errorf("the file of all takes %d bytes behind its header, want %d", got, want)
	}
}

// dataSize returns the length of a file behind its header, which begins with its own length.
func dataSize(file []byte) int { return len(file) - 8 - int(binary.LittleEndian.Uint64(file)) }

func TestWriteFloatViews(t *testing.T) {
	x := gaussian(1, 3, 4)
	want := x.Clone().(*tensor.Dense)
	if err := want.T(); err != nil {
		t.Fatal(err)
	}
	if err := want.Transpose(); err != nil {
		t.Fatal(err)
	}
	if err := x.T(); err != nil {
		t.Fatal(err)
	}
	got, err := readBundle(mustWrite(t, Bundle{Float: map[string]*tensor.Dense{"x": x}}))
	if err != nil {
		t.Fatal(err)
	}
	if g := got.Float["x"]; !g.Shape().Eq(want.Shape()) || !slices.Equal(g.Float32s(), want.Float32s()) {
		t.Errorf("got %v, want %v", g, want)
	}
}
