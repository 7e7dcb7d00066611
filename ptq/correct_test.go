package ptq_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"euryale/exprgraph"
	"euryale/internal/ir"
	"euryale/internal/noise"
	nets "euryale/internal/zoo"
	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// positive gives three batches of numbers around 1, whose mean a rounded weight moves.
func positive(shape ...int) func(func(ptq.Sample, error) bool) {
	return func(yield func(ptq.Sample, error) bool) {
		for i := range 3 {
			x := draw(tensor.Float32, uint64(i), 0.5, append([]int{4 + i}, shape...)...)
			for j := range x.Float32s() {
				x.Float32s()[j]++
			}
			if !yield(ptq.Sample{"x": x}, nil) {
				return
			}
		}
	}
}

// biased are layers of every kind, the last of each network, with a bias or a place for one.
var biased = []struct {
	name  string
	x, w  []int
	node  model.Node // without inputs
	bias  []int      // nil for none
	added bool       // by an Add after the layer
}{
	{"Gemm", []int{12}, []int{12, 5}, model.Node{Op: ir.OpGemm}, []int{5}, false},
	{"Gemm without a bias", []int{12}, []int{12, 5}, model.Node{Op: ir.OpGemm}, nil, false},
	{"Gemm transB", []int{12}, []int{5, 12}, model.Node{Op: ir.OpGemm, TransB: true}, []int{5}, false},
	{"Conv", []int{3, 6, 5}, []int{4, 3, 3, 3}, model.Node{Op: ir.OpConv, Pads: []int{1, 1, 1, 1}}, []int{4}, false},
	{"Conv without a bias", []int{3, 6, 5}, []int{4, 3, 3, 3}, model.Node{Op: ir.OpConv}, nil, false},
	{"Conv in groups", []int{6, 6, 5}, []int{4, 3, 3, 3}, model.Node{Op: ir.OpConv, Group: 2, Strides: []int{2, 1}}, []int{4}, false},
	{"Conv by channel", []int{6, 6, 5}, []int{6, 1, 3, 3}, model.Node{Op: ir.OpConv, Group: 6}, nil, false},
	{"MatMul and Add", []int{12}, []int{12, 5}, model.Node{Op: ir.OpMatMul}, []int{5}, true},
	{"MatMul of batches and Add", []int{3, 12}, []int{12, 5}, model.Node{Op: ir.OpMatMul}, []int{1, 1, 5}, true},
}

// biasedNetwork returns a network of one layer that is called fc.
func biasedNetwork(x, w []int, n model.Node, bias []int, added bool) *model.Network {
	g := &model.Network{
		Inputs: []model.Value{{Name: "x", Shape: append([]int{-1}, x...)}}, Outputs: []model.Value{{Name: "y"}},
		Constants: map[string]*model.Constant{"w": constantOf(1, 0.3, w...), "fc.bias~": constantOf(3, 1, 1)},
	}
	n.Name, n.Inputs, n.Output = "fc", []string{"x", "w"}, "y"
	if bias != nil {
		g.Constants["b"] = constantOf(2, 1, bias...)
	}
	switch {
	case added:
		n.Output = "h"
		g.Nodes = []model.Node{n, {Op: ir.OpAdd, Name: "add", Inputs: []string{"b", "h"}, Output: "y"}}
		return g
	case bias != nil:
		n.Inputs = append(n.Inputs, "b")
	}
	g.Nodes = []model.Node{n}
	return g
}

// means returns the mean of y for each channel: the last axis, or the second of images.
func means(y []float32, channels, pixels int) []float64 {
	mean := make([]float64, channels)
	for i, v := range y {
		mean[i/pixels%channels] += float64(v) * float64(channels) / float64(len(y))
	}
	return mean
}

// TestBiasCorrection has layers of every kind give the mean of the float model, for each output, where the
// same weights without give another, and be nearer to it.
func TestBiasCorrection(t *testing.T) {
	three := qtensor.PerChannelSymmetric(3, 0)
	cases := 0
	for _, c := range biased {
		for _, a := range []model.Activations{model.Fixed24, model.Fixed16, model.DynamicInt8, model.StaticInt8} {
			cases++
			what := fmt.Sprintf("%s, %v", c.name, a)
			float, err := model.New(biasedNetwork(c.x, c.w, c.node, c.bias, c.added), nil)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			cfg := ptq.Config{Weights: &three, Activations: a}
			m, r, err := ptq.Quantize(t.Context(), float, positive(c.x...), cfg)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			cfg.KeepBiases = true
			plain, kept, err := ptq.Quantize(t.Context(), float, positive(c.x...), cfg)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			l := r.Layers[0]
			if !(l.BiasShift > 0) || l.BiasReason != "" || !(r.Outputs[0].SQNR > kept.Outputs[0].SQNR+1) || !strings.Contains(r.String(), "biases corrected: fc\n") {
				t.Errorf("%s: got %v dB without and\n%v", what, kept.Outputs[0].SQNR, r)
			}
			if l := kept.Layers[0]; l.BiasShift != 0 || l.BiasReason != "" {
				t.Errorf("%s: biases are kept, and the report says %+v", what, l)
			}
			channels, pixels := c.w[0], 1
			if c.node.Op != ir.OpConv && !c.node.TransB {
				channels = c.w[1]
			}
			of := func(m *model.Model) []float64 {
				y := valuesOf(t, m, positive(c.x...))["y"]
				if c.node.Op == ir.OpConv {
					pixels = len(y) / channels / 15 // images in all
				}
				return means(y, channels, pixels)
			}
			want, got, without := of(float), of(m), of(plain)
			moved := 0.0
			for j, w := range want {
				moved = max(moved, math.Abs(without[j]-w))
				if !(math.Abs(got[j]-w) < 1e-5) {
					t.Errorf("%s: output %d is %v in the mean, want %v, and %v without", what, j, got[j], w, without[j])
				}
			}
			if !(moved > 0.01) {
				t.Errorf("%s: the mean moves by %v without, want more", what, moved)
			}
			x := draw(tensor.Float32, 9, 1, append([]int{2}, c.x...)...)
			if !slices.Equal(output(t, reloaded(t, m), x), output(t, m, x)) {
				t.Errorf("%s: a file gives another result", what)
			}
		}
	}
	t.Logf("%d layers", cases)
}

// fourfold quantizes weights that are four times what they should be.
type fourfold struct{}

func (fourfold) QuantizeWeight(_ context.Context, w ptq.Weight) (*qtensor.QTensor, error) {
	for i := range w.Values.Float32s() {
		w.Values.Float32s()[i] *= 4
	}
	return qtensor.Quantize(w.Values, w.Scheme)
}

// TestBiasesStay has biases for which there is a reason to stay as they are: the model is that of KeepBiases.
func TestBiasesStay(t *testing.T) {
	fc := func() *model.Network {
		return biasedNetwork([]int{12}, []int{12, 5}, model.Node{Op: ir.OpGemm}, []int{5}, false)
	}
	trainedTo := func(name string) *model.Network {
		g := fc()
		c := g.Constants[name]
		q := quantize(tensor.New(tensor.WithShape(c.Shape...), tensor.WithBacking(c.Data)), qtensor.Symmetric(3))
		c.Trained = &model.Trained{Tensor: q}
		x, err := c.Trained.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		c.Data = x
		return g
	}
	constantWeights := fc() // of which all products are about the same
	for i := range constantWeights.Constants["w"].Data {
		constantWeights.Constants["w"].Data[i] = 1
	}
	clear(constantWeights.Constants["b"].Data)
	read := biasedNetwork([]int{12}, []int{12, 5}, model.Node{Op: ir.OpMatMul}, []int{5}, true)
	read.Nodes = append(read.Nodes, model.Node{Op: ir.OpTanh, Name: "z", Inputs: []string{"h"}, Output: "z"})
	read.Outputs = append(read.Outputs, model.Value{Name: "z"})
	scaled := biasedNetwork([]int{12}, []int{12, 5}, model.Node{Op: ir.OpMatMul}, []int{5}, true)
	scaled.Nodes[1].Op = ir.OpMul
	added := func(bias ...int) *model.Network { // to products of five rows of twelve
		return biasedNetwork([]int{5, 12}, []int{12, 5}, model.Node{Op: ir.OpMatMul}, bias, true)
	}
	// Two products of one weight, of which one alone has a place for a bias: what they are off by cancels.
	cancels := fc()
	cancels.Nodes = []model.Node{
		{Op: ir.OpGemm, Name: "fc", Inputs: []string{"x", "w", "b"}, Output: "h"},
		{Op: ir.OpMatMul, Name: "other", Inputs: []string{"x", "w"}, Output: "g"},
		{Op: ir.OpSub, Name: "y", Inputs: []string{"h", "g"}, Output: "y"},
	}
	twoSided := func(yield func(ptq.Sample, error) bool) {
		x := draw(tensor.Float32, 1, 1, 8, 12)
		for i := range 48 {
			x.Float32s()[48+i] = -x.Float32s()[i] // one half of the rows moves means one way, and one the other
		}
		yield(ptq.Sample{"x": x}, nil)
	}
	one := func(yield func(ptq.Sample, error) bool) {
		yield(ptq.Sample{"x": draw(tensor.Float32, 1, 1, 1, 12)}, nil)
	}
	for _, c := range []struct {
		name    string
		g       *model.Network
		samples func(func(ptq.Sample, error) bool)
		cfg     ptq.Config
		reasons []string // of layers, in part
	}{
		{"a trained weight", trainedTo("w"), positive(12), ptq.Config{}, []string{"its weight was quantized in training"}},
		{"a trained bias", trainedTo("b"), positive(12), ptq.Config{}, []string{"its bias was quantized in training"}},
		{"no place", biasedNetwork([]int{3, 12}, []int{12, 5}, model.Node{Op: ir.OpMatMul}, nil, false), positive(3, 12), ptq.Config{}, []string{"a MatMul has no bias"}},
		{"a product that another node reads too", read, positive(12), ptq.Config{}, []string{"a MatMul has no bias"}},
		{"a product of a constant, not a sum", scaled, positive(12), ptq.Config{}, []string{"a MatMul has no bias"}},
		{"a number added", biasedNetwork([]int{5, 12}, []int{12, 5}, model.Node{Op: ir.OpMatMul}, []int{}, true), positive(5, 12), ptq.Config{}, []string{"a MatMul has no bias"}},
		{"a column added", added(5, 1), positive(5, 12), ptq.Config{}, []string{"a MatMul has no bias"}},
		{"a matrix added", added(5, 5), positive(5, 12), ptq.Config{}, []string{"a MatMul has no bias"}},
		{"two halves that disagree", fc(), twoSided, ptq.Config{}, []string{"does not help the other"}},
		{"one row", fc(), one, ptq.Config{}, []string{"does not help the other"}},
		{"a shift of three times the result", constantWeights, positive(12), ptq.Config{WeightQuantizer: fourfold{}}, []string{"twice its result or more"}},
		{"errors that cancel", cancels, positive(12), ptq.Config{}, []string{"the outputs of the model are no better", "a MatMul has no bias"}},
		{"a float layer", fc(), positive(12), ptq.Config{Rules: []ptq.LayerRule{{Pattern: "*", Float: true}}}, []string{""}},
	} {
		three := qtensor.PerChannelSymmetric(3, 0)
		c.cfg.Weights = &three
		float, err := model.New(c.g, nil)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		m, r, err := ptq.Quantize(t.Context(), float, c.samples, c.cfg)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for i, l := range r.Layers {
			if l.BiasShift != 0 || !strings.Contains(l.BiasReason, c.reasons[i]) || (l.BiasReason == "") != (c.reasons[i] == "") ||
				l.BiasReason != "" && !strings.Contains(r.String(), "bias of "+l.Name+": "+l.BiasReason+"\n") {
				t.Errorf("%s: got shift %v and reason %q of layer %s, want %q:\n%v", c.name, l.BiasShift, l.BiasReason, l.Name, c.reasons[i], r)
			}
		}
		c.cfg.KeepBiases = true
		want, _, err := ptq.Quantize(t.Context(), float, c.samples, c.cfg)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if !slices.Equal(fileOf(t, m), fileOf(t, want)) {
			t.Errorf("%s: got another model than with KeepBiases", c.name)
		}
	}
}

// TestSharedBias has two layers with one bias, which an output is too: each gets its own, and the output
// stays.
func TestSharedBias(t *testing.T) {
	g := biasedNetwork([]int{12}, []int{12, 5}, model.Node{Op: ir.OpGemm}, []int{5}, false)
	g.Constants["v"] = constantOf(8, 0.3, 12, 5)
	g.Nodes = append(g.Nodes, model.Node{Op: ir.OpGemm, Name: "second", Inputs: []string{"x", "v", "b"}, Output: "z"})
	g.Outputs = append(g.Outputs, model.Value{Name: "z"}, model.Value{Name: "b"})
	float, err := model.New(g, nil)
	if err != nil {
		t.Fatal(err)
	}
	three := qtensor.PerChannelSymmetric(3, 0)
	m, r, err := ptq.Quantize(t.Context(), float, positive(12), ptq.Config{Weights: &three})
	if err != nil {
		t.Fatal(err)
	}
	if !math.IsInf(r.Outputs[2].SQNR, 1) || !(r.Layers[0].BiasShift > 0) || !(r.Layers[1].BiasShift > 0) {
		t.Errorf("got\n%v, want two corrected biases, and the constant as it was", r)
	}
	want, got := valuesOf(t, float, positive(12)), valuesOf(t, m, positive(12))
	for _, name := range []string{"y", "z"} {
		a, b := means(want[name], 5, 1), means(got[name], 5, 1)
		for j := range a {
			if !(math.Abs(a[j]-b[j]) < 1e-5) {
				t.Errorf("%s: output %d is %v in the mean, want %v", name, j, b[j], a[j])
			}
		}
	}
}

// TestBiasOfSingleRows corrects by samples of one row each, every other of which is of one half.
func TestBiasOfSingleRows(t *testing.T) {
	float, err := model.New(biasedNetwork([]int{12}, []int{12, 5}, model.Node{Op: ir.OpGemm}, []int{5}, false), nil)
	if err != nil {
		t.Fatal(err)
	}
	rows := func(yield func(ptq.Sample, error) bool) {
		for s, err := range positive(12) {
			for x := s["x"].(*tensor.Dense).Float32s(); len(x) > 0; x = x[12:] {
				if !yield(ptq.Sample{"x": tensor.New(tensor.WithShape(1, 12), tensor.WithBacking(x[:12]))}, err) {
					return
				}
			}
		}
	}
	three := qtensor.PerChannelSymmetric(3, 0)
	m, r, err := ptq.Quantize(t.Context(), float, rows, ptq.Config{Weights: &three})
	if err != nil {
		t.Fatal(err)
	}
	if l := r.Layers[0]; !(l.BiasShift > 0) || l.BiasReason != "" {
		t.Errorf("got shift %v and reason %q, want a shift", l.BiasShift, l.BiasReason)
	}
	want, got := means(valuesOf(t, float, rows)["y"], 5, 1), means(valuesOf(t, m, rows)["y"], 5, 1)
	for j, w := range want {
		if !(math.Abs(got[j]-w) < 1e-5) {
			t.Errorf("output %d is %v in the mean, want %v", j, got[j], w)
		}
	}
}

// TestBiasCorrectionOfZoo has no output of a network be further from the float model than without, and most
// be nearer, on samples that Quantize has not seen too.
func TestBiasCorrectionOfZoo(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	groups := qtensor.Int4().PerGroup(1, 32)
	var cases, gain, fresh float64
	for _, name := range slices.Sorted(maps.Keys(networks)) {
		values := map[string]*tensor.Dense{}
		var shapes map[string]tensor.Shape
		float := readFloat(t, func(batch int) (exprgraph.Graph, error) {
			z := newZoo(tensor.Float32, batch, values)
			y := networks[name](z)
			shapes = z.Shapes()
			return exprgraph.Graph{Inputs: z.Inputs, Outputs: gorgonia.Nodes{y}}, nil
		})
		samples := func(first uint64) func(func(ptq.Sample, error) bool) {
			return func(yield func(ptq.Sample, error) bool) {
				for seed := range uint64(8) {
					if !yield(nets.Sample(tensor.Float32, first+seed, 8, shapes), nil) {
						return
					}
				}
			}
		}
		for _, weights := range []*qtensor.Scheme{nil, &groups} {
			for _, a := range []model.Activations{model.Fixed24, model.DynamicInt8, model.StaticInt8} {
				cases++
				m, r, err := ptq.Quantize(t.Context(), float, samples(0), ptq.Config{Weights: weights, Activations: a})
				if err != nil {
					t.Fatalf("%s, %v: %v", name, a, err)
				}
				plain, without, err := ptq.Quantize(t.Context(), float, samples(0), ptq.Config{Weights: weights, Activations: a, KeepBiases: true})
				if err != nil {
					t.Fatalf("%s, %v: %v", name, a, err)
				}
				got, want := r.Outputs[0], without.Outputs[0]
				if !(got.SQNR >= want.SQNR) {
					t.Errorf("%s, %v: got %v dB, want %v as without, or more", name, a, got.SQNR, want.SQNR)
				}
				of := func(m *model.Model) float64 {
					var n noise.Noise
					n.Add(valuesOf(t, float, samples(1000))[got.Name], valuesOf(t, m, samples(1000))[got.Name])
					return n.SQNR()
				}
				more := of(m) - of(plain)
				if !(more > -0.1) {
					t.Errorf("%s, %v: loses %v dB on other samples", name, a, -more)
				}
				gain, fresh = gain+got.SQNR-want.SQNR, fresh+more
			}
		}
	}
	if !(gain/cases > 3) || !(fresh/cases > 3) {
		t.Errorf("gains %.1f dB in the mean, and %.1f on other samples, want 3", gain/cases, fresh/cases)
	}
	t.Logf("%v models: %.1f dB in the mean, and %.1f on other samples", cases, gain/cases, fresh/cases)
}
