package ptq_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"euryale/internal/graph"
	"euryale/ptq"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// identity is an op of the user's that returns its operand, after what else it does.
type identity struct {
	graph.Base
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
		{"no graph", func(node) (node, error) { return nil, failed }, failed, ""},
		{"a panic", func(node) (node, error) { panic(failed) }, failed, ""},
		{"no value", func(y node) (node, error) {
			return gorgonia.Add(y, gorgonia.NewMatrix(y.Graph(), tensor.Float32, gorgonia.WithShape(9, 6), gorgonia.WithName("none")))
		}, ptq.ErrUnsupported, ""},
		{"no output", func(node) (node, error) { return nil, nil }, ptq.ErrUnsupported, ""},
		{"an op that fails", func(y node) (node, error) {
			return gorgonia.ApplyOp(&identity{graph.NewBase("rogue"), func() error { return failed }}, y)
		}, nil, "rogue#"},
		{"an op that panics", func(y node) (node, error) {
			return gorgonia.ApplyOp(&identity{graph.NewBase("rogue"), func() error { panic("slipped") }}, y)
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
		if !errors.Is(err, c.want) || err != nil && strings.Contains(c.name, "panic") && !strings.Contains(err.Error(), "build for batch size 9 panics") {
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
