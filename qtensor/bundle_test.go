package qtensor

import (
	"bytes"
	"encoding/json"
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

	"gorgonia.org/tensor"
)

// bundleSchemes has every storage, sharing and kind of parameter.
var bundleSchemes = []Scheme{
	Uniform(8), Uniform(3).PerGroup(1, 4), Symmetric(8), Symmetric(5).PerAxis(0), Affine(8), Affine(8).PerAxis(1),
	PowerOfTwo(8), PowerOfTwo(6).PerAxis(1).WithScales(ScaleFloat16), Int4(), Int4().PerGroup(1, 2).WithScales(ScaleFloat16),
	UInt4(), UInt4().PerGroup(0, 3).WithScales(ScaleFloat16), Float16(), BFloat16(),
	PerChannelSymmetric(8, 1), PerChannelAffine(4, 0),
}

func gaussian(seed uint64, shape ...int) *tensor.Dense {
	r := rand.New(rand.NewPCG(seed, 1))
	data := make([]float32, tensor.Shape(shape).TotalSize())
	for i := range data {
		data[i] = float32(r.NormFloat64())
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
}

// testBundle holds a tensor of odd size for each scheme, and float tensors with numbers that only bits tell apart.
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
	narrow := []float32{0, float32(math.Copysign(0, -1)), math.SmallestNonzeroFloat32, float32(math.Inf(-1)), math.Float32frombits(0x7fc00123), math.MaxFloat32}
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
		if !reflect.DeepEqual(g.Params(), q.Params()) || !slices.Equal(g.Shape(), q.Shape()) || !reflect.DeepEqual(g.Codes().Data(), q.Codes().Data()) {
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
		"layer/symmetric8.weight":                     {Dtype: safetensors.I8, Shape: []int{7, 5}},
		"layer/symmetric8.weight_scale":               {Dtype: safetensors.F32, Shape: []int{1}},
		"layer/affine8@1.weight_zero_point":           {Dtype: safetensors.U8, Shape: []int{5}},
		"layer/int4.weight_packed":                    {Dtype: safetensors.U8, Shape: []int{18}},
		"layer/int4/g2@1/f16.weight_scale":            {Dtype: safetensors.F16, Shape: []int{5, 4}},
		"layer/uniform3/g4@1.weight_offset":           {Dtype: safetensors.F32, Shape: []int{5, 2}},
		"layer/float16.weight":                        {Dtype: safetensors.F16, Shape: []int{7, 5}},
		"layer/bfloat16.weight":                       {Dtype: safetensors.BF16, Shape: []int{7, 5}},
		"bias":                                        {Dtype: safetensors.F32, Shape: []int{2, 3}},
		"layer/symmetric5@0.weight_max":               {Dtype: safetensors.F32, Shape: []int{7}},
		"layer/uint4/g3@0/f16.weight_zero_point":      {Dtype: safetensors.U8, Shape: []int{7, 2}},
		"layer/int4/g2@1/f16.weight_scale_multiplier": {Dtype: safetensors.F32, Shape: []int{1}},
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
func TestHalfScalesStored(t *testing.T) {
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
		"nil quantized": {Bundle{Quantized: map[string]*QTensor{"w": nil}}, ErrFormat},
		"nil float":     {Bundle{Float: map[string]*tensor.Dense{"w": nil}}, ErrFormat},
		"int float":     {Bundle{Float: map[string]*tensor.Dense{"w": tensor.New(tensor.WithShape(2), tensor.WithBacking([]int{1, 2}))}}, ErrDtype},
		"masked float":  {Bundle{Float: map[string]*tensor.Dense{"w": masked}}, ErrLayout},
		"empty float":   {Bundle{Float: map[string]*tensor.Dense{"w": tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(2, 0))}}, ErrShape},
		"reserved meta": {Bundle{Meta: map[string]string{"euryale": ""}}, ErrFormat},
		"same names":    {Bundle{Quantized: map[string]*QTensor{"w": q}, Float: map[string]*tensor.Dense{"w.weight": gaussian(1, 2)}}, ErrFormat},
		"bad name":      {Bundle{Quantized: map[string]*QTensor{"\xff": q}}, ErrFormat},
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

func TestSaveOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	want := testBundle(t)
	if err := Save(path, want); err != nil {
		t.Fatal(err)
	}
	if err := Save(path, want); err != nil { // over the first
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.QTensor("absent"); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "layer/int4") {
		t.Errorf("absent: got %v", err)
	}
	if _, err := f.Float("absent"); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "bias") {
		t.Errorf("absent: got %v", err)
	}
	if _, err := f.Float("layer/int4.weight_packed"); !errors.Is(err, ErrFormat) {
		t.Errorf("codes as a float tensor: got %v", err)
	}
	q, err := f.QTensor("layer/int4")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err == nil {
		t.Error("closed twice: got no error")
	}
	if _, err := f.QTensor("layer/int4"); err == nil {
		t.Error("read after Close: got no error")
	}
	if _, err := f.Float("bias"); err == nil {
		t.Error("read after Close: got no error")
	}
	if _, err := f.Bundle(); err == nil {
		t.Error("read after Close: got no error")
	}
	if got, want := q.Codes().Data(), want.Quantized["layer/int4"].Codes().Data(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want os.ErrNotExist", err)
	}
	if err := os.WriteFile(path, []byte("no such format"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, ErrFormat) {
		t.Errorf("got %v, want ErrFormat", err)
	}
}

// damage rewrites a bundle of one tensor with its arrays and metadata changed by f.
func damage(t *testing.T, s Scheme, f func(arrays map[string]*safetensors.Tensor, meta map[string]any)) []byte {
	t.Helper()
	q, err := Quantize(gaussian(9, 3, 5), s)
	if err != nil {
		t.Fatal(err)
	}
	list, texts, err := Bundle{Quantized: map[string]*QTensor{"w": q}}.tensors()
	if err != nil {
		t.Fatal(err)
	}
	arrays := map[string]*safetensors.Tensor{}
	for i := range list {
		arrays[list[i].Name] = &list[i]
	}
	var meta map[string]any
	if err := json.Unmarshal([]byte(texts[metaKey]), &meta); err != nil {
		t.Fatal(err)
	}
	f(arrays, meta)
	list = nil
	for _, a := range arrays {
		list = append(list, *a)
	}
	text, err := json.Marshal(meta)
	if err != nil {
		t.Fatal(err)
	}
	if raw, ok := meta["raw"].(string); ok {
		text = []byte(raw)
	}
	var buf bytes.Buffer
	if err := safetensors.Write(&buf, list, map[string]string{metaKey: string(text)}); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestReadRefuses(t *testing.T) {
	type arrays = map[string]*safetensors.Tensor
	type meta = map[string]any
	ref := func(m meta) meta { return m["quantized"].(meta)["w"].(meta) }
	for name, test := range map[string]struct {
		scheme Scheme
		damage func(arrays, meta)
		want   string
	}{
		"not json":        {Symmetric(8), func(_ arrays, m meta) { m["raw"] = "{" }, "unexpected EOF"},
		"key twice":       {Symmetric(8), func(_ arrays, m meta) { m["raw"] = `{"version":1,"version":1}` }, "twice"},
		"unknown field":   {Symmetric(8), func(_ arrays, m meta) { m["more"] = 1 }, "unknown field"},
		"version":         {Symmetric(8), func(_ arrays, m meta) { m["version"] = 2 }, "got version 2, want 1"},
		"scheme":          {Symmetric(8), func(_ arrays, m meta) { ref(m)["scheme"] = "symmetric9" }, "9 bits"},
		"no scheme":       {Symmetric(8), func(_ arrays, m meta) { delete(ref(m), "scheme") }, "zero Scheme"},
		"shape":           {Symmetric(8), func(_ arrays, m meta) { ref(m)["shape"] = []int{5, 3} }, "is I8 [3 5], want I8 [5 3]"},
		"negative shape":  {Symmetric(8), func(_ arrays, m meta) { ref(m)["shape"] = []int{-3, -5} }, "got shape"},
		"huge shape":      {Int4(), func(_ arrays, m meta) { ref(m)["shape"] = []int{1 << 30, 1 << 30, 1 << 30} }, "got shape"},
		"empty shape":     {Symmetric(8), func(_ arrays, m meta) { ref(m)["shape"] = []int{0, 5} }, "empty tensor"},
		"axis":            {Symmetric(8), func(_ arrays, m meta) { ref(m)["scheme"] = "symmetric8@2" }, "axis 2"},
		"no codes":        {Symmetric(8), func(a arrays, _ meta) { delete(a, "w.weight") }, `has no "w.weight"`},
		"no packed codes": {Int4(), func(a arrays, _ meta) { delete(a, "w.weight_packed") }, `has no "w.weight_packed"`},
		"no scale":        {Symmetric(8), func(a arrays, _ meta) { delete(a, "w.weight_scale") }, `has no "w.weight_scale"`},
		"no zero point":   {Affine(8), func(a arrays, _ meta) { delete(a, "w.weight_zero_point") }, `has no "w.weight_zero_point"`},
		"no offset":       {Uniform(8), func(a arrays, _ meta) { delete(a, "w.weight_offset") }, `has no "w.weight_offset"`},
		"no maximum":      {Uniform(8), func(a arrays, _ meta) { delete(a, "w.weight_max") }, `has no "w.weight_max"`},
		"no multiplier":   {Int4().WithScales(ScaleFloat16), func(a arrays, _ meta) { delete(a, "w.weight_scale_multiplier") }, "has no"},
		"scale shape":     {PerChannelSymmetric(8, 1), func(a arrays, _ meta) { a["w.weight_scale"].Shape = []int{5, 1} }, "is F32 [5 1], want F32 [5]"},
		"scale type":      {Symmetric(8), func(a arrays, _ meta) { a["w.weight_scale"].Dtype = safetensors.I32 }, "is I32 [1], want F32 [1]"},
		"codes type":      {Symmetric(8), func(a arrays, _ meta) { a["w.weight"].Dtype = safetensors.U8 }, "is U8 [3 5], want I8 [3 5]"},
		"zero scale":      {Symmetric(8), func(a arrays, _ meta) { a["w.weight_scale"].Data = make([]byte, 4) }, "got scale 0"},
		"NaN scale":       {Symmetric(8), func(a arrays, _ meta) { a["w.weight_scale"].Data = []byte{0, 0, 0xc0, 0x7f} }, "got scale NaN"},
		"NaN offset":      {Uniform(8), func(a arrays, _ meta) { a["w.weight_offset"].Data = []byte{0, 0, 0xc0, 0x7f} }, "got offset NaN"},
		"zero point":      {Affine(4), func(a arrays, _ meta) { a["w.weight_zero_point"].Data = []byte{16} }, "got zero point 16"},
		"code":            {Symmetric(4), func(a arrays, _ meta) { a["w.weight"].Data[3] = 8 }, "got code 8 at 3"},
		"half infinity":   {Float16(), func(a arrays, _ meta) { copy(a["w.weight"].Data, []byte{0, 0x7c}) }, "got code 31744 at 0"},
		"half byte":       {Int4(), func(a arrays, _ meta) { a["w.weight_packed"].Data[7] |= 0x30 }, "got half byte 3"},
		"multiplier":      {Int4().WithScales(ScaleFloat16), func(a arrays, _ meta) { a["w.weight_scale_multiplier"].Data = []byte{0, 0, 0x40, 0x40} }, "got multiplier 3"},
		"zero multiplier": {Int4().WithScales(ScaleFloat16), func(a arrays, _ meta) { a["w.weight_scale_multiplier"].Data = make([]byte, 4) }, "got scale 0"},
		"subnormal scale": {Int4().WithScales(ScaleFloat16), func(a arrays, _ meta) { a["w.weight_scale"].Data = []byte{1, 0} }, "got scale"},
		"scales of a half": {BFloat16(), func(a arrays, _ meta) {
			a["w.weight_scale"] = &safetensors.Tensor{Name: "w.weight_scale", Dtype: safetensors.F32, Shape: []int{1}, Data: make([]byte, 4)}
		}, "want none"},
		"array of two owners": {Symmetric(8), func(_ arrays, m meta) {
			m["quantized"] = meta{"w": ref(m), "w.weight": meta{"scheme": "bfloat16", "shape": []int{1}}}
		}, "has no"},
	} {
		data := damage(t, test.scheme, test.damage)
		_, err := readBundle(data)
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want ErrFormat with %q", name, err, test.want)
		}
	}
	sound := damage(t, Symmetric(8), func(arrays, meta) {})
	if _, err := readBundle(sound); err != nil {
		t.Errorf("undamaged: %v", err)
	}
}

func TestReadOtherFiles(t *testing.T) {
	var buf bytes.Buffer
	list := []safetensors.Tensor{
		{Name: "x", Dtype: safetensors.F32, Shape: []int{1}, Data: make([]byte, 4)},
		{Name: "n", Dtype: safetensors.I64, Shape: []int{1}, Data: make([]byte, 8)},
		{Name: "none", Dtype: safetensors.F32, Shape: []int{0, 2}},
	}
	if err := safetensors.Write(&buf, list, nil); err != nil {
		t.Fatal(err)
	}
	f, err := Read(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Quantized()) != 0 || len(f.Meta()) != 0 || !slices.Equal(f.Floats(), []string{"n", "none", "x"}) {
		t.Errorf("got %v, %v, %v", f.Quantized(), f.Meta(), f.Floats())
	}
	if _, err := f.Float("x"); err != nil {
		t.Error(err)
	}
	if _, err := f.Float("n"); !errors.Is(err, ErrDtype) {
		t.Errorf("I64: got %v, want ErrDtype", err)
	}
	if _, err := f.Float("none"); !errors.Is(err, ErrShape) {
		t.Errorf("empty: got %v, want ErrShape", err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("Close of a File that Read made: %v", err)
	}
}

// FuzzRead reads hostile files: an error or tensors that write the same numbers again, and never a panic.
func FuzzRead(f *testing.F) {
	for i, s := range bundleSchemes {
		q, err := Quantize(gaussian(uint64(i), 3, 3), s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(mustWrite(f, Bundle{Quantized: map[string]*QTensor{"w": q}, Meta: map[string]string{"k": "v"}}))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := readBundle(data)
		if err != nil {
			return
		}
		again, err := readBundle(mustWrite(t, b))
		if err != nil {
			t.Fatal(err)
		}
		for name, q := range b.Quantized {
			if g := again.Quantized[name]; !reflect.DeepEqual(g.Params(), q.Params()) || !reflect.DeepEqual(g.Codes().Data(), q.Codes().Data()) {
				t.Fatalf("%q: got %v, want %v", name, g, q)
			}
		}
		for name, x := range b.Float {
			if g := again.Float[name]; !slices.Equal(g.Shape(), x.Shape()) {
				t.Fatalf("%q: got %v, want %v", name, g.Shape(), x.Shape())
			}
		}
	})
}
