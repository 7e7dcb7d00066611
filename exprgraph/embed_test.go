package exprgraph_test

import (
	"errors"
	"slices"
	"testing"

	"euryale/exprgraph"
	"euryale/internal/zoo"
	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// twoFaced is a quantized model of x (batch, 6) and s (batch, 3) with two outputs, one of three axes.
func twoFaced(t *testing.T, dt tensor.Dtype) *model.Model {
	t.Helper()
	values := map[string]*tensor.Dense{}
	build := func(batch int) (exprgraph.Graph, error) {
		z := zoo.New(dt, batch, values)
		h := z.Dense(gorgonia.Must(gorgonia.Concat(1, z.Input("x", 6), z.Input("s", 3))), "w", 9, 8)
		return exprgraph.Graph{Inputs: z.Inputs, Outputs: gorgonia.Nodes{
			gorgonia.Must(gorgonia.Tanh(h)),
			gorgonia.Must(gorgonia.Reshape(h, tensor.Shape{batch, 2, 4})),
		}}, nil
	}
	samples := func(yield func(ptq.Sample, error) bool) {
		yield(ptq.Sample{"x": zoo.Draw(dt, 1, 1, 9, 6), "s": zoo.Draw(dt, 2, 1, 9, 3)}, nil)
	}
	float, _, err := exprgraph.ReadBuild(t.Context(), build)
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{Activations: model.StaticInt8})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestEmbed runs a model among Gorgonia's own ops, in both machines, and wants the results of Run.
func TestEmbed(t *testing.T) {
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		m := twoFaced(t, dt)
		xv, sv := zoo.Draw(dt, 3, 1, 5, 6), zoo.Draw(dt, 4, 1, 5, 3)
		want, err := m.Run(t.Context(), map[string]tensor.Tensor{"x": xv, "s": sv})
		if err != nil {
			t.Fatal(err)
		}
		for _, lisp := range []bool{false, true} {
			g := gorgonia.NewGraph()
			x := gorgonia.NewMatrix(g, dt, gorgonia.WithName("x"), gorgonia.WithShape(5, 6), gorgonia.WithValue(xv))
			s := gorgonia.NewMatrix(g, dt, gorgonia.WithName("s"), gorgonia.WithShape(5, 3), gorgonia.WithValue(sv))
			out, err := exprgraph.Embed(m, map[string]*gorgonia.Node{"x": x, "s": s})
			if err != nil {
				t.Fatal(err)
			}
			values := map[string]*gorgonia.Value{}
			for name, y := range out {
				values[name] = new(gorgonia.Value)
				gorgonia.Read(gorgonia.Must(gorgonia.Neg(y)), values[name])
			}
			var vm gorgonia.VM = gorgonia.NewTapeMachine(g)
			if lisp {
				vm = gorgonia.NewLispMachine(g, gorgonia.ExecuteFwdOnly())
			}
			if err := errors.Join(vm.RunAll(), vm.Close()); err != nil {
				t.Fatal(err)
			}
			for name, y := range want {
				got := zoo.Float64s(*values[name])
				for i := range got {
					got[i] = -got[i]
				}
				if !slices.Equal(got, zoo.Float64s(y.(*tensor.Dense))) || !(*values[name]).Shape().Eq(y.Shape()) {
					t.Errorf("%v, lisp %v: output %s is %v, want %v", dt, lisp, name, *values[name], y)
				}
			}
		}
	}
}

func TestEmbedRefuses(t *testing.T) {
	m := twoFaced(t, tensor.Float32)
	g := gorgonia.NewGraph()
	node := func(dt tensor.Dtype, shape ...int) *gorgonia.Node {
		return gorgonia.NewTensor(g, dt, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName("n"))
	}
	x, s := node(tensor.Float32, 5, 6), node(tensor.Float32, 5, 3)
	for _, c := range []struct {
		name   string
		m      *model.Model
		inputs map[string]*gorgonia.Node
		want   error
	}{
		{"no model", nil, nil, qtensor.ErrParams},
		{"no inputs", m, nil, qtensor.ErrNotFound},
		{"one too many", m, map[string]*gorgonia.Node{"x": x, "s": s, "y": s}, qtensor.ErrNotFound},
		{"two types", m, map[string]*gorgonia.Node{"x": x, "s": node(tensor.Float64, 5, 3)}, qtensor.ErrDtype},
		{"integers", m, map[string]*gorgonia.Node{"x": node(tensor.Int, 5, 6), "s": s}, qtensor.ErrDtype},
		{"a scalar", m, map[string]*gorgonia.Node{"x": gorgonia.NewScalar(g, tensor.Float32, gorgonia.WithName("c")), "s": s}, qtensor.ErrDtype},
		{"another rank", m, map[string]*gorgonia.Node{"x": node(tensor.Float32, 5, 6, 1), "s": s}, qtensor.ErrShape},
		{"another width", m, map[string]*gorgonia.Node{"x": node(tensor.Float32, 5, 7), "s": s}, qtensor.ErrShape},
		{"two batches", m, map[string]*gorgonia.Node{"x": node(tensor.Float32, 4, 6), "s": s}, qtensor.ErrShape},
	} {
		if out, err := exprgraph.Embed(c.m, c.inputs); !errors.Is(err, c.want) || out != nil {
			t.Errorf("%s: got %v and error %v, want %v", c.name, out, err, c.want)
		}
	}
	out, err := exprgraph.Embed(m, map[string]*gorgonia.Node{"x": x, "s": s})
	if err != nil {
		t.Fatal(err)
	}
	for _, y := range out {
		if y.Dims() == 2 {
			if _, err := gorgonia.Grad(gorgonia.Must(gorgonia.Sum(y)), x); err == nil {
				t.Error("Grad: got no error")
			}
		}
	}
}
