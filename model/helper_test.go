package model_test

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// random returns a constant of gaussian numbers with the given deviation.
func random(rng *rand.Rand, deviation float64, shape ...int) *ir.Constant {
	t := &ir.Constant{Shape: shape, Data: make([]float32, tensor.Shape(shape).TotalSize())}
	for i := range t.Data {
		t.Data[i] = float32(deviation * rng.NormFloat64())
	}
	return t
}

// batchOf returns an input of random samples.
func batchOf(seed uint64, shape ...int) map[string]tensor.Tensor {
	return map[string]tensor.Tensor{"x": tensorOf(random(rand.New(rand.NewPCG(seed, 1)), 1, shape...))}
}

func tensorOf(t *ir.Constant) *tensor.Dense {
	return tensor.New(tensor.WithShape(t.Shape...), tensor.WithBacking(t.Data))
}

// mlp is 20 → 32 → 16 → 10.
func mlp() *ir.Network {
	rng := rand.New(rand.NewPCG(3, 4))
	return &ir.Network{
		Inputs:  []ir.Value{{Name: "x", Shape: []int{-1, 20}}},
		Outputs: []ir.Value{{Name: "p", Shape: []int{-1, 10}}},
		Nodes: []ir.Node{
			{Op: "Gemm", Name: "fc1", Inputs: []string{"x", "fc1.weight", "b1"}, Output: "h1", TransB: true},
			{Op: "Relu", Name: "relu1", Inputs: []string{"h1"}, Output: "r1"},
			{Op: "Gemm", Name: "fc2", Inputs: []string{"r1", "w2"}, Output: "h2"},
			{Op: "Tanh", Name: "tanh", Inputs: []string{"h2"}, Output: "t2"},
			{Op: "MatMul", Name: "fc3", Inputs: []string{"t2", "w3"}, Output: "h3"},
			{Op: "Add", Name: "bias3", Inputs: []string{"h3", "b3"}, Output: "p"},
		},
		Constants: map[string]*ir.Constant{
			"fc1.weight": random(rng, 0.2, 32, 20), "b1": random(rng, 0.1, 32),
			"w2": random(rng, 0.2, 32, 16), "w3": random(rng, 0.3, 16, 10), "b3": random(rng, 0.1, 10),
		},
	}
}

// lenet takes images of 12×12.
func lenet() *ir.Network {
	rng := rand.New(rand.NewPCG(5, 6))
	return &ir.Network{
		Inputs:  []ir.Value{{Name: "x", Shape: []int{-1, 1, 12, 12}}},
		Outputs: []ir.Value{{Name: "y"}, {Name: "p", Shape: []int{-1, 10}}},
		Nodes: []ir.Node{
			{Op: "Conv", Name: "conv1", Inputs: []string{"x", "k1", "b1"}, Output: "c1", Pads: []int{2, 2, 2, 2}},
			{Op: "Relu", Name: "relu1", Inputs: []string{"c1"}, Output: "r1"},
			{Op: "MaxPool", Name: "pool1", Inputs: []string{"r1"}, Output: "m1", Kernel: []int{2, 2}, Strides: []int{2, 2}},
			{Op: "Conv", Name: "conv2", Inputs: []string{"m1", "k2"}, Output: "c2", Group: 2},
			{Op: "Relu", Name: "relu2", Inputs: []string{"c2"}, Output: "r2"},
			{Op: "Reshape", Name: "flat", Inputs: []string{"r2"}, Output: "f", Shape: []int{-1, 192}},
			{Op: "Gemm", Name: "fc", Inputs: []string{"f", "w", "b"}, Output: "y"},
			{Op: "Softmax", Name: "softmax", Inputs: []string{"y"}, Output: "p", Axis: new(1)},
		},
		Constants: map[string]*ir.Constant{
			"k1": random(rng, 0.3, 8, 1, 5, 5), "b1": random(rng, 0.1, 8), "k2": random(rng, 0.2, 12, 4, 3, 3),
			"w": random(rng, 0.1, 192, 10), "b": random(rng, 0.1, 10),
		},
	}
}

// quantized returns a layer for every product of a graph: its weights in 8 bits for each result, computed in
// one way, for which what goes in was observed.
func quantized(t testing.TB, g *ir.Network, in map[string]tensor.Tensor, compute string) map[string]model.Layer {
	t.Helper()
	m := newModel(t, g, nil)
	low, high := map[string]float32{}, map[string]float32{}
	err := m.Observe(context.Background(), in, func(name string, x []float32) error {
		for _, v := range x {
			low[name], high[name] = min(low[name], v), max(high[name], v)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	layers, made := map[string]model.Layer{}, map[string]*qtensor.QTensor{}
	for _, n := range g.Nodes {
		if n.Op == "Gather" || g.Constants[n.Weight()] == nil {
			continue
		}
		q := made[n.Inputs[1]]
		if q == nil {
			var err error
			if q, err = qtensor.Quantize(tensorOf(g.Constants[n.Inputs[1]]), qtensor.PerChannelSymmetric(8, n.ChannelAxis())); err != nil {
				t.Fatal(err)
			}
			made[n.Inputs[1]] = q
		}
		l := model.Layer{Weight: q}
		switch compute {
		case "fixed24":
			l.Activations = model.Fixed24
		case "dynamic-int8":
			l.Activations = model.DynamicInt8
		case "static-int8":
			p, err := qtensor.NewParams(qtensor.Affine(8), []float32{low[n.Inputs[0]]}, []float32{high[n.Inputs[0]]})
			if err != nil {
				t.Fatal(err)
			}
			l = with(q, layerOf(p))
		}
		layers[n.Name] = l
	}
	return layers
}

func newModel(t testing.TB, g *ir.Network, layers map[string]model.Layer) *model.Model {
	t.Helper()
	m, err := model.New(g, layers)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// run returns the numbers of an output.
func run(t testing.TB, m *model.Model, in map[string]tensor.Tensor, name string) []float32 {
	t.Helper()
	out, err := m.Run(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	if out[name] == nil {
		t.Fatalf("got %v, want an output %q", out, name)
	}
	return out[name].(*tensor.Dense).Float32s()
}

// sqnr returns 10·log₁₀ of Σ want²/Σ (got − want)², in decibels.
func sqnr(got, want []float32) float64 {
	var signal, noise float64
	for i, w := range want {
		d := float64(got[i]) - float64(w)
		signal, noise = signal+float64(w)*float64(w), noise+d*d
	}
	return 10 * math.Log10(signal/noise)
}

// bytesOf returns the file of a model.
func bytesOf(t testing.TB, m *model.Model) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// reloaded returns the model that Load makes of the file of a model, and its path.
func reloaded(t testing.TB, m *model.Model) (loaded *model.Model, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "model")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	loaded, err := model.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return loaded, path
}
