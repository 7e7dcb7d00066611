package ptq_test

import (
	"context"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"euryale/internal/dense"
	"euryale/internal/ir"
	"euryale/internal/noise"
	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// normalized is a network of a layer and normalizations behind it.
type normalized struct {
	name   string
	layer  model.Node
	weight []int
	sample []int
	change func(g *model.Network) // or nil
	left   int                    // normalizations that stay
}

// network returns it with constants that a seed draws.
func (n normalized) network(seed uint64) *model.Network {
	rng := rand.New(rand.NewPCG(seed, 1))
	draw := func(mean, deviation float64, shape ...int) *model.Constant {
		c := &model.Constant{Shape: shape, Data: make([]float32, tensor.Shape(shape).TotalSize())}
		for i := range c.Data {
			c.Data[i] = float32(mean + deviation*rng.NormFloat64())
		}
		return c
	}
	layer := n.layer
	layer.Name, layer.Output = "layer", "h"
	layer.Inputs = append([]string{"x", "w"}, layer.Inputs...)
	channels := n.weight[layer.ChannelAxis()]
	g := &model.Network{
		Inputs:  []model.Value{{Name: "x", Shape: append([]int{-1}, n.sample...)}},
		Outputs: []model.Value{{Name: "y"}},
		Nodes: []model.Node{
			layer,
			{Op: "BatchNormalization", Name: "first", Inputs: []string{"h", "scale", "b", "mean", "var"}, Output: "n", Epsilon: new(float32(0.01))},
			{Op: "BatchNormalization", Name: "second", Inputs: []string{"n", "scale2", "b", "mean", "var"}, Output: "m"},
			{Op: "Relu", Name: "relu", Inputs: []string{"m"}, Output: "y"},
		},
		Constants: map[string]*model.Constant{
			"w": draw(0, 0.3, n.weight...), "c": draw(0, 1, channels), "scale": draw(1, 0.3, channels), "scale2": draw(-1, 0.3, channels),
			"b": draw(0, 1, channels), "mean": draw(0, 1, channels), "var": draw(3, 0.2, channels),
		},
	}
	if n.change != nil {
		n.change(g)
	}
	return g
}

var normalizedNets = []normalized{
	{"a convolution", model.Node{Op: "Conv", Pads: []int{1, 1, 1, 1}}, []int{6, 4, 3, 3}, []int{4, 7, 6}, nil, 0},
	{"a convolution with a bias", model.Node{Op: "Conv", Inputs: []string{"c"}}, []int{6, 4, 3, 3}, []int{4, 7, 6}, nil, 0},
	{"groups", model.Node{Op: "Conv", Group: 4}, []int{8, 1, 3, 3}, []int{4, 7, 6}, nil, 0},
	{"a product", model.Node{Op: "Gemm"}, []int{9, 5}, []int{9}, nil, 0},
	{"a product with a transposed weight", model.Node{Op: "Gemm", TransB: true, Inputs: []string{"c"}}, []int{5, 9}, []int{9}, nil, 0},
	{"a weight that something else reads", model.Node{Op: "Gemm"}, []int{9, 5}, []int{9}, func(g *model.Network) {
		g.Nodes = append(g.Nodes, model.Node{Op: "Gemm", Name: "other", Inputs: []string{"x", "w"}, Output: "z"})
		g.Outputs = append(g.Outputs, model.Value{Name: "z"})
	}, 0},
	{"names that are taken", model.Node{Op: "Gemm"}, []int{9, 5}, []int{9}, func(g *model.Network) {
		g.Nodes[3].Name, g.Nodes[3].Output = "w~folded", "b~folded"
		g.Outputs[0].Name = "b~folded"
	}, 0},
	{"an output between", model.Node{Op: "Gemm"}, []int{9, 5}, []int{9}, func(g *model.Network) {
		g.Outputs = append(g.Outputs, model.Value{Name: "n"})
	}, 1},
	{"an output in front", model.Node{Op: "Gemm"}, []int{9, 5}, []int{9}, func(g *model.Network) {
		g.Outputs = append(g.Outputs, model.Value{Name: "h"})
	}, 2},
	{"two readers", model.Node{Op: "Gemm"}, []int{9, 5}, []int{9}, func(g *model.Network) {
		g.Nodes = append(g.Nodes, model.Node{Op: "Add", Name: "add", Inputs: []string{"h", "y"}, Output: "z"})
		g.Outputs[0].Name = "z"
	}, 2},
	{"a computed mean", model.Node{Op: "Gemm"}, []int{9, 5}, []int{9}, func(g *model.Network) {
		g.Nodes = slices.Insert(g.Nodes, 0, model.Node{Op: "Abs", Name: "abs", Inputs: []string{"mean"}, Output: "mean2"})
		g.Nodes[2].Inputs[3] = "mean2"
	}, 2},
	{"in front of a layer", model.Node{Op: "Gemm"}, []int{9, 5}, []int{9}, func(g *model.Network) {
		g.Nodes[0].Op, g.Nodes[0].Inputs = "Relu", []string{"x"}
		for _, name := range []string{"scale", "scale2", "b", "mean", "var"} {
			g.Constants[name] = &model.Constant{Shape: []int{9}, Data: slices.Repeat([]float32{1.5}, 9)}
		}
		g.Nodes[3] = model.Node{Op: "MatMul", Name: "last", Inputs: []string{"m", "w"}, Output: "y"}
	}, 2},
}

// TestFold folds what can be, leaves the rest, and compares the values of both networks, and what Quantize
// makes of them.
func TestFold(t *testing.T) {
	for seed, n := range normalizedNets {
		g := n.network(uint64(seed))
		before, err := model.New(g, nil)
		if err != nil {
			t.Fatalf("%s: %v", n.name, err)
		}
		after, err := ptq.FoldBatchNormalization{}.Apply(t.Context(), before)
		if err != nil {
			t.Fatalf("%s: %v", n.name, err)
		}
		left, err := after.Network()
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		for _, node := range left.Nodes {
			if node.Op == "BatchNormalization" {
				count++
			}
		}
		if count != n.left || (after == before) != (n.left == 2) {
			t.Errorf("%s: %d normalizations are left, want %d", n.name, count, n.left)
		}
		in := map[string]tensor.Tensor{"x": drawFor(n.sample, 5)}
		if db := nearest(t, before, after, in); !(db > 110) {
			t.Errorf("%s: the folded network is at %.1f dB, want 110", n.name, db)
		}
		samples := func(yield func(ptq.Sample, error) bool) { yield(in, nil) }
		m, r, err := ptq.Quantize(t.Context(), before, samples, ptq.Config{})
		if err != nil {
			t.Fatalf("%s: %v", n.name, err)
		}
		if kept := strings.Count(strings.Join(r.Kept, " "), "BatchNormalization"); kept != n.left || nearest(t, before, m, in) < 25 {
			t.Errorf("%s: %d normalizations are kept, want %d:\n%v", n.name, kept, n.left, r)
		}
		if _, r, err = ptq.Quantize(t.Context(), before, samples, ptq.Config{Passes: []ptq.Pass{}}); err != nil || strings.Count(strings.Join(r.Kept, " "), "BatchNormalization") != 2 {
			t.Errorf("%s, no passes: %v, error %v", n.name, r, err)
		}
	}
}

// TestFoldNotFinite leaves a normalization that divides by no number.
func TestFoldNotFinite(t *testing.T) {
	for _, variance := range []float32{-1, float32(math.NaN()), float32(math.Inf(1))} {
		g := normalizedNets[3].network(1)
		g.Constants["var"].Data[2] = variance
		m, err := model.New(g, nil)
		if err != nil {
			t.Fatal(err)
		}
		after, err := ptq.FoldBatchNormalization{}.Apply(t.Context(), m)
		if err != nil || after != m && !math.IsInf(float64(variance), 1) {
			t.Errorf("a variance of %v: got another model, %v", variance, err)
		}
	}
	closed, err := model.New(normalizedNets[3].network(1), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := (ptq.FoldBatchNormalization{}).Apply(context.Background(), closed); err == nil {
		t.Error("a closed model: got no error")
	}
}

// TestFoldTrained keeps the quantized values of weights that were quantized in training.
func TestFoldTrained(t *testing.T) {
	for _, scheme := range []qtensor.Scheme{qtensor.PerChannelSymmetric(4, 1), qtensor.Affine(8), qtensor.Int4().PerGroup(0, 3)} {
		g := normalizedNets[3].network(2)
		w := g.Constants["w"]
		q, err := qtensor.Quantize(dense.New(w.Data, w.Shape), scheme)
		if err != nil {
			t.Fatal(err)
		}
		w.Trained = &ir.Trained{Tensor: q}
		if w.Data, err = w.Trained.Float32s(); err != nil {
			t.Fatal(err)
		}
		before, err := model.New(g, nil)
		if err != nil {
			t.Fatal(err)
		}
		after, err := ptq.FoldBatchNormalization{}.Apply(t.Context(), before)
		if err != nil {
			t.Fatal(err)
		}
		if axis, _ := scheme.Axis(); scheme.GroupSize() > 0 && axis != 1 {
			if after != before {
				t.Errorf("%v: folded, want it left", scheme)
			}
			continue
		}
		left, err := after.Network()
		if err != nil {
			t.Fatal(err)
		}
		folded := left.Constants[left.Nodes[0].Inputs[1]]
		if folded.Trained == nil || !reflect.DeepEqual(folded.Trained.Tensor.Codes().Data(), q.Codes().Data()) {
			t.Errorf("%v: other quantized values, want the same", scheme)
		}
		if db := nearest(t, before, after, map[string]tensor.Tensor{"x": drawFor([]int{9}, 5)}); !(db > 110) {
			t.Errorf("%v: the folded network is at %.1f dB", scheme, db)
		}
	}
}

// drawFor returns a batch of 5 samples.
func drawFor(sample []int, seed uint64) *tensor.Dense {
	return draw(tensor.Float32, seed, 1, append([]int{5}, sample...)...)
}

// nearest returns the least SQNR of the outputs of two models.
func nearest(t *testing.T, a, b *model.Model, in map[string]tensor.Tensor) float64 {
	t.Helper()
	want, err := a.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	least := math.Inf(1)
	for name := range want {
		var n noise.Noise
		n.Add(want[name].(*tensor.Dense).Float32s(), got[name].(*tensor.Dense).Float32s())
		least = min(least, n.SQNR())
	}
	return least
}
