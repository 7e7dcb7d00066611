package exprgraph_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"euryale/exprgraph"
	"euryale/internal/ir"
	"euryale/internal/zoo"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// slip is an operation that panics.
type slip struct{ with any }

func (slip) String() string { return "bad" }

func (slip) Shape(in [][]int) ([]int, error) { return in[0], nil }

func (s slip) Run(context.Context, int, []ir.Array) (ir.Array, error) { panic(s.with) }

// panicking is a model of x (batch, 2) that panics with a value.
func panicking(t *testing.T, with any) *model.Model {
	t.Helper()
	m, err := model.New(&ir.Network{
		Inputs: []ir.Value{{Name: "x", Shape: []int{ir.Batch, 2}}}, Outputs: []ir.Value{{Name: "y"}},
		Nodes: []ir.Node{{Op: "Foreign", Name: "bad", Inputs: []string{"x"}, Output: "y", Foreign: slip{with}}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestEmbedPanics has what the model runs panic in the goroutine of each machine: an error, and the process
// goes on.
func TestEmbedPanics(t *testing.T) {
	for _, with := range []any{"slipped", errors.New("mine"), 3, struct{}{}} {
		for _, lisp := range []bool{false, true} {
			g := gorgonia.NewGraph()
			x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName("x"), gorgonia.WithShape(3, 2),
				gorgonia.WithValue(zoo.Draw(tensor.Float32, 1, 1, 3, 2)))
			if _, err := exprgraph.Embed(panicking(t, with), map[string]*gorgonia.Node{"x": x}); err != nil {
				t.Fatal(err)
			}
			var vm gorgonia.VM = gorgonia.NewTapeMachine(g)
			if lisp {
				vm = gorgonia.NewLispMachine(g, gorgonia.ExecuteFwdOnly())
			}
			err := vm.RunAll()
			_ = vm.Close()                      // of a machine that failed
			var behind interface{ Err() error } // as Gorgonia's error has it
			if errors.As(err, &behind) {
				err = behind.Err()
			}
			if !errors.Is(err, exprgraph.ErrPanic) || !strings.Contains(err.Error(), fmt.Sprint(with)) {
				t.Errorf("panic of %v, lisp %t: got error %v", with, lisp, err)
			}
		}
	}
}

// TestEmbedDo gives the op what no machine does.
func TestEmbedDo(t *testing.T) {
	m := twoFaced(t, tensor.Float32)
	g := gorgonia.NewGraph()
	at := func(name string, width int) *gorgonia.Node {
		return gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName(name), gorgonia.WithShape(5, width))
	}
	out, err := exprgraph.Embed(m, map[string]*gorgonia.Node{"x": at("x", 6), "s": at("s", 3)})
	if err != nil {
		t.Fatal(err)
	}
	values := []gorgonia.Value{
		nil, (*tensor.Dense)(nil), &tensor.Dense{}, gorgonia.NewF32(1), (*gorgonia.F32)(nil),
		zoo.Draw(tensor.Float32, 1, 1, 5, 6), zoo.Draw(tensor.Float32, 1, 1, 5, 3), zoo.Draw(tensor.Float64, 1, 1, 5, 3),
		zoo.Draw(tensor.Float32, 1, 1, 4, 3), zoo.Words(1, 5, 3), tensor.New(tensor.WithShape(5, 3), tensor.Of(tensor.String)),
	}
	shapes := []gorgonia.DimSizer{
		nil, tensor.Shape(nil),
		tensor.Shape{},
		tensor.Shape{5, 6},
		tensor.Shape{5, 3},
		tensor.Shape{-5, 3},
		tensor.Shape{0, 6},
	}
	calls := 0
	for _, y := range out {
		op := y.Op()
		for _, x := range values {
			for _, s := range values {
				calls++
				good := x == values[5] && (s == values[6] || s == values[7])
				if v, err := op.Do(x, s); (err == nil) != good || (v == nil) == good {
					t.Errorf("Do(%T, %T): got %v, error %v", x, s, v, err)
				}
			}
			if _, err := op.Do(x); err == nil {
				t.Errorf("Do(%T): got no error", x)
			}
		}
		for _, x := range shapes {
			for _, s := range shapes {
				calls++
				if shape, err := op.InferShape(x, s); err == nil && shape.Dims() < 2 {
					t.Errorf("InferShape(%v, %v): got %v", x, s, shape)
				}
			}
		}
		for _, inputs := range []int{-1, 0, 2} {
			if d, ok := op.(interface{ DiffWRT(int) []bool }); !ok || len(d.DiffWRT(inputs)) != max(inputs, 0) {
				t.Errorf("DiffWRT(%d): got %t", inputs, ok)
			}
		}
	}
	t.Logf("%d calls", calls)
}

// TestEmbedOddNodes gives nodes that no graph has, or several.
func TestEmbedOddNodes(t *testing.T) {
	m := twoFaced(t, tensor.Float32)
	g, other := gorgonia.NewGraph(), gorgonia.NewGraph()
	at := func(g *gorgonia.ExprGraph, name string, width int) *gorgonia.Node {
		return gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName(name), gorgonia.WithShape(5, width))
	}
	odd := map[string]*gorgonia.Node{
		"nil": nil, "zero": {}, "of another graph": at(other, "s", 3),
		"a constant of no graph": gorgonia.NewConstant(zoo.Draw(tensor.Float32, 1, 1, 5, 3)),
		"without a shape":        gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName("none")),
		"scalar":                 gorgonia.NewConstant(float32(1)),
	}
	cases := 0
	for name, n := range odd {
		for _, inputs := range []map[string]*gorgonia.Node{
			{"x": at(g, "x", 6), "s": n},
			{"x": n, "s": at(g, "s", 3)},
			{"x": n, "s": n},
		} {
			cases++
			if out, err := exprgraph.Embed(m, inputs); err == nil || out != nil {
				t.Errorf("%s: got %v, error %v, want an error", name, out, err)
			}
		}
	}
	for _, m := range []*model.Model{nil, {}} {
		for _, inputs := range []map[string]*gorgonia.Node{nil, {}, {"x": at(g, "x", 6)}, {"x": nil}, {"x": {}}} {
			cases++
			if _, err := exprgraph.Embed(m, inputs); !errors.Is(err, qtensor.ErrParams) {
				t.Errorf("%v into %v: got error %v, want ErrParams", inputs, m, err)
			}
		}
	}
	t.Logf("%d calls", cases)
}
