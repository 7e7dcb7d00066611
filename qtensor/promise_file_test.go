package qtensor_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// TestPromisedFileErrors reads and writes what the docs of files say to be an error.
func TestPromisedFileErrors(t *testing.T) {
	floats := func(name string, d *tensor.Dense) qtensor.Bundle {
		return qtensor.Bundle{Float: map[string]*tensor.Dense{name: d}}
	}
	meta := func(key, text string) qtensor.Bundle { return qtensor.Bundle{Meta: map[string]string{key: text}} }
	fine := tensor.New(tensor.WithBacking([]float32{1, 2}))
	var list []refusal
	folder := t.TempDir()
	for name, c := range map[string]struct {
		bundle qtensor.Bundle
		want   error
	}{
		"integers":          {floats("x", tensor.New(tensor.WithBacking([]int{1}))), qtensor.ErrDtype},
		"the zero Dense":    {floats("x", new(tensor.Dense)), qtensor.ErrDtype},
		"a mask":            {floats("x", tensor.New(tensor.WithShape(1), tensor.WithBacking([]float32{1}, []bool{true}))), qtensor.ErrLayout},
		"no elements":       {floats("x", tensor.New(tensor.WithShape(0), tensor.WithBacking([]float32{}))), qtensor.ErrShape},
		"nil":               {floats("x", nil), qtensor.ErrFormat},
		"a nil QTensor":     {qtensor.Bundle{Quantized: map[string]*qtensor.QTensor{"x": nil}}, qtensor.ErrFormat},
		"the zero QTensor":  {qtensor.Bundle{Quantized: map[string]*qtensor.QTensor{"x": {}}}, qtensor.ErrFormat},
		"a broken name":     {floats("\xff", fine), qtensor.ErrFormat},
		"a reserved name":   {floats("__metadata__", fine), qtensor.ErrFormat},
		"a reserved key":    {meta("euryale", ""), qtensor.ErrFormat},
		"a broken key":      {meta("\xff", ""), qtensor.ErrFormat},
		"a broken text":     {meta("a", "\xff"), qtensor.ErrFormat},
		"a QTensor's array": {qtensor.Bundle{Float: map[string]*tensor.Dense{"q.weight_min": fine}, Quantized: map[string]*qtensor.QTensor{"q": mustQuantize(t, fine, qtensor.Symmetric(8))}}, qtensor.ErrFormat},
	} {
		list = append(list, refusal{"Write", name, c.want, qtensor.Write(new(bytes.Buffer), c.bundle)},
			refusal{"Save", name, c.want, qtensor.Save(filepath.Join(folder, "x"), c.bundle)})
	}
	readOnly := filepath.Join(folder, "read-only")
	if err := os.WriteFile(readOnly, []byte("kept"), 0o444); err != nil {
		t.Fatal(err)
	}
	list = append(list, refusal{"Save", "a read-only file", fs.ErrPermission, qtensor.Save(readOnly, qtensor.Bundle{})})
	list = append(list, refusal{"Write", "nil", fs.ErrInvalid, qtensor.Write(nil, qtensor.Bundle{})},
		refusal{"Read", "nil", fs.ErrInvalid, second(qtensor.Read(nil, 8))},
		refusal{"Read", "an empty file", qtensor.ErrFormat, second(qtensor.Read(strings.NewReader(""), 0))},
		refusal{"Read", "a negative size", qtensor.ErrFormat, second(qtensor.Read(strings.NewReader(""), -1))},
		refusal{"Open", "a folder", fs.ErrInvalid, second(qtensor.Open(folder))},
		refusal{"Save", "a folder", fs.ErrInvalid, qtensor.Save(folder, qtensor.Bundle{})})
	var header bytes.Buffer
	if err := qtensor.Write(&header, qtensor.Bundle{
		Quantized: map[string]*qtensor.QTensor{"q": mustQuantize(t, fine, qtensor.Symmetric(8))}, Float: map[string]*tensor.Dense{"x": fine},
	}); err != nil {
		t.Fatal(err)
	}
	f, err := qtensor.Read(bytes.NewReader(header.Bytes()), int64(header.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]*qtensor.File{"a file": f, "nil": nil, "the zero File": {}} {
		_, _, errScheme := f.Scheme("x")
		_, _, errDtype := f.Dtype("q")
		list = append(list, refusal{"File.Scheme", name, qtensor.ErrNotFound, errScheme},
			refusal{"File.Params", name, qtensor.ErrNotFound, second(f.Params("x"))},
			refusal{"File.QTensor", name, qtensor.ErrNotFound, second(f.QTensor("x"))},
			refusal{"File.Dtype", name, qtensor.ErrNotFound, errDtype},
			refusal{"File.Float", name, qtensor.ErrNotFound, second(f.Float("q"))})
	}
	checkRefusals(t, list)
}

// TestFileSharesNothing changes all that a File gave.
func TestFileSharesNothing(t *testing.T) {
	x := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{1, 2, 3, 4, 5, 6}))
	var b bytes.Buffer
	err := qtensor.Write(&b, qtensor.Bundle{
		Quantized: map[string]*qtensor.QTensor{"q": mustQuantize(t, x, qtensor.Symmetric(8))}, Float: map[string]*tensor.Dense{"x": x},
		Meta: map[string]string{"a": "b"},
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := qtensor.Read(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	seen := func() (quantized, float tensor.Shape, names, floats []string, meta map[string]string, p qtensor.Params, d []float32) {
		_, quantized, errQ := f.Scheme("q")
		_, float, errF := f.Dtype("x")
		p, errP := f.Params("q")
		all, errB := f.Bundle()
		if err := errors.Join(errQ, errF, errP, errB); err != nil {
			t.Fatal(err)
		}
		return quantized, float, f.Quantized(), f.Floats(), f.Meta(), p, all.Float["x"].Float32s()
	}
	quantized, float, names, floats, meta, p, d := seen()
	quantized[0], float[0], names[0], floats[0], meta["a"], p.Scales[0], d[0] = 9, 9, "z", "z", "z", 9, 9
	quantized, float, names, floats, meta, p, d = seen()
	if quantized[0] != 2 || float[0] != 2 || names[0] != "q" || floats[0] != "x" || meta["a"] != "b" || p.Scales[0] == 9 || d[0] != 1 {
		t.Errorf("got %v %v %v %v %v %v %v, want what was written", quantized, float, names, floats, meta, p.Scales, d)
	}
}

// TestNamesComeBack writes tensors and texts of all kinds of names.
func TestNamesComeBack(t *testing.T) {
	x := tensor.New(tensor.WithBacking([]float32{1, 2}))
	q := mustQuantize(t, x, qtensor.Symmetric(8))
	names := []string{
		"", " ", "\x00", "a\nb", `a"b\\`, "x.weight", ".", "é", "\u2028", "__metadata", "Euryale", strings.Repeat("n", 1<<12), "0",
	}
	for _, name := range names {
		b := qtensor.Bundle{Meta: map[string]string{name: name}}
		for kind, b := range map[string]qtensor.Bundle{
			"quantized": {Meta: b.Meta, Quantized: map[string]*qtensor.QTensor{name: q}},
			"float":     {Meta: b.Meta, Float: map[string]*tensor.Dense{name: x}},
		} {
			f, err := readBack(b)
			if err != nil {
				t.Errorf("%s %.40q: %v", kind, name, err)
				continue
			}
			got, want := append(f.Quantized(), f.Floats()...), []string{name}
			if !slices.Equal(got, want) || !maps.Equal(f.Meta(), b.Meta) {
				t.Errorf("%s %.40q: came back as %.40q with %.40q", kind, name, got, f.Meta())
			}
			if _, err := f.Bundle(); err != nil {
				t.Errorf("%s %.40q: %v", kind, name, err)
			}
		}
	}
	t.Logf("%d names", len(names))
}

func readBack(b qtensor.Bundle) (*qtensor.File, error) {
	var to bytes.Buffer
	if err := qtensor.Write(&to, b); err != nil {
		return nil, err
	}
	return qtensor.Read(bytes.NewReader(to.Bytes()), int64(to.Len()))
}

// TestMostTexts writes as many texts as a file may have, and one more.
func TestMostTexts(t *testing.T) {
	meta := map[string]string{}
	for i := range 65535 {
		meta[fmt.Sprint(i)] = "text"
	}
	if f, err := readBack(qtensor.Bundle{Meta: meta}); err != nil || len(f.Meta()) != len(meta) {
		t.Errorf("%d texts: got %d, %v", len(meta), len(f.Meta()), err)
	}
	meta["more"] = "text"
	if err := qtensor.Write(new(bytes.Buffer), qtensor.Bundle{Meta: meta}); !errors.Is(err, qtensor.ErrFormat) {
		t.Errorf("%d texts: got error %v, want ErrFormat", len(meta), err)
	}
}

// TestClose closes files that were opened, read and are nothing, twice.
func TestClose(t *testing.T) {
	x := tensor.New(tensor.WithBacking([]float32{1, 2}))
	b := qtensor.Bundle{
		Quantized: map[string]*qtensor.QTensor{"q": mustQuantize(t, x, qtensor.Symmetric(8))},
		Float:     map[string]*tensor.Dense{"x": x}, Meta: map[string]string{"a": "b"},
	}
	path := filepath.Join(t.TempDir(), "f")
	if err := qtensor.Save(path, b); err != nil {
		t.Fatal(err)
	}
	opened, err := qtensor.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	read, err := readBack(b)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		f     *qtensor.File
		again error // of reading, and of closing again
	}{"opened": {opened, os.ErrClosed}, "read": {read, nil}} {
		before, err := c.f.Bundle()
		if err := errors.Join(err, c.f.Close()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, errF := c.f.Float("x")
		_, errQ := c.f.QTensor("q")
		_, errP := c.f.Params("q")
		for what, err := range map[string]error{"Float": errF, "QTensor": errQ, "Params": errP, "Close": c.f.Close()} {
			if !errors.Is(err, c.again) {
				t.Errorf("%s: after Close, %s gives %v, want %v", name, what, err, c.again)
			}
		}
		_, shape, err := c.f.Scheme("q")
		if err != nil || !slices.Equal(shape, x.Shape()) || c.f.Meta()["a"] != "b" || len(c.f.Quantized())+len(c.f.Floats()) != 2 {
			t.Errorf("%s: after Close, the header gives %v, %v", name, shape, err)
		}
		if got := before.Float["x"].Float32s(); !slices.Equal(got, []float32{1, 2}) {
			t.Errorf("%s: after Close, what was read is %v", name, got)
		}
	}
	if err := errors.Join((*qtensor.File)(nil).Close(), new(qtensor.File).Close()); err != nil {
		t.Errorf("a file that is nothing: %v", err)
	}
}
