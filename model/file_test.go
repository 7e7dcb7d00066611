package model_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"euryale/internal/ir"
	"euryale/internal/safetensors"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// rewritten returns a file with the JSON of its structure changed.
func rewritten(t testing.TB, file []byte, change func(text string) string) []byte {
	t.Helper()
	f, err := qtensor.Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.Bundle()
	if err != nil {
		t.Fatal(err)
	}
	b.Meta["euryale.model"] = change(b.Meta["euryale.model"])
	var out bytes.Buffer
	if err := qtensor.Write(&out, b); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var readers = map[string]func(r io.ReaderAt, size int64, opts ...model.Option) (*model.Model, error){
	"Read": model.Read,
	"Load": model.ReadLater,
}

func TestHostileFiles(t *testing.T) {
	m := newModel(t, lenet(), quantized(t, lenet(), batchOf(1, 8, 1, 12, 12), "static-int8"))
	file := bytesOf(t, m)
	for _, c := range []struct{ name, old, with, want string }{
		{"version", `"version":2`, `"version":3`, "version 3"},
		{"a key twice", `"version":2`, `"version":2,"version":2`, "twice"},
		{"a key unknown", `"version":2`, `"version":2,"more":1`, "unknown field"},
		{"op", `"op":"Softmax"`, `"op":"Exec"`, `node "softmax" (Exec)`},
		{"attribute", `"op":"Softmax"`, `"op":"Relu"`, "attributes axis"},
		{"cycle", `"inputs":["x","k1","b1"]`, `"inputs":["m1","k1","b1"]`, `no input "m1" before it`},
		{"missing name", `"inputs":["m1","k2"]`, `"inputs":["m9","k2"]`, `no input "m9"`},
		{"no inputs", `"inputs":["m1","k2"]`, `"inputs":[]`, "0 inputs"},
		{"two of a name", `"name":"relu2"`, `"name":"relu1"`, "taken"},
		{"missing weight", `"weight":"conv2"`, `"weight":"conv9"`, "conv9"},
		{"wrong weight", `"weight":"conv2"`, `"weight":"conv1"`, "quantized"},
		{"layer of no node", `"name":"conv2"`, `"name":"conv3"`, "conv"},
		{"negative stride", `"strides":[2,2]`, `"strides":[-2,2]`, "strides"},
		{"huge kernel", `"kernel_shape":[2,2]`, `"kernel_shape":[2147483647,2]`, "kernel_shape"},
		{"no number", `"kernel_shape":[2,2]`, `"kernel_shape":[1e300,2]`, "metadata"},
		{"huge pads", `"pads":[2,2,2,2]`, `"pads":[2147483647,2,2147483647,2]`, "pad"},
		{"overflow", `"shape":[-1,1,12,12]`, `"shape":[-1,65536,65536,65536]`, "elements"},
		{"negative size", `"shape":[-1,1,12,12]`, `"shape":[-1,-7,12,12]`, "-7"},
		{"two batches", `"shape":[-1,192]`, `"shape":[-1,-1]`, "flat"},
		{"shape", `"shape":[-1,192]`, `"shape":[-1,191]`, "flat"},
		{"groups", `"group":2`, `"group":3`, "conv2"},
		{"output", `"outputs":[{"name":"y"`, `"outputs":[{"name":"q"`, `no output "q"`},
		{"a free dimension that is not there", `"shape":[-1,1,12,12]`, `"shape":[-1,1,-2,12]`, "free dimensions"},
		{"type", `"shape":[-1,1,12,12]`, `"shape":[-1,1,12,12],"type":"int64"`, "input 0 is int64"},
		{"no type", `"shape":[-1,1,12,12]`, `"shape":[-1,1,12,12],"type":"int65"`, "int65"},
		{"output shape", `{"name":"p","shape":[-1,10]}`, `{"name":"p","shape":[-1,11]}`, "[-1 11]"},
		{"compute", `"compute":"static-int8"`, `"compute":"magic"`, "magic"},
		{"scale", `"scale":`, `"scale":-`, "positive"},
		{"zero point", `"scheme":"affine8"`, `"scheme":"symmetric8"`, "zero point"},
		{"scheme", `"scheme":"affine8"`, `"scheme":"affine8@1"`, "activations"},
		{"unread constant", `"inputs":["f","w","b"]`, `"inputs":["f","w"]`, `no node reads tensor "b"`},
		{"empty", `{`, ``, "metadata"},
	} {
		bad := rewritten(t, file, func(text string) string {
			if c.name == "empty" {
				return ""
			}
			if !strings.Contains(text, c.old) {
				t.Errorf("%s: no %s in %s", c.name, c.old, text)
			}
			return strings.Replace(text, c.old, c.with, 1)
		})
		for how, read := range readers {
			m, err := read(bytes.NewReader(bad), int64(len(bad)))
			if !errors.Is(err, qtensor.ErrFormat) || m != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %s: got %v, want ErrFormat with %q", c.name, how, err, c.want)
			}
		}
	}
	for n := range len(file) {
		if n > 4096 && n%61 != 0 {
			continue
		}
		for how, read := range readers {
			if _, err := read(bytes.NewReader(file[:n]), int64(n)); err == nil {
				t.Errorf("%s: the first %d bytes: got no error", how, n)
			}
		}
	}
	if _, err := model.Load("/no/such/file"); err == nil {
		t.Error("no file: got no error")
	}
	var other bytes.Buffer
	if err := safetensors.Write(&other, nil, map[string]string{"a": "b"}); err != nil {
		t.Fatal(err)
	}
	if _, err := model.Read(bytes.NewReader(other.Bytes()), int64(other.Len())); !errors.Is(err, qtensor.ErrFormat) {
		t.Errorf("no structure: got %v, want ErrFormat", err)
	}
}

// TestSharedWeight saves a weight that convolutions share: once, and refused where there are too many of a
// large one.
func TestSharedWeight(t *testing.T) {
	for _, c := range []struct {
		nodes, size int
		fine        bool
	}{{3, 3, true}, {60, 3, true}, {16, 500, true}, {20, 500, true}, {21, 500, false}} {
		g := &ir.Network{
			Inputs:  []ir.Value{{Name: "x", Shape: []int{-1, 2, c.size, c.size}}},
			Outputs: []ir.Value{{Name: "x"}},
		}
		g.Constants = map[string]*ir.Constant{"k": count(2, 2, c.size, c.size)}
		q := quantize(t, g.Constants["k"], qtensor.Symmetric(8))
		layers := map[string]model.Layer{}
		for i := range c.nodes {
			name := fmt.Sprint("n", i)
			g.Nodes = append(g.Nodes, ir.Node{Op: "Conv", Name: name, Inputs: []string{"x", "k"}, Output: "y" + name})
			layers[name] = model.Layer{Weight: q}
		}
		m, err := model.New(g, layers)
		if !c.fine {
			if !errors.Is(err, qtensor.ErrParams) || !strings.Contains(err.Error(), "of their own") {
				t.Errorf("%d nodes: got %v, want ErrParams that says what to do", c.nodes, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%d nodes: %v", c.nodes, err)
			continue
		}
		file := bytesOf(t, m)
		if n := bytes.Count(file, []byte(".weight\"")); n != 1 {
			t.Errorf("%d nodes: the file has %d weights, want 1", c.nodes, n)
		}
		if _, err := model.Read(bytes.NewReader(file), int64(len(file))); err != nil {
			t.Errorf("%d nodes: got %v", c.nodes, err)
		}
	}
}

// small returns files of small models, which have all ops.
func small(f *testing.F) (files [][]byte) {
	for _, i := range []int{3, 4, 9, 10} {
		c := propagations[i]
		layers := quantized(f, c.graphOf("y"), batchOf(1, append([]int{4}, c.sample...)...), "static-int8")
		change(f, c, layers)
		files = append(files, bytesOf(f, newModel(f, c.graphOf("y"), layers)))
	}
	embedding := quantize(f, language().Constants["table"], qtensor.Int4().PerGroup(0, 4))
	embeddings := newModel(f, language(), map[string]model.Layer{"emb": {Weight: embedding}, "again": {Weight: embedding}, "likely": {Weight: embedding}})
	book := quantize(f, language().Constants["table"], qtensor.Codebook(4).PerGroup(0, 16))
	files = append(files, bytesOf(f, newModel(f, language(), map[string]model.Layer{"emb": {Weight: book}, "again": {Weight: book}, "likely": {Weight: book}})))
	return append(files, bytesOf(f, newModel(f, propagations[3].graphOf("y"), nil)), bytesOf(f, newModel(f, floatOps(), nil)), bytesOf(f, embeddings))
}

// FuzzRead gives bytes to the loader.
func FuzzRead(f *testing.F) {
	for _, file := range small(f) {
		f.Add(file)
	}
	f.Fuzz(checkFile)
}

// FuzzStructure gives the loader sound files with any structure.
func FuzzStructure(f *testing.F) {
	files := small(f)
	for i, file := range files {
		rewritten(f, file, func(text string) string {
			f.Add(uint8(i), text)
			return text
		})
	}
	f.Fuzz(func(t *testing.T, i uint8, text string) {
		if utf8.ValidString(text) {
			checkFile(t, rewritten(t, files[int(i)%len(files)], func(string) string { return text }))
		}
	})
}

// checkFile has a file read at once and by parts: both take the same. What they take runs, if that is little
// work, and makes a file that gives the same file.
func checkFile(t *testing.T, file []byte) {
	m, err := model.ReadLater(bytes.NewReader(file), int64(len(file)))
	var late error
	if err == nil {
		late = m.Prepare()
	}
	atOnce, early := model.Read(bytes.NewReader(file), int64(len(file)))
	if (early == nil) != (err == nil && late == nil) {
		t.Fatalf("by parts: %v, %v, at once: %v", err, late, early)
	}
	if early != nil {
		return
	}
	again := bytesOf(t, atOnce)
	loaded, err := model.Read(bytes.NewReader(again), int64(len(again)))
	if err != nil || !bytes.Equal(again, bytesOf(t, loaded)) {
		t.Fatalf("the file of a loaded model: %v", err)
	}
	in := map[string]tensor.Tensor{}
	total := 1
	for _, v := range m.Inputs() {
		shape := make([]int, len(v.Shape))
		for i, d := range v.Shape {
			shape[i] = max(d, -d)
			total *= shape[i]
		}
		if len(shape) == 0 || total > 1<<14 {
			return
		}
		of := tensor.Float32
		if v.Type == model.Int64 {
			of = tensor.Int
		}
		in[v.Name] = tensor.New(tensor.WithShape(shape...), tensor.Of(of))
	}
	stop := errors.New("too much work")
	err = m.Observe(context.Background(), in, func(_ string, x []float32) error {
		if len(x) > 1<<14 {
			return stop
		}
		return nil
	})
	if err != nil && !errors.Is(err, stop) && !errors.Is(err, qtensor.ErrValue) {
		t.Fatal(err)
	}
}

// floatOps is a network of ops without quantized activations.
func floatOps() *ir.Network {
	return &ir.Network{
		Inputs:  []ir.Value{{Name: "x", Shape: []int{-1, 1, 4, 4}}},
		Outputs: []ir.Value{{Name: "y", Shape: []int{-1, 4}}},
		Nodes: []ir.Node{
			{Op: "AveragePool", CountPad: true, Name: "average", Inputs: []string{"x"}, Output: "a", Kernel: []int{2, 2}, Strides: []int{2, 2}},
			{Op: "LeakyRelu", Name: "leaky", Inputs: []string{"a"}, Output: "l", Alpha: new(float32(0.5))},
			{Op: "Transpose", Name: "transpose", Inputs: []string{"l"}, Output: "t", Perm: []int{0, 1, 3, 2}},
			{Op: "Reshape", Name: "flat", Inputs: []string{"t"}, Output: "f", Shape: []int{-1, 4}},
			{Op: "Div", Name: "div", Inputs: []string{"f", "c"}, Output: "d"},
			{Op: "Softmax", Name: "softmax", Inputs: []string{"d"}, Output: "y", Axis: new(1)},
		},
		Constants: map[string]*ir.Constant{"c": count(1)},
	}
}
