package qtensor

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"euryale/internal/safetensors"

	"gorgonia.org/tensor"
)

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
	for _, name := range []string{"absent", "", "bias", "layer/int4.weight_packed"} {
		if _, err := f.QTensor(name); !errors.Is(err, ErrNotFound) || errors.Is(err, ErrFormat) ||
			!strings.Contains(err.Error(), strconv.Quote(name)) {
			t.Errorf("QTensor(%q): got %v, want ErrNotFound with the name", name, err)
		}
	}
	for _, name := range []string{"absent", "", "layer/int4", "layer/int4.weight_packed"} {
		if _, err := f.Float(name); !errors.Is(err, ErrNotFound) || errors.Is(err, ErrFormat) ||
			!strings.Contains(err.Error(), strconv.Quote(name)) {
			t.Errorf("Float(%q): got %v, want ErrNotFound with the name", name, err)
		}
	}
	q, err := f.QTensor("layer/int4")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	_, ofQTensor := f.QTensor("layer/int4")
	_, ofParams := f.Params("layer/int4")
	_, ofFloat := f.Float("bias")
	_, ofBundle := f.Bundle()
	for what, err := range map[string]error{
		"Close": f.Close(), "QTensor": ofQTensor, "Params": ofParams, "Float": ofFloat,
		"Bundle": ofBundle,
	} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s after Close: got %v, want os.ErrClosed", what, err)
		}
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

// TestCloseWhileReading closes a file from which goroutines read: each gets what was saved until it gets
// os.ErrClosed.
func TestCloseWhileReading(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	saved := testBundle(t)
	want := mustWrite(t, saved)
	if err := Save(path, saved); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	var started, done sync.WaitGroup
	for range 4 {
		started.Add(1)
		done.Go(func() {
			for first := true; ; first = false {
				b, err := f.Bundle()
				if first {
					started.Done()
				}
				switch {
				case errors.Is(err, os.ErrClosed):
					return
				case err != nil:
					t.Errorf("got %v, want os.ErrClosed", err)
					return
				case !bytes.Equal(mustWrite(t, b), want):
					t.Error("got another bundle than what was saved")
					return
				}
			}
		})
	}
	started.Wait()
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	done.Wait()
}

// TestOpenRefusedIsClosed has a container whose tensors are not Save's: it does not stay mapped.
func TestOpenRefusedIsClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "damaged.safetensors")
	data := damage(t, Symmetric(8), func(_ map[string]*safetensors.Tensor, meta map[string]any) { meta["version"] = 2 })
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, ErrFormat) {
		t.Errorf("got %v, want ErrFormat", err)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Skip(err)
	}
	if strings.Contains(string(maps), path) {
		t.Errorf("%s is mapped after Open refused it", path)
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

// bytesOf returns the array of a tensor w of 15 signed codes, of which the fourth is given, that take a byte each.
func bytesOf(code int8) *safetensors.Tensor {
	return &safetensors.Tensor{Name: "w.weight", Dtype: safetensors.I8, Shape: []int{3, 5}, Data: []byte{0, 1, 0xf9, uint8(code), 14: 0xf8}}
}

// TestReadBytes reads codes of fewer than 8 bits that take a byte each.
func TestReadBytes(t *testing.T) {
	data := damage(t, Symmetric(4), func(a map[string]*safetensors.Tensor, _ map[string]any) {
		a["w.weight"] = bytesOf(-3)
		delete(a, "w.weight_packed")
	})
	b, err := readBundle(data)
	if err != nil {
		t.Fatal(err)
	}
	q := b.Quantized["w"]
	got, want := q.Codes().Data(), []int8{0, 1, -7, -3, 14: -8}
	if !slices.Equal(got.([]int8), want) || q.Bytes() != 8+4 {
		t.Errorf("got %v in %d bytes, want %v in 12", got, q.Bytes(), want)
	}
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
		"not json":         {Symmetric(8), func(_ arrays, m meta) { m["raw"] = "{" }, "unexpected end"},
		"key twice":        {Symmetric(8), func(_ arrays, m meta) { m["raw"] = `{"version":1,"version":1}` }, "twice"},
		"key in capitals":  {Symmetric(8), func(_ arrays, m meta) { m["raw"] = `{"VERSION":1}` }, `unknown field "VERSION"`},
		"inner capitals":   {Symmetric(8), func(_ arrays, m meta) { ref(m)["Shape"] = ref(m)["shape"]; delete(ref(m), "shape") }, `unknown field "Shape"`},
		"unknown field":    {Symmetric(8), func(_ arrays, m meta) { m["more"] = 1 }, "unknown field"},
		"version":          {Symmetric(8), func(_ arrays, m meta) { m["version"] = 2 }, "got version 2, want 1"},
		"scheme":           {Symmetric(8), func(_ arrays, m meta) { ref(m)["scheme"] = "symmetric9" }, "9 bits"},
		"no scheme":        {Symmetric(8), func(_ arrays, m meta) { delete(ref(m), "scheme") }, `without "scheme"`},
		"shape":            {Symmetric(8), func(_ arrays, m meta) { ref(m)["shape"] = []int{5, 3} }, "is I8 [3 5], want I8 [5 3]"},
		"negative shape":   {Symmetric(8), func(_ arrays, m meta) { ref(m)["shape"] = []int{-3, -5} }, "got (-3, -5), want at least one element"},
		"huge shape":       {Int4(), func(_ arrays, m meta) { ref(m)["shape"] = []int{1 << 30, 1 << 30, 1 << 30} }, "want at least one element"},
		"empty shape":      {Symmetric(8), func(_ arrays, m meta) { ref(m)["shape"] = []int{0, 5} }, "got (0, 5), want at least one element"},
		"axis":             {Symmetric(8), func(_ arrays, m meta) { ref(m)["scheme"] = "symmetric8@2" }, "axis 2"},
		"no codes":         {Symmetric(8), func(a arrays, _ meta) { delete(a, "w.weight") }, `has no "w.weight"`},
		"no packed codes":  {Int4(), func(a arrays, _ meta) { delete(a, "w.weight_packed") }, `has no "w.weight_packed"`},
		"no scale":         {Symmetric(8), func(a arrays, _ meta) { delete(a, "w.weight_scale") }, `has no "w.weight_scale"`},
		"no zero point":    {Affine(8), func(a arrays, _ meta) { delete(a, "w.weight_zero_point") }, `has no "w.weight_zero_point"`},
		"no offset":        {Uniform(8), func(a arrays, _ meta) { delete(a, "w.weight_offset") }, `has no "w.weight_offset"`},
		"no maximum":       {Uniform(8), func(a arrays, _ meta) { delete(a, "w.weight_max") }, `has no "w.weight_max"`},
		"NaN minimum":      {Uniform(8), func(a arrays, _ meta) { a["w.weight_min"].Data = []byte{0, 0, 0xc0, 0x7f} }, "got range [NaN,"},
		"no multiplier":    {Int4().WithScales(ScaleFloat16), func(a arrays, _ meta) { delete(a, "w.weight_scale_multiplier") }, "has no"},
		"scale shape":      {PerChannelSymmetric(8, 1), func(a arrays, _ meta) { a["w.weight_scale"].Shape = []int{5, 1} }, "is F32 [5 1], want F32 [5]"},
		"scale type":       {Symmetric(8), func(a arrays, _ meta) { a["w.weight_scale"].Dtype = safetensors.I32 }, "is I32 [1], want F32 [1]"},
		"codes type":       {Symmetric(8), func(a arrays, _ meta) { a["w.weight"].Dtype = safetensors.U8 }, "is U8 [3 5], want I8 [3 5]"},
		"zero scale":       {Symmetric(8), func(a arrays, _ meta) { a["w.weight_scale"].Data = make([]byte, 4) }, "got scale 0"},
		"NaN scale":        {Symmetric(8), func(a arrays, _ meta) { a["w.weight_scale"].Data = []byte{0, 0, 0xc0, 0x7f} }, "got scale NaN"},
		"NaN offset":       {Uniform(8), func(a arrays, _ meta) { a["w.weight_offset"].Data = []byte{0, 0, 0xc0, 0x7f} }, "got offset NaN"},
		"zero point":       {Affine(4), func(a arrays, _ meta) { a["w.weight_zero_point"].Data = []byte{16} }, "got zero point 16"},
		"code":             {Symmetric(4), func(a arrays, _ meta) { a["w.weight"] = bytesOf(8); delete(a, "w.weight_packed") }, "got code 8 at 3"},
		"codes twice":      {Symmetric(4), func(a arrays, _ meta) { a["w.weight"] = bytesOf(7) }, `"w.weight" is no array`},
		"float16 infinity": {Float16(), func(a arrays, _ meta) { copy(a["w.weight"].Data, []byte{0, 0x7c}) }, "got code 31744 at 0"},
		"float8 NaN":       {Float8E4M3FN(), func(a arrays, _ meta) { a["w.weight"].Data[2] = 0xff }, "got code 255 at 2"},
		"float8 infinity":  {Float8E5M2(), func(a arrays, _ meta) { a["w.weight"].Data[3] = 0x7c }, "got code 124 at 3"},
		"a scale of NaN":   {MXFP4().PerGroup(0, 32), func(a arrays, _ meta) { a["w.weight_scale"].Data[2] = 0xff }, "got a scale of NaN, 255, at 2"},
		"float32 of MXFP4": {MXFP4().PerGroup(0, 32), func(a arrays, _ meta) { a["w.weight_scale"].Dtype = safetensors.U8 }, "is U8 [3 1], want F8_E8M0 [3 1]"},
		"float8 type":      {Float8E5M2(), func(a arrays, _ meta) { a["w.weight"].Dtype = safetensors.F8E4M3 }, "is F8_E4M3 [3 5], want F8_E5M2 [3 5]"},
		"float8 scale":     {Float8E4M3FN(), func(a arrays, _ meta) { a["w.weight_scale"].Data = make([]byte, 4) }, "got scale 0"},
		"half byte":        {Int4(), func(a arrays, _ meta) { a["w.weight_packed"].Data[7] |= 0x30 }, "got bits 11 after"},
		"bits after 3":     {Affine(3), func(a arrays, _ meta) { a["w.weight_packed"].Data[5] |= 0x80 }, "got bits 100 after"},
		"multiplier":       {Int4().WithScales(ScaleFloat16), func(a arrays, _ meta) { a["w.weight_scale_multiplier"].Data = []byte{0, 0, 0x40, 0x40} }, "got multiplier 3"},
		"zero multiplier":  {Int4().WithScales(ScaleFloat16), func(a arrays, _ meta) { a["w.weight_scale_multiplier"].Data = make([]byte, 4) }, "got multiplier 0"},
		"great multiplier": {Int4().WithScales(ScaleFloat16), func(a arrays, _ meta) { a["w.weight_scale_multiplier"].Data = []byte{0, 0, 0, 0x7f} }, "got scale +Inf"},
		"power of two":     {PowerOfTwo(8), func(a arrays, _ meta) { a["w.weight_scale"].Data = []byte{0, 0, 0x40, 0x40} }, "got scale 3 at 0, want a power of two"},
		"no levels":        {Codebook(4).PerAxis(0), func(a arrays, _ meta) { delete(a, "w.weight_levels") }, `has no "w.weight_levels"`},
		"no multipliers":   {Codebook(4).PerGroup(0, 16), func(a arrays, _ meta) { delete(a, "w.weight_group_multiplier") }, "has no"},
		"levels that fall": {Codebook(2).PerAxis(0), func(a arrays, _ meta) { a["w.weight_levels"].Data = []byte{0, 1, 1, 127} }, "ascending"},
		"level -128":       {Codebook(2).PerAxis(0), func(a arrays, _ meta) { a["w.weight_levels"].Data = []byte{128, 0, 1, 127} }, "want −127"},
		"levels without 0": {Codebook(2).PerAxis(0), func(a arrays, _ meta) { a["w.weight_levels"].Data = []byte{129, 1, 2, 127} }, "want 0"},
		"linear levels":    {Codebook(2).WithLevels(LinearLevels).PerAxis(0), func(a arrays, _ meta) { a["w.weight_levels"].Data[3] = 65 }, "linear"},
		"multiplier -128":  {Codebook(2).PerGroup(0, 16), func(a arrays, _ meta) { a["w.weight_group_multiplier"].Data[1] = 128 }, "got multiplier -128 at 1"},
		"negative scale":   {Codebook(2).PerAxis(0), func(a arrays, _ meta) { a["w.weight_scale"].Data[3] |= 0x80 }, "got scale -"},
		"bits after codes": {Codebook(3).PerAxis(0), func(a arrays, _ meta) { a["w.weight_packed"].Data[5] |= 0x80 }, "got bits 100 after"},
		"no minimum":       {Uniform(8), func(a arrays, _ meta) { delete(a, "w.weight_min") }, `has no "w.weight_min"`},
		"subnormal scale":  {Int4().WithScales(ScaleFloat16), func(a arrays, _ meta) { a["w.weight_scale"].Data = []byte{1, 0} }, "got scale"},
		"scales of a bfloat16": {BFloat16(), func(a arrays, _ meta) {
			a["w.weight_scale"] = &safetensors.Tensor{Name: "w.weight_scale", Dtype: safetensors.F32, Shape: []int{1}, Data: make([]byte, 4)}
		}, `"w.weight_scale" is no array of the quantized "w", bfloat16`},
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

// TestReadRefusesCompanions adds each array that a scheme has not.
func TestReadRefusesCompanions(t *testing.T) {
	for _, s := range bundleSchemes {
		for _, ending := range companions {
			name, added := "w"+ending, false
			data := damage(t, s, func(arrays map[string]*safetensors.Tensor, _ map[string]any) {
				if added = arrays[name] == nil; !added {
					return
				}
				shape := []int{1}
				if scales := arrays["w.weight_scale"]; scales != nil {
					shape = scales.Shape
				}
				arrays[name] = &safetensors.Tensor{
					Name: name, Dtype: safetensors.F32, Shape: shape,
					Data: make([]byte, 4*tensor.Shape(shape).TotalSize()),
				}
			})
			want := strconv.Quote(name) + ` is no array of the quantized "w", ` + s.String()
			switch { // one end of a range wants the other
			case !s.HasScales(), s.IsCodebook():
			case ending == ".weight_min":
				want = `has no "w.weight_max"`
			case ending == ".weight_max":
				want = `has no "w.weight_min"`
			}
			_, err := Read(bytes.NewReader(data), int64(len(data)))
			if !added && err != nil {
				t.Errorf("%v: %v", s, err)
			}
			if added && (!errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want)) {
				t.Errorf("%v with %q: got %v, want ErrFormat with %q", s, name, err, want)
			}
		}
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

// FuzzRead reads hostile files: an error or tensors that write the same values again, and never a panic.
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
