package ptq_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"euryale/internal/graphop"
	"euryale/ptq"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// identity is an op of the user's that returns its operand, after what else it does.
type identity struct {
	graphop.Base
	do func() error
}

func (*identity) Arity() int    { return 1 }
func (*identity) Type() hm.Type { return hm.NewFnType(hm.TypeVariable('a'), hm.TypeVariable('a')) }

func (*identity) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	return in[0].(tensor.Shape), nil
}

func (op *identity) Do(v ...gorgonia.Value) (gorgonia.Value, error) { return v[0], op.do() }

// TestVerify gives graphs that are others for the batch of the samples than those that were read.
func TestVerify(t *testing.T) {
	w := draw(tensor.Float32, 1, 1, 6, 6)
	failed := errors.New("failed")
	samples := func(yield func(ptq.Sample, error) bool) {
		yield(ptq.Sample{"x": draw(tensor.Float32, 2, 1, 9, 6)}, nil)
	}
	for _, c := range []struct {
		name       string
		change     func(y node) (node, error) // for the batch of the samples
		want       error
		unverified string
	}{
		{"the same", gorgonia.Tanh, nil, ""},
		{"another function", gorgonia.Sigmoid, ptq.ErrMismatch, ""},
		{"NaN", gorgonia.Log, ptq.ErrMismatch, ""},
		{
			"NaN in all places", func(y node) (node, error) { return gorgonia.Log(must(gorgonia.Neg(must(gorgonia.Square(y))))) },
			ptq.ErrMismatch, "",
		},
		{"infinities", func(y node) (node, error) { return gorgonia.Inverse(must(gorgonia.Sub(y, y))) }, ptq.ErrMismatch, ""},
		{"zeros", func(y node) (node, error) { return gorgonia.Sub(y, y) }, ptq.ErrMismatch, ""},
		{"a little more", func(y node) (node, error) {
			return gorgonia.Mul(must(gorgonia.Tanh(y)), gorgonia.NewConstant(float32(1.00001)))
		}, ptq.ErrMismatch, ""},
		{"no graph", func(node) (node, error) { return nil, failed }, failed, ""},
		{"a panic", func(node) (node, error) { panic(failed) }, failed, ""},
		{"no value", func(y node) (node, error) {
			return gorgonia.Add(y, gorgonia.NewMatrix(y.Graph(), tensor.Float32, gorgonia.WithShape(9, 6), gorgonia.WithName("none")))
		}, ptq.ErrUnsupported, ""},
		{"no output", func(node) (node, error) { return nil, nil }, ptq.ErrUnsupported, ""},
		{"an op that fails", func(y node) (node, error) {
			return gorgonia.ApplyOp(&identity{graphop.NewBase("rogue"), func() error { return failed }}, y)
		}, nil, "rogue#"},
		{"an op that panics", func(y node) (node, error) {
			return gorgonia.ApplyOp(&identity{graphop.NewBase("rogue"), func() error { panic("slipped") }}, y)
		}, nil, "panics: slipped"},
	} {
		build := func(batch int) (ptq.Graph, error) {
			g := gorgonia.NewGraph()
			x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(batch, 6), gorgonia.WithName("x"))
			y := must(gorgonia.Mul(x, gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(6, 6), gorgonia.WithName("w"), gorgonia.WithValue(w))))
			f := gorgonia.Tanh
			if batch == 9 {
				f = c.change
			}
			y, err := f(y)
			return ptq.Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{y}}, err
		}
		_, r, err := ptq.Quantize(t.Context(), build, samples, ptq.Config{})
		if !errors.Is(err, c.want) || err != nil && strings.Contains(c.name, "panic") &&
			!strings.Contains(err.Error(), "build for batch size 9 panics") {
			t.Errorf("%s: got error %v, want %v", c.name, err, c.want)
		}
		if err != nil {
			continue
		}
		if read := r.Outputs[0].ReadSQNR; math.IsNaN(read) != (c.unverified != "") || read < 110 {
			t.Errorf("%s: read at %v dB", c.name, read)
		}
		if !strings.Contains(r.Unverified, c.unverified) || (r.Unverified == "") != (c.unverified == "") || !strings.Contains(r.String(), c.unverified) {
			t.Errorf("%s: got %q, want %q, in the report too:\n%v", c.name, r.Unverified, c.unverified, r)
		}
	}
}

// TestVerifyWhole: whole numbers of every type that a model takes are compared with Gorgonia too.
func TestVerifyWhole(t *testing.T) {
	net := networks["embedding"]
	values := map[string]*tensor.Dense{}
	var shapes map[string]tensor.Shape
	build := func(batch int) (ptq.Graph, error) {
		z := newZoo(tensor.Float32, batch, values)
		y := net(z)
		shapes = z.Shapes()
		return ptq.Graph{Inputs: z.Inputs, Outputs: gorgonia.Nodes{y}}, nil
	}
	if _, err := build(2); err != nil {
		t.Fatal(err)
	}
	for name, convert := range map[string]func([]int) any{
		"int": func(x []int) any { return x }, "int32": func(x []int) any { return as[int32](x) },
		"int64": func(x []int) any { return as[int64](x) },
	} {
		samples := func(yield func(ptq.Sample, error) bool) {
			for input, shape := range shapes {
				x := words(1, 4, shape[1])
				yield(ptq.Sample{input: tensor.New(tensor.WithShape(x.Shape()...),
					tensor.WithBacking(convert(x.Data().([]int))))}, nil)
			}
		}
		_, r, err := ptq.Quantize(t.Context(), build, samples, ptq.Config{})
		if err != nil || r.Unverified != "" || !(r.Outputs[0].ReadSQNR > 110) {
			t.Errorf("%s: got error %v, want a network held to Gorgonia:\n%v", name, err, r)
		}
	}
}

func as[T int32 | int64](x []int) []T {
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v)
	}
	return y
}
