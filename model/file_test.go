package model_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"euryale/internal/flow"
	"euryale/internal/safetensors"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// rewritten returns a file with the JSON of its structure changed.
func rewritten(t *testing.T, file []byte, change func(text string) string) []byte {
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

func TestHostileFiles(t *testing.T) {
	m := newModel(t, lenet(), quantized(t, lenet(), batchOf(1, 8, 1, 12, 12), "static-int8"))
	file := bytesOf(t, m)
	for _, c := range []struct{ name, old, with, want string }{
		{"version", `"version":1`, `"version":2`, "version 2"},
		{"a key twice", `"version":1`, `"version":1,"version":1`, "twice"},
		{"a key unknown", `"version":1`, `"version":1,"more":1`, "unknown field"},
		{"op", `"op":"Softmax"`, `"op":"Exec"`, `node "softmax" (Exec)`},
		{"attribute", `"op":"Softmax"`, `"op":"Relu"`, "attribute axis"},
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
		{"huge pads", `"pads":[2,2]`, `"pads":[2147483647,2147483647]`, "pad"},
		{"overflow", `"shape":[-1,1,12,12]`, `"shape":[-1,65536,65536,65536]`, "elements"},
		{"negative size", `"shape":[-1,1,12,12]`, `"shape":[-1,-7,12,12]`, "-7"},
		{"two batches", `"shape":[-1,192]`, `"shape":[-1,-1]`, "batch"},
		{"shape", `"shape":[-1,192]`, `"shape":[-1,191]`, "flat"},
		{"groups", `"group":2`, `"group":3`, "conv2"},
		{"output", `"outputs":[{"name":"y"`, `"outputs":[{"name":"q"`, `no output "q"`},
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
		m, err := model.Read(bytes.NewReader(bad), int64(len(bad)))
		if !errors.Is(err, qtensor.ErrFormat) || m != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want ErrFormat with %q", c.name, err, c.want)
		}
	}
	for n := range len(file) {
		if n > 4096 && n%61 != 0 {
			continue
		}
		if _, err := model.Read(bytes.NewReader(file[:n]), int64(n)); err == nil {
			t.Errorf("the first %d bytes: got no error", n)
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

// TestSharedWeight saves a weight that convolutions share: once, and refused where there are too many of them.
func TestSharedWeight(t *testing.T) {
	for _, c := range []struct {
		nodes int
		fine  bool
	}{{3, true}, {17, false}} {
		g := &flow.Graph{Inputs: []flow.Value{{Name: "x", Shape: []int{-1, 2, 5, 5}}}, Outputs: []flow.Value{{Name: "x"}}}
		g.Constants = map[string]*flow.Tensor{"k": count(2, 2, 3, 3)}
		q, err := qtensor.Quantize(tensorOf(count(2, 2, 3, 3)), qtensor.Symmetric(8))
		if err != nil {
			t.Fatal(err)
		}
		layers := map[string]model.Layer{}
		for i := range c.nodes {
			name := string(rune('a' + i))
			g.Nodes = append(g.Nodes, flow.Node{Op: "Conv", Name: name, Inputs: []string{"x", "k"}, Output: "y" + name})
			layers[name] = model.Layer{Weight: q}
		}
		file := bytesOf(t, newModel(t, g, layers))
		if n := bytes.Count(file, []byte(".weight\"")); n != 1 {
			t.Errorf("%d nodes: the file has %d weights, want 1", c.nodes, n)
		}
		if _, err := model.Read(bytes.NewReader(file), int64(len(file))); (err == nil) != c.fine {
			t.Errorf("%d nodes: got %v", c.nodes, err)
		}
	}
}

// FuzzRead gives bytes to the loader. What it takes runs, if that is little work, and makes a file that gives the same file.
func FuzzRead(f *testing.F) {
	for _, net := range networks {
		for _, compute := range []string{"fixed24", "static-int8"} {
			layers := quantized(f, net.graph(), batchOf(1, append([]int{4}, net.sample...)...), compute)
			f.Add(bytesOf(f, newModel(f, net.graph(), layers)))
		}
		f.Add(bytesOf(f, newModel(f, net.graph(), nil)))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := model.Read(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		again := bytesOf(t, m)
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
			in[v.Name] = tensor.New(tensor.WithShape(shape...), tensor.Of(tensor.Float32))
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
	})
}
