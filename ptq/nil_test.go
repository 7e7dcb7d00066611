package ptq_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"euryale/internal/flow"
	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestNilArguments leaves out every combination of what Quantize takes.
func TestNilArguments(t *testing.T) {
	build, samples := floatNet(layered("a"), tensor.Float32)
	cases := 0
	for left := range 8 {
		cases++
		ctx, b, s := t.Context(), ptq.Build(build), samples
		if left&1 > 0 {
			ctx = nil
		}
		if left&2 > 0 {
			b = nil
		}
		if left&4 > 0 {
			s = nil
		}
		m, r, err := ptq.Quantize(ctx, b, s, ptq.Config{})
		if left == 0 && err != nil || left > 0 && (!errors.Is(err, qtensor.ErrParams) || m != nil || r != nil) {
			t.Errorf("left out %03b: got %v, %v, error %v, want ErrParams", left, m, r, err)
		}
	}
	t.Logf("%d combinations", cases)
}

// TestReportOfNothing asks nil and zero reports, and layers.
func TestReportOfNothing(t *testing.T) {
	for _, r := range []*ptq.Report{
		nil,
		{},
		{Layers: make([]ptq.Layer, 1), Outputs: make([]ptq.Output, 1)},
		{Layers: []ptq.Layer{{Quantized: true}}},
	} {
		float, quantized := r.Bytes()
		if text := r.String(); float != 0 || quantized != 0 || !strings.HasPrefix(text, "layer") ||
			strings.Contains(text, "NaN") {
			t.Errorf("%+v: got %d and %d bytes, and\n%s", r, float, quantized, text)
		}
	}
	for _, a := range []model.Activations{math.MinInt, -1, 0, 5, math.MaxInt} {
		if text := a.String(); text == "" || a != 0 && text != fmt.Sprintf("Activations(%d)", int(a)) {
			t.Errorf("%d: got %q", int(a), text)
		}
	}
}

// TestReportNames has names that would tear the table, at each place of it: as many lines as with plain ones,
// and as wide.
func TestReportNames(t *testing.T) {
	report := func(name string) *ptq.Report {
		return &ptq.Report{
			Layers: []ptq.Layer{
				{Name: name, Op: name, Reason: name},
				{Name: name, Op: "Gemm", Quantized: true, Weights: name, Activations: model.StaticInt8, FloatBytes: 4, Bytes: 1},
				{Name: name, Op: "Gather", Quantized: true, Weights: name},
			},
			Kept: []string{name, "Relu " + name}, OnCodes: []string{name}, Outputs: []ptq.Output{{Name: name}},
			Unverified: "why " + name,
		}
	}
	lines := strings.Count(report("w").String(), "\n")
	for _, name := range []string{
		"", " ", "\n", "\t", "\v", "\f", "\r", "\x00", "\xff", "a\xffb", "a\tb\nc", "\u0085",
		"\x1b[2J", "名", "100%", "%s%d", `"`,
	} {
		text := report(name).String()
		if got := strings.Count(text, "\n"); got != lines || strings.ContainsAny(text, "\t\v\f\r\x00\x1b") ||
			strings.Contains(text, "%!") {
			t.Errorf("%q: got %d lines, want %d:\n%s", name, got, lines, text)
		}
		for _, bad := range []string{"\xff", "\u0085"} {
			if strings.Contains(text, bad) {
				t.Errorf("%q: %q in\n%s", name, bad, text)
			}
		}
	}
}

// panicking is a model of x (batch, 2) that panics with a value.
func panicking(t *testing.T, with any) *model.Model {
	t.Helper()
	m, err := model.New(&flow.Graph{
		Inputs: []flow.Value{{Name: "x", Shape: []int{flow.Batch, 2}}}, Outputs: []flow.Value{{Name: "y"}},
		Nodes: []flow.Node{{Op: "Call", Name: "bad", Inputs: []string{"x"}, Output: "y"}},
		Calls: map[string]*flow.Call{"bad": {
			What: "bad", Shape: []int{flow.Batch, 2},
			Run: func(context.Context, int, []flow.Tensor) (flow.Tensor, error) { panic(with) },
		}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestEmbedPanics has what the model runs panic in the goroutine of each machine: an error, and the process
// goes on.
func TestEmbedPanics(t *testing.T) {
	for _, with := range []any{"slipped", errMine, 3, struct{}{}} {
		for _, lisp := range []bool{false, true} {
			g := gorgonia.NewGraph()
			x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName("x"), gorgonia.WithShape(3, 2),
				gorgonia.WithValue(draw(tensor.Float32, 1, 1, 3, 2)))
			if _, err := ptq.Embed(panicking(t, with), map[string]*gorgonia.Node{"x": x}); err != nil {
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
			if !errors.Is(err, ptq.ErrPanic) || !strings.Contains(err.Error(), fmt.Sprint(with)) {
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
	out, err := ptq.Embed(m, map[string]*gorgonia.Node{"x": at("x", 6), "s": at("s", 3)})
	if err != nil {
		t.Fatal(err)
	}
	values := []gorgonia.Value{
		nil, (*tensor.Dense)(nil), &tensor.Dense{}, gorgonia.NewF32(1), (*gorgonia.F32)(nil),
		draw(tensor.Float32, 1, 1, 5, 6), draw(tensor.Float32, 1, 1, 5, 3), draw(tensor.Float64, 1, 1, 5, 3),
		draw(tensor.Float32, 1, 1, 4, 3), words(1, 5, 3), tensor.New(tensor.WithShape(5, 3), tensor.Of(tensor.String)),
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
		"a constant of no graph": gorgonia.NewConstant(draw(tensor.Float32, 1, 1, 5, 3)),
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
			if out, err := ptq.Embed(m, inputs); err == nil || out != nil {
				t.Errorf("%s: got %v, error %v, want an error", name, out, err)
			}
		}
	}
	for _, m := range []*model.Model{nil, {}} {
		for _, inputs := range []map[string]*gorgonia.Node{nil, {}, {"x": at(g, "x", 6)}, {"x": nil}, {"x": {}}} {
			cases++
			if _, err := ptq.Embed(m, inputs); !errors.Is(err, qtensor.ErrParams) {
				t.Errorf("%v into %v: got error %v, want ErrParams", inputs, m, err)
			}
		}
	}
	t.Logf("%d calls", cases)
}
