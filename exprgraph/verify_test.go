package exprgraph_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"euryale/exprgraph"
	"euryale/internal/zoo"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestVerify gives graphs that are others for the batch of the samples than those that were read.
func TestVerify(t *testing.T) {
	failed := errors.New("failed")
	sample := exprgraph.WithSample(map[string]tensor.Tensor{"x": zoo.Draw(tensor.Float32, 2, 1, 9, 6)})
	for _, c := range []struct {
		name       string
		change     func(y *gorgonia.Node) (*gorgonia.Node, error) // for the batch of the samples
		want       error
		unverified string
	}{
		{"the same", gorgonia.Tanh, nil, ""},
		{"another function", gorgonia.Sigmoid, exprgraph.ErrMismatch, ""},
		{"NaN", gorgonia.Log, exprgraph.ErrMismatch, ""},
		{
			"NaN in all places", func(y *gorgonia.Node) (*gorgonia.Node, error) {
				return gorgonia.Log(gorgonia.Must(gorgonia.Neg(gorgonia.Must(gorgonia.Square(y)))))
			},
			exprgraph.ErrMismatch, "",
		},
		{"infinities", func(y *gorgonia.Node) (*gorgonia.Node, error) {
			return gorgonia.Inverse(gorgonia.Must(gorgonia.Sub(y, y)))
		}, exprgraph.ErrMismatch, ""},
		{"zeros", func(y *gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.Sub(y, y) }, exprgraph.ErrMismatch, ""},
		{"a little more", func(y *gorgonia.Node) (*gorgonia.Node, error) {
			return gorgonia.Mul(gorgonia.Must(gorgonia.Tanh(y)), gorgonia.NewConstant(float32(1.00001)))
		}, exprgraph.ErrMismatch, ""},
		{"no graph", func(*gorgonia.Node) (*gorgonia.Node, error) { return nil, failed }, failed, ""},
		{"a panic", func(*gorgonia.Node) (*gorgonia.Node, error) { panic(failed) }, failed, ""},
		{"no value", func(y *gorgonia.Node) (*gorgonia.Node, error) {
			return gorgonia.Add(y, gorgonia.NewMatrix(y.Graph(), tensor.Float32, gorgonia.WithShape(9, 6), gorgonia.WithName("none")))
		}, exprgraph.ErrUnsupported, ""},
		{"no output", func(*gorgonia.Node) (*gorgonia.Node, error) { return nil, nil }, exprgraph.ErrUnsupported, ""},
		{"an op that fails", func(y *gorgonia.Node) (*gorgonia.Node, error) {
			return gorgonia.ApplyOp(zoo.NewIdentity("rogue", func() error { return failed }), y)
		}, nil, "rogue#"},
		{"an op that panics", func(y *gorgonia.Node) (*gorgonia.Node, error) {
			return gorgonia.ApplyOp(zoo.NewIdentity("rogue", func() error { panic("slipped") }), y)
		}, nil, "panics: slipped"},
	} {
		_, r, err := exprgraph.ReadBuild(t.Context(), changingAt9(c.change), sample)
		if !errors.Is(err, c.want) || err != nil && strings.Contains(c.name, "panic") &&
			!strings.Contains(err.Error(), "build for batch size 9 panics") {
			t.Errorf("%s: got error %v, want %v", c.name, err, c.want)
		}
		if err != nil {
			continue
		}
		if read := r.Outputs[0].SQNR; math.IsNaN(read) != (c.unverified != "") || read < 110 {
			t.Errorf("%s: read at %v dB", c.name, read)
		}
		if !strings.Contains(r.NotCompared, c.unverified) || (r.NotCompared == "") != (c.unverified == "") ||
			!strings.Contains(r.String(), c.unverified) {
			t.Errorf("%s: got %q, want %q, in the report too:\n%v", c.name, r.NotCompared, c.unverified, r)
		}
	}
}

// changingAt9 returns the build of Tanh(x·w), and for a batch of 9 of another function than Tanh.
func changingAt9(change func(y *gorgonia.Node) (*gorgonia.Node, error)) exprgraph.Build {
	weight := zoo.Draw(tensor.Float32, 1, 1, 6, 6)
	return func(batch int) (exprgraph.Graph, error) {
		g := gorgonia.NewGraph()
		x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(batch, 6), gorgonia.WithName("x"))
		w := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(6, 6), gorgonia.WithName("w"), gorgonia.WithValue(weight))
		f := gorgonia.Tanh
		if batch == 9 {
			f = change
		}
		y, err := f(gorgonia.Must(gorgonia.Mul(x, w)))
		return exprgraph.Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{y}}, err
	}
}

// TestVerifyIntegers: integer inputs of every type that a model takes are compared with Gorgonia too.
func TestVerifyIntegers(t *testing.T) {
	net := zoo.Networks["embedding"]
	values := map[string]*tensor.Dense{}
	var shapes map[string]tensor.Shape
	build := func(batch int) (exprgraph.Graph, error) {
		z := zoo.New(tensor.Float32, batch, values)
		y := net(z)
		shapes = z.Shapes()
		return exprgraph.Graph{Inputs: z.Inputs, Outputs: gorgonia.Nodes{y}}, nil
	}
	if _, err := build(2); err != nil {
		t.Fatal(err)
	}
	for name, convert := range map[string]func([]int) any{
		"int": func(x []int) any { return x }, "int32": func(x []int) any { return as[int32](x) },
		"int64": func(x []int) any { return as[int64](x) },
	} {
		sample := map[string]tensor.Tensor{}
		for input, shape := range shapes {
			x := zoo.Words(1, 4, shape[1])
			sample[input] = tensor.New(tensor.WithShape(x.Shape()...), tensor.WithBacking(convert(x.Data().([]int))))
		}
		_, r, err := exprgraph.ReadBuild(t.Context(), build, exprgraph.WithSample(sample))
		if err != nil || r.NotCompared != "" || !(r.Outputs[0].SQNR > 110) {
			t.Errorf("%s: got error %v, want a network compared with Gorgonia:\n%v", name, err, r)
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
