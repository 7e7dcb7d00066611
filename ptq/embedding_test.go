package ptq_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"euryale/exprgraph"
	"euryale/model"
	"euryale/ops"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// vocabulary is how many words a sentence is made of, length how many it has.
const vocabulary, length = 30, 5

// sentence is a network of a batch of words.
type sentence func(z *zoo, words node) node

func (s sentence) build(batch int) (exprgraph.Graph, error) {
	z := newZoo(tensor.Float32, batch, map[string]*tensor.Dense{})
	x := gorgonia.NewMatrix(z.Graph, tensor.Int, gorgonia.WithShape(batch, length), gorgonia.WithName("words"))
	list := must(gorgonia.Reshape(x, tensor.Shape{batch * length}))
	return exprgraph.Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{s(z, list)}}, nil
}

func (s sentence) quantize(t *testing.T, cfg ptq.Config) (*model.Model, report) {
	t.Helper()
	samples := func(yield func(ptq.Sample, error) bool) {
		for seed := range uint64(3) {
			if !yield(ptq.Sample{"words": words(seed, 8, length)}, nil) {
				return
			}
		}
	}
	m, r, err := quantizeBuild(t.Context(), s.build, samples, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m, r
}

// run returns what a model, and what its file gives for words, and compares them.
func (s sentence) run(t *testing.T, m *model.Model) (got, gorgonias []float64) {
	t.Helper()
	x := words(9, 4, length)
	of := func(m *model.Model) []float64 {
		y, err := m.Run(t.Context(), map[string]tensor.Tensor{"words": x})
		if err != nil {
			t.Fatal(err)
		}
		return wide(y[m.Outputs()[0].Name].(*tensor.Dense))
	}
	got = of(m)
	if again := of(reloaded(t, m)); !slices.Equal(again, got) {
		t.Errorf("loaded, the model gives %v, want %v", again, got)
	}
	g, err := s.build(4)
	if err != nil {
		t.Fatal(err)
	}
	return got, values(t, g.Inputs[0], x, g.Outputs[0])[0]
}

func rows(embedding, list node) node { return must(gorgonia.ByIndices(embedding, list, 0)) }

// average is a mean of the rows of an embedding, and a dense layer.
func average(z *zoo, list node) node {
	h := must(gorgonia.Mean(must(gorgonia.Reshape(rows(z.Value("embedding", 1, vocabulary, 16), list),
		tensor.Shape{z.Batch, length, 16})), 1))
	return z.Dense(must(gorgonia.Rectify(h)), "a", 16, 6)
}

// sizeOf returns the bytes of a model's file.
func sizeOf(t *testing.T, m *model.Model) int {
	t.Helper()
	var file bytes.Buffer
	if err := m.Write(&file); err != nil {
		t.Fatal(err)
	}
	return file.Len()
}

// TestEmbedding quantizes an embedding by schemes whose axis stands for rows, as the report says, and to a
// smaller file.
func TestEmbedding(t *testing.T) {
	float, _ := sentence(average).quantize(t, ptq.Config{Rules: []ptq.LayerRule{{Pattern: "*", Float: true}}})
	int4, half, offset := qtensor.Int4().PerGroup(1, 8).WithScales(qtensor.ScaleFloat16), qtensor.BFloat16(), qtensor.Uniform(8)
	for _, c := range []struct {
		scheme *qtensor.Scheme
		want   string
		least  float64 // dB
		bytes  int     // of the embedding
	}{
		{nil, "symmetric8@0", 40, vocabulary * (16 + 4)},
		{&int4, "int4/g8@0/f16", 18, vocabulary*(8+4) + 4},
		{&half, "bfloat16", 50, vocabulary * 32},
		{&offset, "uniform8", 38, vocabulary*16 + 8},
	} {
		m, r := sentence(average).quantize(t, ptq.Config{
			Activations: model.StaticInt8,
			Rules:       []ptq.LayerRule{{Pattern: "embedding", Weights: c.scheme, Activations: model.StaticInt8}},
		})
		if len(r.Layers) != 2 || strings.Contains(strings.Join(r.Kept, ", "), "Gather") {
			t.Fatalf("%s: got layers %+v, kept %q", c.want, r.Layers, r.Kept)
		}
		l := r.Layers[0]
		want := ptq.LayerReport{
			Name: "embedding", Op: "Gather", Quantized: true, Weights: c.want, WeightSQNR: l.WeightSQNR, OutputSQNR: l.OutputSQNR,
			FloatBytes: 4 * vocabulary * 16, Bytes: c.bytes,
		}
		if l != want || l.WeightSQNR < c.least || !(math.Abs(l.OutputSQNR-l.WeightSQNR) < 3) {
			t.Errorf("got %+v, want %+v, at %v dB or more", l, want, c.least)
		}
		lines := strings.Split(r.String(), "\n")
		if got := strings.Fields(lines[1]); !slices.Equal(got[:7], []string{"embedding", "Gather", c.want, "-", "-", "-", "-"}) || len(got) != 11 {
			t.Errorf("%s: the report says %q", c.want, got)
		}
		if a := r.Layers[1]; a.Name != "a" || a.Activations != model.StaticInt8 || a.High <= 0 {
			t.Errorf("%s: the dense layer is %+v", c.want, a)
		}
		got, floats := sentence(average).run(t, m)
		if db := decibels(floats, got); db < c.least-6 {
			t.Errorf("%s: got %.1f dB, want %v", c.want, db, c.least-6)
		}
		if saved := sizeOf(t, float) - sizeOf(t, m); saved < l.FloatBytes/4 {
			t.Errorf("%s: the file is smaller by %d bytes, want a part of %d", c.want, saved, l.FloatBytes)
		}
		if q := saved(t, m)["embedding"]; q == nil || q.Scheme().String() != c.want || q.Bytes() != c.bytes {
			t.Errorf("%s: the file has %v", c.want, q)
		}
	}
}

// TestEmbeddingFloat leaves an embedding float by a rule, and one whose rows are single numbers.
func TestEmbeddingFloat(t *testing.T) {
	m, r := sentence(average).quantize(t, ptq.Config{Rules: []ptq.LayerRule{{Pattern: "embedding", Float: true}}})
	if l := r.Layers[0]; l.Name != "embedding" || l.Quantized || l.Reason == "" || l.Bytes != l.FloatBytes || !math.IsInf(l.OutputSQNR, 1) {
		t.Errorf("got %+v, want a float embedding", l)
	}
	if got := saved(t, m); got["embedding"] != nil || got["a"] == nil {
		t.Errorf("the file has %v", got)
	}
	var single sentence = func(z *zoo, list node) node {
		return must(gorgonia.Reshape(rows(z.Value("embedding", 1, vocabulary), list), tensor.Shape{z.Batch, length}))
	}
	m, r = single.quantize(t, ptq.Config{AllowFloat: true})
	if len(r.Layers) != 1 || len(saved(t, m)) != 0 || !strings.Contains(r.Layers[0].Reason, "one axis") ||
		slices.Contains(r.Kept, "Gather embedding") {
		t.Errorf("rows of single numbers: got layers %+v, kept %q", r.Layers, r.Kept)
	}
	if got, want := single.run(t, m); !slices.Equal(got, want) {
		t.Errorf("rows of single numbers: got %v, want %v", got, want)
	}
}

// TestEmbeddingReLU keeps a ReLU behind an embedding, which is no part of it.
func TestEmbeddingReLU(t *testing.T) {
	var net sentence = func(z *zoo, list node) node {
		h := must(gorgonia.Rectify(rows(z.Value("embedding", 1, vocabulary, 16), list)))
		return z.Dense(must(gorgonia.Reshape(h, tensor.Shape{z.Batch, length * 16})), "a", length*16, 6)
	}
	m, r := net.quantize(t, ptq.Config{})
	if !slices.Contains(r.Kept, "Relu Relu_1") || !r.Layers[0].Quantized {
		t.Errorf("got layers %+v, kept %q", r.Layers, r.Kept)
	}
	got, want := net.run(t, m)
	if db := decibels(want, got); db < 35 {
		t.Errorf("got %.1f dB, want 35", db)
	}
}

// TestEmbeddingTrained has the quantized values that an embedding was trained with, whatever the Config says,
// along any axis.
func TestEmbeddingTrained(t *testing.T) {
	for _, s := range []qtensor.Scheme{
		qtensor.Int4(), qtensor.PerChannelSymmetric(3, 0), qtensor.PerChannelAffine(5, 1), qtensor.Uniform(4),
		qtensor.UInt4().PerGroup(0, 8), qtensor.UInt4().PerGroup(1, 7),
	} {
		var net sentence = func(z *zoo, list node) node {
			return must(gorgonia.Reshape(rows(must(ops.FakeQuantizeDynamic(z.Value("embedding", 1, vocabulary, 5), s)),
				list), tensor.Shape{z.Batch, length * 5}))
		}
		m, r := net.quantize(t, ptq.Config{})
		if l := r.Layers[0]; l.Weights != s.String() || !math.IsInf(l.WeightSQNR, 1) || !math.IsInf(l.OutputSQNR, 1) ||
			strings.Contains(strings.Join(r.Kept, ", "), "FakeQuantize") {
			t.Errorf("%v: got %+v, kept %q", s, l, r.Kept)
		}
		z := newZoo(tensor.Float32, 1, map[string]*tensor.Dense{})
		want := quantize(z.Value("embedding", 1, vocabulary, 5).Value().(tensor.Tensor), s)
		if got := saved(t, m)["embedding"]; got == nil || got.Scheme() != s || !slices.Equal(quantizedOf(t, got), quantizedOf(t, want)) {
			t.Errorf("%v: got %v, want the values of %v", s, got, want)
		}
		if got, want := net.run(t, m); !slices.Equal(got, want) {
			t.Errorf("%v: got %v, want %v", s, got, want)
		}
		m, r = net.quantize(t, ptq.Config{Rules: []ptq.LayerRule{{Pattern: "*", Float: true}}})
		if !slices.Contains(r.Kept, "FakeQuantize embedding") || len(saved(t, m)) != 0 {
			t.Errorf("%v: left float, kept %q", s, r.Kept)
		}
	}
}

// TestEmbeddingShared has an embedding that two embeddings read, and products: each right, and no copy of it
// for another of the same scheme.
func TestEmbeddingShared(t *testing.T) {
	times := func(z *zoo, embedding, h node) node { // embedding·hᵀ
		return must(gorgonia.Transpose(must(gorgonia.Mul(embedding, must(gorgonia.Transpose(h, 1, 0)))), 1, 0))
	}
	int4 := qtensor.Int4()
	fake := func(s qtensor.Scheme) func(z *zoo) node {
		return func(z *zoo) node { return must(ops.FakeQuantizeDynamic(z.Value("embedding", 1, vocabulary, 16), s)) }
	}
	plain := func(z *zoo) node { return z.Value("embedding", 1, vocabulary, 16) }
	for _, c := range []struct {
		name      string
		embedding func(z *zoo) node
		cfg       ptq.Config
		by        func(z *zoo, embedding, h node) node
		weights   []string // in the file
		least     float64  // dB
	}{
		{"one scheme", plain, ptq.Config{}, times, []string{"embedding"}, 35},
		{"two schemes", plain, ptq.Config{Rules: []ptq.LayerRule{{Pattern: "embedding", Weights: &int4}}}, times, []string{"embedding", "embedding_2"}, 15},
		{"float rows", plain, ptq.Config{Rules: []ptq.LayerRule{{Pattern: "embedding", Float: true}, {Pattern: "embedding_2", Float: true}}}, times, []string{"embedding_3"}, 35},
		{"a float product", plain, ptq.Config{Rules: []ptq.LayerRule{{Pattern: "embedding_3", Float: true}}}, times, []string{"embedding"}, 35},
		{"transposed before", plain, ptq.Config{}, func(_ *zoo, embedding, h node) node {
			return must(gorgonia.Mul(h, must(gorgonia.Transpose(embedding, 1, 0))))
		}, []string{"embedding"}, 35},
		{"trained", fake(qtensor.PerChannelSymmetric(4, 0)), ptq.Config{}, times, []string{"embedding"}, 100},
	} {
		var net sentence = func(z *zoo, list node) node {
			embedding := c.embedding(z)
			one, other := rows(embedding, list), rows(embedding,
				must(gorgonia.Reshape(must(gorgonia.Reshape(list, tensor.Shape{z.Batch, length})),
					tensor.Shape{length * z.Batch, 1})))
			h := must(gorgonia.Tanh(must(gorgonia.Add(one, must(gorgonia.Reshape(other, tensor.Shape{z.Batch * length, 16}))))))
			return c.by(z, embedding, h)
		}
		m, r := net.quantize(t, c.cfg)
		var names []string
		for name := range saved(t, m) {
			names = append(names, name)
		}
		slices.Sort(names)
		t.Logf("%s: %q\n%v", c.name, names, r)
		if !slices.Equal(names, c.weights) {
			t.Errorf("%s: the file has %q, want %q", c.name, names, c.weights)
		}
		got, want := net.run(t, m)
		if db := decibels(want, got); db < c.least {
			t.Errorf("%s: got %.1f dB, want %v", c.name, db, c.least)
		}
	}
}

// TestEmbeddingOutOfRange runs a model on a word that is not there.
func TestEmbeddingOutOfRange(t *testing.T) {
	m, _ := sentence(average).quantize(t, ptq.Config{})
	x := words(1, 2, length)
	x.Data().([]int)[3] = vocabulary
	if _, err := m.Run(context.Background(), map[string]tensor.Tensor{"words": x}); !errors.Is(err, qtensor.ErrValue) ||
		!strings.Contains(err.Error(), `node "embedding" (Gather)`) || !strings.Contains(err.Error(), "got row 30 at 3") {
		t.Errorf("got error %v, want ErrValue for row 30", err)
	}
}
