package model_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

const words, width = 12, 7

// language takes rows of one embedding for its words twice, and multiplies by it to tell how likely each word
// is.
func language() *ir.Network {
	rng := rand.New(rand.NewPCG(7, 8))
	return &ir.Network{
		Inputs: []ir.Value{{Name: "x", Shape: []int{-1, 3}, Type: ir.Int64}, {Name: "z", Shape: []int{-1, 3}, Type: ir.Int64}},
		Outputs: []ir.Value{
			{Name: "e", Shape: []int{-1, 3, width}}, {Name: "f", Shape: []int{-1, 3, width}}, {Name: "y", Shape: []int{-1, words}},
		},
		Nodes: []ir.Node{
			{Op: "Gather", Name: "emb", Inputs: []string{"table", "x"}, Output: "e"},
			{Op: "Gather", Name: "again", Inputs: []string{"table", "z"}, Output: "f"},
			{Op: "Add", Name: "add", Inputs: []string{"e", "f"}, Output: "s"},
			{Op: "Reshape", Name: "flat", Inputs: []string{"s"}, Output: "r", Shape: []int{-1, 3 * width}},
			{Op: "Relu", Name: "relu", Inputs: []string{"r"}, Output: "p"},
			{Op: "Gemm", Name: "mix", Inputs: []string{"p", "w"}, Output: "h"},
			{Op: "Gemm", Name: "likely", Inputs: []string{"h", "table"}, Output: "y", TransB: true},
		},
		Constants: map[string]*ir.Constant{"table": random(rng, 1, words, width), "w": random(rng, 0.2, 3*width, width)},
	}
}

// indicesOf returns inputs of a language.
func indicesOf(seed uint64, batch int) map[string]tensor.Tensor {
	rng := rand.New(rand.NewPCG(seed, 5))
	in := map[string]tensor.Tensor{}
	for _, name := range []string{"x", "z"} {
		rows := make([]int, 3*batch)
		for i := range rows {
			rows[i] = rng.IntN(words)
		}
		in[name] = tensor.New(tensor.WithShape(batch, 3), tensor.WithBacking(rows))
	}
	return in
}

func quantize(t testing.TB, x *ir.Constant, s qtensor.Scheme) *qtensor.QTensor {
	t.Helper()
	q, err := qtensor.Quantize(tensorOf(x), s)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// rounded returns the graph with the numbers of a quantized tensor as a constant.
func rounded(t testing.TB, g *ir.Network, name string, q *qtensor.QTensor) *ir.Network {
	t.Helper()
	d, err := q.Dequantize(tensor.Float32)
	if err != nil {
		t.Fatal(err)
	}
	g.Constants[name] = &ir.Constant{Shape: q.Shape(), Data: d.Float32s()}
	return g
}

// TestEmbedding has an embedding of every scheme, of which two nodes take rows: the bits are those of float32
// with the same numbers, at any batch size and behind a file, which has the embedding once, quantized.
func TestEmbedding(t *testing.T) {
	schemes := []qtensor.Scheme{qtensor.Float16(), qtensor.BFloat16(), qtensor.Float8E4M3FN(), qtensor.Float8E5M2().PerAxis(0), qtensor.MXFP4().PerGroup(0, 32), qtensor.MXFP4().PerGroup(1, 32)}
	for _, s := range []qtensor.Scheme{qtensor.Uniform(8), qtensor.Symmetric(5), qtensor.Affine(8), qtensor.Int4(), qtensor.UInt4().WithScales(qtensor.ScaleFloat16)} {
		schemes = append(schemes, s, s.PerAxis(0), s.PerAxis(1), s.PerGroup(0, 4), s.PerGroup(1, 5))
	}
	for _, s := range schemes {
		embedding := quantize(t, language().Constants["table"], s)
		layers := map[string]model.Layer{"emb": {Weight: embedding}, "again": {Weight: embedding}}
		want := newModel(t, rounded(t, language(), "table", embedding), nil)
		m := newModel(t, language(), layers)
		mapped, _ := reloaded(t, m)
		file := bytesOf(t, m)
		read, err := model.Read(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatalf("%v: %v", s, err)
		}
		for _, batch := range []int{1, 5, 2} {
			in := indicesOf(uint64(batch), batch)
			for how, m := range map[string]*model.Model{"made": m, "mapped": mapped, "read": read} {
				for _, output := range []string{"e", "f"} {
					if got, want := run(t, m, in, output), run(t, want, in, output); !slices.Equal(got, want) {
						t.Errorf("%v, %s, batch %d: %s is %v, want %v", s, how, batch, output, got, want)
					}
				}
			}
		}
		for how, m := range map[string]*model.Model{"mapped": mapped, "read": read} {
			if !bytes.Equal(bytesOf(t, m), file) {
				t.Errorf("%v, %s: a loaded model gives another file", s, how)
			}
		}
		if names := quantizedOf(t, file); !slices.Equal(names, []string{"again"}) {
			t.Errorf("%v: the file has %q, want the embedding once", s, names)
		}
		if !bytes.Contains(file, []byte(`\"layers\":{\"again\":{\"weight\":\"again\"},\"emb\":{\"weight\":\"again\"}}`)) {
			t.Errorf("%v: the layers are not written with their weight alone", s)
		}
	}
}

// quantizedOf returns the names of the quantized tensors in a file.
func quantizedOf(t *testing.T, file []byte) []string {
	t.Helper()
	f, err := qtensor.Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return f.Quantized()
}

// TestTiedWeights reads one embedding as rows, and as the weight of a product: as one tensor, as two, and in
// float32 by one of them.
func TestTiedWeights(t *testing.T) {
	embedding := quantize(t, language().Constants["table"], qtensor.PerChannelAffine(8, 0))
	other := quantize(t, language().Constants["table"], qtensor.UInt4().PerGroup(0, 3))
	for _, c := range []struct {
		name           string
		layers         map[string]model.Layer
		rows, products *qtensor.QTensor // what is read as rows, and by the product; nil for float32
		weights        int              // in the file
	}{
		{"one for all", map[string]model.Layer{"emb": {Weight: embedding}, "again": {Weight: embedding}, "likely": {Weight: embedding}}, embedding, embedding, 1},
		{"one for rows, one for the product", map[string]model.Layer{"emb": {Weight: other}, "again": {Weight: other}, "likely": {Weight: embedding}}, other, embedding, 2},
		{"a float product", map[string]model.Layer{"emb": {Weight: other}, "again": {Weight: other}}, other, nil, 1},
		{"float rows", map[string]model.Layer{"likely": {Weight: other}}, nil, other, 1},
	} {
		m := newModel(t, language(), c.layers)
		if got := quantizedOf(t, bytesOf(t, m)); len(got) != c.weights {
			t.Errorf("%s: the file has %q, want %d weights", c.name, got, c.weights)
		}
		loaded, _ := reloaded(t, m)
		in := indicesOf(3, 4)
		wantRows := run(t, newModel(t, language(), nil), in, "e")
		if c.rows != nil {
			wantRows = run(t, newModel(t, rounded(t, language(), "table", c.rows), nil), in, "e")
		}
		for how, m := range map[string]*model.Model{"made": m, "loaded": loaded} {
			if got := run(t, m, in, "e"); !slices.Equal(got, wantRows) {
				t.Errorf("%s, %s: rows are %v, want %v", c.name, how, got, wantRows)
			}
			// The product of the same sums with the numbers that it should read.
			sums := language()
			if c.rows != nil {
				sums = rounded(t, sums, "table", c.rows)
			}
			sums.Nodes[len(sums.Nodes)-1].Inputs[1] = "by"
			sums.Constants["by"] = language().Constants["table"]
			if c.products != nil {
				sums = rounded(t, sums, "by", c.products)
			}
			if db := sqnr(run(t, m, in, "y"), run(t, newModel(t, sums, nil), in, "y")); !(db > 110) {
				t.Errorf("%s, %s: the product is off: %.1f dB", c.name, how, db)
			}
		}
	}
}

// TestEmbeddingErrors takes rows that are not there, before and after a file.
func TestEmbeddingErrors(t *testing.T) {
	embedding := quantize(t, language().Constants["table"], qtensor.Int4())
	m := newModel(t, language(), map[string]model.Layer{"emb": {Weight: embedding}, "again": {Weight: embedding}})
	file := bytesOf(t, m)
	loaded, err := model.ReadLater(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*model.Model{m, loaded} {
		in := indicesOf(1, 2)
		want := run(t, m, in, "y")
		for row, text := range map[int]string{words: "got row 12 at 4, want an integer from 0 to 11", -1: "got row -1 at 4", 1 << 24: "got row 1.6777216e+07 at 4"} {
			bad := indicesOf(1, 2)
			bad["z"].Data().([]int)[4] = row
			if _, err := m.Run(context.Background(), bad); !errors.Is(err, qtensor.ErrValue) || !strings.Contains(err.Error(), `node "again" (Gather)`) || !strings.Contains(err.Error(), text) {
				t.Errorf("row %d: got error %v, want ErrValue that says %q", row, err, text)
			}
		}
		if got := run(t, m, in, "y"); !slices.Equal(got, want) {
			t.Errorf("after an error: got %v, want %v", got, want)
		}
	}
}

// TestEmbeddingByFloats has indices that are real numbers, given or computed: New refuses them. Constant ones
// are checked when they are used, quantized and in float32.
func TestEmbeddingByFloats(t *testing.T) {
	g := &ir.Network{
		Inputs: []ir.Value{{Name: "x", Shape: []int{-1}}}, Outputs: []ir.Value{{Name: "y"}},
		Nodes:     []ir.Node{{Op: "Gather", Name: "emb", Inputs: []string{"table", "x"}, Output: "y"}},
		Constants: map[string]*ir.Constant{"table": language().Constants["table"]},
	}
	embedding := quantize(t, g.Constants["table"], qtensor.Float16())
	for _, layers := range []map[string]model.Layer{nil, {"emb": {Weight: embedding}}} {
		g.Inputs = []ir.Value{{Name: "x", Shape: []int{-1}}}
		if _, err := model.New(g, layers); !errors.Is(err, qtensor.ErrDtype) {
			t.Errorf("got error %v, want ErrDtype", err)
		}
		g.Inputs, g.Nodes[0].Inputs[1] = nil, "rows"
		for _, x := range []float32{1.5, words - 0.5, words, 1e30, float32(math.NaN()), float32(math.Inf(-1))} {
			g.Constants["rows"] = values([]int{2}, 1, x)
			if _, err := newModel(t, g, layers).Run(context.Background(), nil); !errors.Is(err, qtensor.ErrValue) || !strings.Contains(err.Error(), "at 1, want an integer from 0 to 11") {
				t.Errorf("%v: got error %v, want ErrValue", x, err)
			}
		}
		g.Nodes[0].Inputs[1] = "x"
		delete(g.Constants, "rows")
	}
}

// TestEmbeddingRefused gives layers that do not go with a Gather.
func TestEmbeddingRefused(t *testing.T) {
	embedding := quantize(t, language().Constants["table"], qtensor.Affine(8))
	transposed, err := embedding.T()
	if err != nil {
		t.Fatal(err)
	}
	scalar := quantize(t, &ir.Constant{Shape: []int{1}, Data: []float32{1}}, qtensor.Affine(8))
	for _, c := range []struct {
		name   string
		change func(g *ir.Network)
		layer  model.Layer
		want   error
		text   string
	}{
		{"compute", nil, model.Layer{Weight: embedding, Activations: model.Fixed24}, qtensor.ErrParams, "an embedding has no arithmetic"},
		{"no weight", nil, model.Layer{}, qtensor.ErrParams, "without a weight"},
		{"shape", nil, model.Layer{Weight: transposed}, qtensor.ErrShape, "want the shape of the constant"},
		{"zero", nil, model.Layer{Weight: new(qtensor.QTensor)}, qtensor.ErrShape, "want the shape"},
		{"zero for a scalar", func(g *ir.Network) { g.Constants["table"].Shape = nil }, model.Layer{Weight: new(qtensor.QTensor)}, qtensor.ErrShape, "axis is 0"},
		{
			"no constant", func(g *ir.Network) { g.Nodes[0].Inputs[0] = "z" },
			model.Layer{Weight: embedding},
			qtensor.ErrShape, `"z" is no constant`,
		},
		{"one input", func(g *ir.Network) { g.Nodes[0].Inputs = []string{"table"} }, model.Layer{Weight: embedding}, qtensor.ErrParams, "1 inputs"},
		{"another shape", func(g *ir.Network) { g.Constants["table"].Shape = []int{words * width} }, model.Layer{Weight: scalar}, qtensor.ErrShape, "want the shape"},
	} {
		g := language()
		g.Nodes = g.Nodes[:1]
		g.Outputs = []ir.Value{{Name: "e"}}
		if c.change != nil {
			c.change(g)
		}
		m, err := model.New(g, map[string]model.Layer{"emb": c.layer})
		if m != nil || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), `"emb"`) {
			t.Errorf("%s: got %v, want %v that says %q", c.name, err, c.want, c.text)
		}
	}
}

// TestHostileEmbeddings changes the file of a model with embeddings.
func TestHostileEmbeddings(t *testing.T) {
	g := language()
	embedding := quantize(t, g.Constants["table"], qtensor.Symmetric(3))
	file := bytesOf(t, newModel(t, g, map[string]model.Layer{"emb": {Weight: embedding}, "again": {Weight: embedding}, "mix": {Weight: quantize(t, g.Constants["w"], qtensor.Symmetric(8))}}))
	for _, c := range []struct{ name, old, with, want string }{
		{"compute", `"emb":{"weight":"again"}`, `"emb":{"weight":"again","compute":"fixed24"}`, `layer "emb"`},
		{"activations", `"emb":{"weight":"again"}`, `"emb":{"weight":"again","activations":{"scheme":"affine8","scale":1}}`, "no arithmetic"},
		{"no compute of a product", `"compute":"fixed24"`, `"compute":""`, `empty "compute"`},
		{"left out", `,"compute":"fixed24"`, ``, `layer "mix"`},
		{"missing weight", `"emb":{"weight":"again"}`, `"emb":{"weight":"gone"}`, "gone"},
		{"wrong weight", `"emb":{"weight":"again"}`, `"emb":{"weight":"mix"}`, "want the shape of"},
		{"a product's op", `"op":"Gather","name":"emb"`, `"op":"Gemm","name":"emb"`, `layer "emb"`},
		{"an embedding's op", `"op":"Gemm","name":"mix"`, `"op":"Gather","name":"mix"`, `layer "mix"`},
		{"an input for a table", `"inputs":["table","x"]`, `"inputs":["z","x"]`, `"z"`},
		{"no inputs", `"inputs":["table","x"]`, `"inputs":[]`, "0 inputs"},
		{"no indices", `"inputs":["table","x"]`, `"inputs":["table"]`, "1 inputs"},
		{"indices of nothing", `"inputs":["table","x"]`, `"inputs":["table","q"]`, `no input "q"`},
		{"the embedding as indices", `"inputs":["table","x"]`, `"inputs":["table","table"]`, "[12 7 7]"},
		{"many indices", `"name":"x","shape":[-1,3]`, `"name":"x","shape":[-1,268435456]`, "elements"},
	} {
		bad := rewritten(t, file, func(text string) string {
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
	bad := damaged(t, file, "again.weight_packed", func(data []byte) { data[31] |= 0x90 })
	if m, err := model.Read(bytes.NewReader(bad), int64(len(bad))); !errors.Is(err, qtensor.ErrFormat) || m != nil {
		t.Errorf("bits after the codes: Read gives %v", err)
	}
	m, err := model.ReadLater(bytes.NewReader(bad), int64(len(bad)))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := m.Run(context.Background(), indicesOf(1, 2)); !errors.Is(err, qtensor.ErrFormat) || !strings.Contains(err.Error(), `node "emb" (Gather)`) || !strings.Contains(err.Error(), "bits 1001 after the last code") {
			t.Errorf("bits after the codes: Run gives %v", err)
		}
	}
}

// TestEmbeddingsAtOnce has many goroutines ask a model that was loaded for its first answers.
func TestEmbeddingsAtOnce(t *testing.T) {
	embedding := quantize(t, language().Constants["table"], qtensor.Int4().PerAxis(0))
	m := newModel(t, language(), map[string]model.Layer{"emb": {Weight: embedding}, "again": {Weight: embedding}, "likely": {Weight: embedding}})
	loaded, _ := reloaded(t, m)
	var ins []map[string]tensor.Tensor
	var wants [][]float32
	for i := range 4 {
		ins = append(ins, indicesOf(uint64(i), 1+3*i))
		wants = append(wants, run(t, m, ins[i], "y"))
	}
	var wait sync.WaitGroup
	for g := range 32 {
		wait.Go(func() {
			for i := range 4 {
				k := (g + i) % len(ins)
				out, err := loaded.Run(context.Background(), ins[k])
				if err != nil || !slices.Equal(out["y"].(*tensor.Dense).Float32s(), wants[k]) {
					t.Errorf("goroutine %d: other bits for input %d, or error %v", g, k, err)
				}
			}
		})
	}
	wait.Wait()
}
