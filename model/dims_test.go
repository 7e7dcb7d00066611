package model_test

import (
	"context"
	"errors"
	"fmt"
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

// fullyConvolutional is a network of images of any height and width.
func fullyConvolutional() *ir.Network {
	rng := rand.New(rand.NewPCG(3, 3))
	return &ir.Network{
		Dims:    []ir.Dim{{Name: "batch"}, {Name: "height", Size: 12}, {Name: "width", Size: 9}},
		Inputs:  []ir.Value{{Name: "x", Shape: []int{-1, 3, -2, -3}}},
		Outputs: []ir.Value{{Name: "y"}},
		Nodes: []ir.Node{
			{Op: "Conv", Name: "a", Inputs: []string{"x", "wa", "ba"}, Output: "a", Pads: []int{1, 1, 1, 1}},
			{Op: "Relu", Name: "ra", Inputs: []string{"a"}, Output: "ra"},
			{Op: "MaxPool", Name: "pool", Inputs: []string{"ra"}, Output: "p", Kernel: []int{2, 2}, Strides: []int{2, 2}},
			{Op: "Conv", Name: "b", Inputs: []string{"p", "wb"}, Output: "b", Pads: []int{0, 1, 1, 0}, Strides: []int{2, 1}},
			{Op: "GlobalAveragePool", Name: "gap", Inputs: []string{"b"}, Output: "g"},
			{Op: "Reshape", Name: "flat", Inputs: []string{"g"}, Output: "f", Shape: []int{0, 8}},
			{Op: "Gemm", Name: "fc", Inputs: []string{"f", "wc"}, Output: "y"},
		},
		Constants: map[string]*ir.Constant{
			"wa": random(rng, 0.3, 4, 3, 3, 3), "ba": random(rng, 0.3, 4), "wb": random(rng, 0.3, 8, 4, 2, 2), "wc": random(rng, 0.3, 8, 5),
		},
	}
}

// attention is a network of sequences of any length.
func attention() *ir.Network {
	rng := rand.New(rand.NewPCG(4, 4))
	return &ir.Network{
		Dims:    []ir.Dim{{Name: "batch"}, {Name: "sequence", Size: 5}},
		Inputs:  []ir.Value{{Name: "x", Shape: []int{-1, -2, 6}}},
		Outputs: []ir.Value{{Name: "y", Shape: []int{-1, -2, 6}}},
		Nodes: []ir.Node{
			{Op: "MatMul", Name: "q", Inputs: []string{"x", "wq"}, Output: "q"},
			{Op: "MatMul", Name: "k", Inputs: []string{"x", "wk"}, Output: "k"},
			{Op: "Transpose", Name: "t", Inputs: []string{"k"}, Output: "kt", Perm: []int{0, 2, 1}},
			{Op: "MatMul", Name: "scores", Inputs: []string{"q", "kt"}, Output: "s"},
			{Op: "Softmax", Name: "softmax", Inputs: []string{"s"}, Output: "p"},
			{Op: "MatMul", Name: "mix", Inputs: []string{"p", "q"}, Output: "m"},
			{Op: "MatMul", Name: "out", Inputs: []string{"m", "wo"}, Output: "y"},
		},
		Constants: map[string]*ir.Constant{"wq": random(rng, 0.4, 6, 6), "wk": random(rng, 0.4, 6, 6), "wo": random(rng, 0.4, 6, 6)},
	}
}

// fixed returns g with sizes in place of its free dimensions but the batch.
func fixed(t *testing.T, g *ir.Network, sizes ...int) *ir.Network {
	t.Helper()
	own := *g
	own.Dims, own.Inputs, own.Outputs = nil, slices.Clone(g.Inputs), slices.Clone(g.Outputs)
	for _, list := range [][]ir.Value{own.Inputs, own.Outputs} {
		for i := range list {
			var err error
			if list[i].Shape, err = ir.Bind(list[i].Shape, sizes); err != nil {
				t.Fatal(err)
			}
		}
	}
	return &own
}

// TestDims runs networks with several free dimensions at many sizes, from several goroutines and after a
// file, and compares them with networks made for each of the sizes.
func TestDims(t *testing.T) {
	cases := 0
	for _, c := range []struct {
		name  string
		net   *ir.Network
		sizes [][]int
	}{
		{"convolutions", fullyConvolutional(), [][]int{{12, 9}, {5, 4}, {6, 31}, {40, 40}, {12, 9}, {17, 5}}},
		{"attention", attention(), [][]int{{5}, {1}, {2}, {33}, {5}, {64}}},
	} {
		sample := func(seed uint64, batch int, sizes []int) map[string]tensor.Tensor {
			shape, err := ir.Bind(c.net.Inputs[0].Shape, sizes)
			if err != nil {
				t.Fatal(err)
			}
			return batchOf(seed, append([]int{batch}, shape[1:]...)...)
		}
		for _, compute := range []string{"", "static-int8", "fixed24"} {
			layers := map[string]model.Layer(nil)
			if compute != "" {
				layers = quantized(t, c.net, sample(1, 4, c.sizes[0]), compute)
			}
			m := newModel(t, c.net, layers)
			loaded, _ := reloaded(t, m)
			var wait sync.WaitGroup
			for i, sizes := range c.sizes {
				for _, batch := range []int{1, 3, 64} {
					cases++
					in := sample(uint64(i), batch, sizes)
					want := run(t, newModel(t, fixed(t, c.net, sizes...), layers), in, "y")
					for _, m := range []*model.Model{m, loaded} {
						wait.Go(func() {
							out, err := m.Run(t.Context(), in)
							if err != nil {
								t.Errorf("%s %q, sizes %v, batch %d: %v", c.name, compute, sizes, batch, err)
								return
							}
							shapes, err := m.Shapes(map[string]tensor.Shape{"x": in["x"].Shape()})
							if err != nil || !shapes["y"].Eq(out["y"].Shape()) {
								t.Errorf("%s, sizes %v, batch %d: Shapes gives %v, %v, and Run %v", c.name, sizes, batch, shapes, err, out["y"].Shape())
							}
							if !slices.Equal(out["y"].(*tensor.Dense).Float32s(), want) {
								t.Errorf("%s %q, sizes %v, batch %d: other bits than of a network for these sizes", c.name, compute, sizes, batch)
							}
						})
					}
				}
			}
			wait.Wait()
		}
	}
	t.Logf("%d sizes", cases)
}

// TestPlansAreBounded meets more sizes than a model keeps plans for, and sizes that are refused.
func TestPlansAreBounded(t *testing.T) {
	m := newModel(t, attention(), nil)
	first := run(t, m, batchOf(1, 2, 7, 6), "y")
	for length := 1; length <= 3*model.MaxPlans; length++ {
		run(t, m, batchOf(1, 2, length, 6), "y")
		if n := m.Plans(); n > model.MaxPlans {
			t.Fatalf("%d lengths: got %d plans, want at most %d", length, n, model.MaxPlans)
		}
	}
	if again := run(t, m, batchOf(1, 2, 7, 6), "y"); !slices.Equal(first, again) {
		t.Error("a plan that is made again gives other bits")
	}
	images := newModel(t, fullyConvolutional(), nil)
	for range 3 {
		if _, err := images.Run(t.Context(), batchOf(1, 1, 3, 1, 1)); !errors.Is(err, qtensor.ErrShape) {
			t.Errorf("images smaller than a window: got error %v, want ErrShape", err)
		}
		if n := images.Plans(); n != 0 {
			t.Errorf("got %d plans of sizes that are refused, want none", n)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Run(ctx, batchOf(1, 1, 200, 6)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got error %v", err)
	}
}

// TestDimsRefused gives free dimensions that are none, and shapes that do not go with them.
func TestDimsRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(g *ir.Network)
		want  error
	}{
		{"no name", func(g *ir.Network) { g.Dims[1].Name = "" }, qtensor.ErrParams},
		{"a name twice", func(g *ir.Network) { g.Dims[1].Name = "batch" }, qtensor.ErrParams},
		{"no size", func(g *ir.Network) { g.Dims[1].Size = 0 }, qtensor.ErrParams},
		{"a size of the batch", func(g *ir.Network) { g.Dims[0].Size = 3 }, qtensor.ErrParams},
		{"a negative size", func(g *ir.Network) { g.Dims[1].Size = -2 }, qtensor.ErrParams},
		{"many", func(g *ir.Network) {
			for i := range ir.MaxDims {
				g.Dims = append(g.Dims, ir.Dim{Name: fmt.Sprint(i), Size: 1})
			}
		}, qtensor.ErrParams},
		{"one that no input has", func(g *ir.Network) { g.Dims = append(g.Dims, ir.Dim{Name: "more", Size: 2}) }, qtensor.ErrShape},
		{"one that is not there", func(g *ir.Network) { g.Inputs[0].Shape[1] = -3 }, qtensor.ErrShape},
		{"another of an output", func(g *ir.Network) { g.Outputs[0].Shape[1] = 6 }, qtensor.ErrShape},
		{"an output of one that is not there", func(g *ir.Network) { g.Outputs[0].Shape[1] = -9 }, qtensor.ErrShape},
		{"a size that does not fit", func(g *ir.Network) { g.Dims[1].Size = 1 << 28 }, qtensor.ErrShape},
	} {
		g := attention()
		c.spoil(g)
		if _, err := model.New(g, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: got error %v, want %v", c.name, err, c.want)
		}
	}
	g := attention()
	g.Inputs = append(g.Inputs, ir.Value{Name: "z", Shape: []int{-1, -2}})
	m := newModel(t, g, nil)
	_, err := m.Run(t.Context(), map[string]tensor.Tensor{"x": batchOf(1, 2, 3, 6)["x"], "z": batchOf(1, 2, 4)["x"]})
	if want := `a sequence of 4, want the 3 of "x"`; !errors.Is(err, qtensor.ErrShape) || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want %s", err, want)
	}
	if dims := m.Dims(); len(dims) != 2 || dims[1] != (model.Dim{Name: "sequence", Size: 5}) {
		t.Errorf("got free dimensions %v", dims)
	}
}
