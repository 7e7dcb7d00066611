package ops_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/nn"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestLikeLayer gives the same values to a layer on slices and to its op in a graph.
func TestLikeLayer(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	activations, err := qtensor.NewParams(qtensor.Affine(8), []float32{-3}, []float32{3})
	if err != nil {
		t.Fatal(err)
	}
	dense, filters := qtensor.PerChannelSymmetric(8, 1), qtensor.PerChannelSymmetric(8, 0)
	for _, c := range []nn.Options{fixed24, fixed16, dynamicInt8, staticInt8(activations)} {
		q, err := qtensor.Quantize(tensor.New(tensor.WithShape(20, 7), tensor.WithBacking(gaussian(rng.Uint64(), 140))), dense)
		if err != nil {
			t.Fatal(err)
		}
		w, err := ops.Pack(q)
		if err != nil {
			t.Fatal(err)
		}
		bias := tensor.New(tensor.WithBacking(gaussian(7, 7)))
		opts := []ops.LayerOption{under(c), ops.WithReLU(), ops.WithBias(bias)}
		o := c
		o.ReLU, o.Bias = true, bias.Float32s()
		packed, err := nn.Pack(q)
		if err != nil {
			t.Fatal(err)
		}
		p, err := packed.Prepare(o)
		if err != nil {
			t.Fatal(err)
		}
		x := tensor.New(tensor.WithShape(5, 20), tensor.WithBacking(gaussian(rng.Uint64(), 100)))
		sameAsGraph(t, "linear "+c.Activations.String(), p, x,
			func(n *gorgonia.Node) (*gorgonia.Node, error) { return ops.Linear(n, w, opts...) })

		q, err = qtensor.Quantize(tensor.New(tensor.WithShape(6, 2, 3, 2), tensor.WithBacking(gaussian(rng.Uint64(), 72))), filters)
		if err != nil {
			t.Fatal(err)
		}
		f, err := ops.PackConv2d(q, 2)
		if err != nil {
			t.Fatal(err)
		}
		bias = tensor.New(tensor.WithBacking(gaussian(8, 6)))
		opts[2], o.Bias = ops.WithBias(bias), bias.Float32s()
		pad, stride, dilation := []int{1, 2}, []int{2, 1}, []int{1, 2}
		packedFilters, err := nn.PackFilters(q, 2)
		if err != nil {
			t.Fatal(err)
		}
		window, err := nn.NewWindow(pad, stride, dilation)
		if err != nil {
			t.Fatal(err)
		}
		if p, err = packedFilters.Prepare(9, 8, window, o); err != nil {
			t.Fatal(err)
		}
		x = tensor.New(tensor.WithShape(3, 4, 9, 8), tensor.WithBacking(gaussian(rng.Uint64(), 3*4*9*8)))
		sameAsGraph(t, "conv2d "+c.Activations.String(), p, x, func(n *gorgonia.Node) (*gorgonia.Node, error) {
			return ops.Conv2d(n, f, tensor.Shape{3, 2}, pad, stride, dilation, opts...)
		})
	}
}

func sameAsGraph(t *testing.T, name string, p *nn.Layer, x *tensor.Dense, op func(*gorgonia.Node) (*gorgonia.Node, error)) {
	t.Helper()
	g := gorgonia.NewGraph()
	node, err := op(gorgonia.NewTensor(g, tensor.Float32, x.Dims(), gorgonia.WithShape(x.Shape()...), gorgonia.WithValue(x)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	vm := gorgonia.NewTapeMachine(g)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	samples := x.Shape()[0]
	y := make([]float32, samples*p.Out().TotalSize())
	if err := p.Run(nn.Operand{Float: y}, nn.Operand{Float: x.Float32s()}, samples); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if want := node.Value().Data().([]float32); !slices.Equal(y, want) {
		t.Errorf("%s: got %v, want the graph's %v", name, y, want)
	}
}
