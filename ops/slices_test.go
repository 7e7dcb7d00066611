package ops_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// gaussians returns n gaussian numbers.
func gaussians(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// TestPreparedEqualsGraph gives the same numbers to a layer on slices and to its op in a graph.
func TestPreparedEqualsGraph(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	activations, err := qtensor.NewParams(qtensor.Affine(8), []float32{-3}, []float32{3})
	if err != nil {
		t.Fatal(err)
	}
	dense, filters := qtensor.PerChannelSymmetric(8, 1), qtensor.PerChannelSymmetric(8, 0)
	for _, c := range []ops.Compute{ops.Fixed24(), ops.Fixed16(), ops.DynamicInt8(), ops.StaticInt8(activations)} {
		q, err := qtensor.Quantize(tensor.New(tensor.WithShape(20, 7), tensor.WithBacking(gaussians(rng, 140))), dense)
		if err != nil {
			t.Fatal(err)
		}
		w, err := ops.Pack(q)
		if err != nil {
			t.Fatal(err)
		}
		opts := []ops.Option{ops.WithCompute(c), ops.WithReLU(), ops.WithBias(tensor.New(tensor.WithBacking(gaussians(rng, 7))))}
		p, err := w.Prepare(opts...)
		if err != nil {
			t.Fatal(err)
		}
		x := tensor.New(tensor.WithShape(5, 20), tensor.WithBacking(gaussians(rng, 100)))
		sameAsGraph(t, "linear "+c.String(), p, x, func(n *gorgonia.Node) (*gorgonia.Node, error) { return ops.Linear(n, w, opts...) })

		q, err = qtensor.Quantize(tensor.New(tensor.WithShape(6, 2, 3, 2), tensor.WithBacking(gaussians(rng, 72))), filters)
		if err != nil {
			t.Fatal(err)
		}
		f, err := ops.PackConv2d(q, 2)
		if err != nil {
			t.Fatal(err)
		}
		opts[2] = ops.WithBias(tensor.New(tensor.WithBacking(gaussians(rng, 6))))
		pad, stride, dilation := []int{1, 2}, []int{2, 1}, []int{1, 2}
		if p, err = f.Prepare(9, 8, pad, stride, dilation, opts...); err != nil {
			t.Fatal(err)
		}
		x = tensor.New(tensor.WithShape(3, 4, 9, 8), tensor.WithBacking(gaussians(rng, 3*4*9*8)))
		sameAsGraph(t, "conv2d "+c.String(), p, x, func(n *gorgonia.Node) (*gorgonia.Node, error) {
			return ops.Conv2d(n, f, tensor.Shape{3, 2}, pad, stride, dilation, opts...)
		})
	}
}

func sameAsGraph(t *testing.T, name string, p *ops.Prepared, x *tensor.Dense, op func(*gorgonia.Node) (*gorgonia.Node, error)) {
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
	if err := p.Run(y, x.Float32s(), samples); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if want := node.Value().Data().([]float32); !slices.Equal(y, want) {
		t.Errorf("%s: got %v, want the graph's %v", name, y, want)
	}
}

func TestPreparedRefuses(t *testing.T) {
	q, err := qtensor.Quantize(tensor.New(tensor.WithShape(4, 3), tensor.WithBacking(make([]float32, 12))), qtensor.Symmetric(8))
	if err != nil {
		t.Fatal(err)
	}
	w, err := ops.Pack(q)
	if err != nil {
		t.Fatal(err)
	}
	p, err := w.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	for _, lengths := range [][3]int{{3, 4, -1}, {3, 4, 0}, {3, 4, 2}, {6, 4, 1}, {3, 5, 1}, {2, 4, 1}, {0, 0, 1}} {
		if err := p.Run(make([]float32, lengths[0]), make([]float32, lengths[1]), lengths[2]); !errors.Is(err, qtensor.ErrShape) {
			t.Errorf("y, x, samples %v: got %v, want ErrShape", lengths, err)
		}
	}
	if err := p.Run(make([]float32, 3), []float32{1, 2, float32(math.NaN()), 4}, 1); !errors.Is(err, qtensor.ErrValue) {
		t.Errorf("NaN: got %v, want ErrValue", err)
	}
	if err := p.Run(nil, nil, 0); err != nil {
		t.Errorf("no samples: %v", err)
	}
	if _, err := w.Prepare(nil); !errors.Is(err, qtensor.ErrParams) {
		t.Errorf("nil option: got %v, want ErrParams", err)
	}
	if _, err := new(ops.Weight).Prepare(); !errors.Is(err, qtensor.ErrShape) {
		t.Errorf("zero Weight: got %v, want ErrShape", err)
	}
	if _, err := new(ops.Filters).Prepare(1, 1, nil, nil, nil); !errors.Is(err, qtensor.ErrShape) {
		t.Errorf("zero Filters: got %v, want ErrShape", err)
	}
	q, err = qtensor.Quantize(tensor.New(tensor.WithShape(1, 1, 3, 3), tensor.WithBacking(make([]float32, 9))), qtensor.Symmetric(8))
	if err != nil {
		t.Fatal(err)
	}
	f, err := ops.PackConv2d(q, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		height, width         int
		pad, stride, dilation []int
	}{
		{2, 3, nil, nil, nil},
		{-1, 3, nil, nil, nil},
		{1 << 30, 3, nil, nil, nil},
		{8, 8, []int{-1, 0}, nil, nil},
		{8, 8, nil, []int{0, 1}, nil},
		{8, 8, nil, []int{1}, nil},
		{8, 8, nil, nil, []int{4, 1}},
		{8, 8, []int{1 << 30, 1}, nil, []int{1, 1}},
	} {
		if _, err := f.Prepare(c.height, c.width, c.pad, c.stride, c.dilation); !errors.Is(err, qtensor.ErrShape) {
			t.Errorf("%+v: got %v, want ErrShape", c, err)
		}
	}
	if _, ok := ops.Fixed24().Static(); ok {
		t.Error("Fixed24 has static parameters")
	}
}
