package exprgraph

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"euryale/internal/graphop"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// called are networks of what a model has not.
var called = []struct {
	name string
	net  func(*zoo) Graph
	says []string // what the calls are
}{
	{"Sum of samples", unary(func(x node) (node, error) { return gorgonia.Sum(x, 0) }), []string{"sumOp", "[0]", "none that is the batch"}},
	{"Mean of all", unary(func(x node) (node, error) { return gorgonia.Mean(x) }), []string{"sumOp", "none that is the batch"}},
	{"Max of samples", unary(func(x node) (node, error) { return gorgonia.Max(x, 0, 1) }), []string{"maxOp"}},
	{"Sum of rows of images", func(z *zoo) Graph {
		x := z.input("x", z.batch, 2, 3, 4)
		return source(x, must(gorgonia.Sum(x, 2, 3)))
	}, []string{"sumOp", "along axis 2", "wrong elements"}},
	{"Max of rows of images", func(z *zoo) Graph {
		x := z.input("x", z.batch, 2, 3, 4)
		return source(x, must(gorgonia.Max(x, 2)))
	}, []string{"maxOp", "along axis 2", "wrong elements"}},
	{"SizeOf", unary(func(x node) (node, error) { return gorgonia.SizeOf(0, x) }), []string{"sizeOp", "axis 0", "not the batch"}},
	{"Slice of samples", unary(func(x node) (node, error) { return gorgonia.Slice(x, gorgonia.S(0, 2)) }), []string{"sliceOp", "of the batch"}},
	{"another slice by batch", on(func(z *zoo, x node) (node, error) {
		return gorgonia.Slice(x, nil, gorgonia.S(z.batch%2, z.batch%2+2))
	}), []string{"sliceOp", "from 0 up to 2 at one batch size, from 1 up to 3"}},
	{"Sparsemax of columns", func(z *zoo) Graph {
		x := z.input("x", 4, z.batch)
		return source(x, must(gorgonia.Sparsemax(x, 0)))
	}, []string{"sparsemaxOp", "in another order"}},
	{"ByIndices of samples", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		return source(x, must(gorgonia.ByIndices(x, z.indices(1, 0), 0)))
	}, []string{"byIndicesOp", "not the batch"}},
	{"ByIndices of rows of images", func(z *zoo) Graph {
		x := z.input("x", z.batch, 3, 4)
		return source(x, must(gorgonia.ByIndices(x, z.indices(2, 0), 1)))
	}, []string{"byIndicesOp", "wrong elements"}},
	{"indices by batch", on(func(z *zoo, x node) (node, error) { return gorgonia.ByIndices(x, z.indices(0, z.batch%4), 1) }), []string{"byIndicesOp", "want the same"}},
	{"Tensordot of samples", on(func(_ *zoo, x node) (node, error) {
		return gorgonia.Tensordot([]int{0}, []int{0}, x, must(gorgonia.Tanh(x)))
	}), []string{"tensordotOp", "none that is the batch"}},
	{"inner product of samples", func(z *zoo) Graph {
		x := z.input("x", z.batch)
		return source(x, must(gorgonia.Mul(x, must(gorgonia.Tanh(x)))))
	}, []string{"linAlgBinOp a ⋅ b", "no batch"}},
	{"large groups", func(z *zoo) Graph {
		x := z.input("x", z.batch, 2, 11, 12)
		return source(x, must(gorgonia.GroupNorm(x, z.weight("s", 1, 2, 1, 1), z.weight("b", 1, 2, 1, 1), 1, 2, 1e-5)))
	}, []string{"GroupNormOp", "264 elements in a group", "wrong mean"}},
	{"op from outside", on(func(_ *zoo, x node) (node, error) {
		return gorgonia.ApplyOp(identity{graphop.NewBase("mine")}, x)
	}), []string{"graph.identity mine#"}},
	{"another op by batch", on(func(z *zoo, x node) (node, error) {
		if z.batch == batchA {
			return gorgonia.Tanh(x)
		}
		return gorgonia.Sigmoid(x)
	}), []string{"tanh", "sigmoid"}},
	{"another axis by batch", on(func(z *zoo, x node) (node, error) { return gorgonia.SoftMax(x, z.batch-batchA) }), []string{"softmaxOp", "[axis isLog] is [0 0]"}},
	{"columns alone", func(z *zoo) Graph {
		x, one := z.input("x", z.batch, 1, 4, 4), tensor.Shape{1, 1}
		return source(x, must(gorgonia.Im2Col(x, tensor.Shape{2, 2}, tensor.Shape{0, 0}, one, one)))
	}, []string{"im2colOp"}},
}

// TestReadCalls reads ops that a model has no operation for: they are called in Gorgonia, at any batch size.
func TestReadCalls(t *testing.T) {
	for _, c := range called {
		for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			t.Run(fmt.Sprintf("%s/%v", c.name, dt), func(t *testing.T) {
				z := zoo{dt: dt, weights: map[string]*tensor.Dense{}}
				g, err := readFolded(z.build(c.net))
				if err != nil {
					t.Fatal(err)
				}
				var what []string
				for _, n := range g.Nodes {
					if n.Foreign != nil {
						what = append(what, n.Foreign.String())
					}
				}
				for _, part := range append(c.says, ": ") {
					if !strings.Contains(strings.Join(what, "; "), part) {
						t.Errorf("got calls of %q, want %s", what, part)
					}
				}
				for _, batch := range []int{2, 3, 5, 4, 6, 7, 2} {
					compare(t, &z, c.net, g, batch)
				}
			})
		}
	}
}

// TestReadNodesCalls reads the same from nodes of one graph, where what mixes samples is refused.
func TestReadNodesCalls(t *testing.T) {
	refused := map[string]string{
		"Sum of samples": "none that is the batch", "Mean of all": "none that is the batch", "Max of samples": "none that is the batch",
		"Slice of samples": "want whole batches", "ByIndices of samples": "takes samples by index",
		"Tensordot of samples": "sums over the batch", "inner product of samples": "sums over the batch",
	}
	for _, c := range called {
		if strings.Contains(c.name, "by batch") || c.name == "large groups" { // whose op has memory for its batch
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			z := zoo{dt: tensor.Float32, weights: map[string]*tensor.Dense{}}
			n, err := readAt(t, z.build(c.net), 7)
			if says, ok := refused[c.name]; ok {
				if !errors.Is(err, ErrUnsupported) || !strings.Contains(fmt.Sprint(err), says) {
					t.Fatalf("got %v, want ErrUnsupported that says %s", err, says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, batch := range []int{2, 3, 7} {
				compare(t, &z, c.net, n.folded, batch)
			}
		})
	}
}

// mixing subtracts the first sample from all, which no batch is to tell.
type mixing struct{ identity }

func (mixing) Do(v ...gorgonia.Value) (gorgonia.Value, error) {
	x, err := elements(v[0])
	if err != nil {
		return nil, err
	}
	y := slices.Clone(x)
	for i := range y {
		y[i] -= x[i%4]
	}
	return tensor.New(tensor.WithShape(len(x)/4, 4), tensor.WithBacking(y)), nil
}

// TestReadMixedSamples: a model whose results depend on the other samples is not one of any batch size.
func TestReadMixedSamples(t *testing.T) {
	z := zoo{dt: tensor.Float32, weights: map[string]*tensor.Dense{}, g: gorgonia.NewGraph(), batch: 7}
	x := z.input("x", 7, 4)
	y := must(gorgonia.ApplyOp(mixing{identity{graphop.NewBase("mixing")}}, x))
	_, _, err := Read(t.Context(), gorgonia.Nodes{x}, gorgonia.Nodes{y}, AllowGorgonia())
	if !errors.Is(err, ErrMismatch) || !strings.Contains(fmt.Sprint(err), "of a batch of 7 and sample") {
		t.Errorf("got %v, want ErrMismatch of two batches", err)
	}
}

// entering runs a model, if there is one.
type entering struct {
	identity
	run func() error
}

func (e entering) Do(v ...gorgonia.Value) (gorgonia.Value, error) { return v[0], e.run() }

// TestReadReentrant: an op of a user that runs the model which calls it gets an error in place of waiting.
func TestReadReentrant(t *testing.T) {
	z := zoo{dt: tensor.Float32, weights: map[string]*tensor.Dense{}, g: gorgonia.NewGraph(), batch: 3}
	run := func() error { return nil }
	x := z.input("x", 3, 4)
	y := must(gorgonia.ApplyOp(entering{identity{graphop.NewBase("entering")}, func() error { return run() }}, x))
	m, _, err := Read(t.Context(), gorgonia.Nodes{x}, gorgonia.Nodes{y}, AllowGorgonia())
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]tensor.Tensor{"x": drawnOf(tensor.Float32, "x", 2, 4)}
	run = func() error {
		_, err := m.Run(context.Background(), in)
		return err
	}
	if _, err := m.Run(t.Context(), in); !errors.Is(err, ErrReentrant) {
		t.Errorf("got %v, want ErrReentrant", err)
	}
}
