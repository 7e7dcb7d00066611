package model_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"
)

// reversing is x, a call that returns its rows backwards, and a layer on them.
func reversing(run func(ctx context.Context, batch int, in []ir.Constant) (ir.Constant, error)) *ir.Network {
	return &ir.Network{
		Inputs:  []ir.Value{{Name: "x", Shape: []int{-1, 3}}},
		Outputs: []ir.Value{{Name: "y"}},
		Nodes: []ir.Node{
			{Op: "Gemm", Name: "first", Inputs: []string{"x", "w"}, Output: "h"},
			{Op: "Call", Name: "reverse", Inputs: []string{"h"}, Output: "t"},
			{Op: "Gemm", Name: "second", Inputs: []string{"t", "w"}, Output: "y"},
		},
		Constants: map[string]*ir.Constant{"w": values([]int{3, 3}, 1, 0, 0, 0, 2, 0, 0, 0, 3)},
		Calls:     map[string]*ir.Call{"reverse": {What: "reverseOp", Shape: []int{-1, 3}, Run: run}},
	}
}

func reverse(_ context.Context, batch int, in []ir.Constant) (ir.Constant, error) {
	x := slices.Clone(in[0].Data)
	slices.Reverse(x)
	if !slices.Equal(in[0].Shape, []int{batch, 3}) {
		return ir.Constant{}, errors.New("got another shape than the batch")
	}
	return ir.Constant{Shape: in[0].Shape, Data: x}, nil
}

func TestCall(t *testing.T) {
	g := reversing(reverse)
	m := newModel(t, g, nil)
	in := batchOf(1, 2, 3)
	copy(in["x"].Data().([]float32), []float32{1, 2, 1, 0, 10, 2})
	if got, want := run(t, m, in, "y"), []float32{6, 40, 0, 3, 8, 3}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	static := newModel(t, g, quantized(t, g, in, "static-int8"))
	if quantized := static.QuantizedValues(); quantized != nil {
		t.Errorf("%v are kept quantized for a call", quantized)
	}
	if db := sqnr(run(t, static, in, "y"), run(t, m, in, "y")); !(db > 25) {
		t.Errorf("static-int8 is at %.1f dB", db)
	}
	for _, err := range []error{m.Save(t.TempDir() + "/model"), m.Write(io.Discard)} {
		if !errors.Is(err, model.ErrCall) || !strings.Contains(err.Error(), "reverseOp") || !strings.Contains(err.Error(), `"reverse"`) {
			t.Errorf("got error %v, want ErrCall that names node and operation", err)
		}
	}
}

func TestCallFails(t *testing.T) {
	failed := errors.New("failed")
	for _, c := range []struct {
		run  func(ctx context.Context, batch int, in []ir.Constant) (ir.Constant, error)
		want error
	}{
		{func(context.Context, int, []ir.Constant) (ir.Constant, error) { return ir.Constant{}, failed }, failed},
		{func(context.Context, int, []ir.Constant) (ir.Constant, error) { return *count(2), nil }, qtensor.ErrShape},
	} {
		m := newModel(t, reversing(c.run), nil)
		_, err := m.Run(context.Background(), batchOf(1, 2, 3))
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), "reverseOp") {
			t.Errorf("got error %v, want %v of reverseOp", err, c.want)
		}
	}
	g := reversing(nil)
	if _, err := model.New(g, nil); !errors.Is(err, qtensor.ErrParams) {
		t.Errorf("no code: got error %v", err)
	}
	g = reversing(reverse)
	g.Calls["reverse"].Shape = []int{-1, -1}
	if _, err := model.New(g, nil); !errors.Is(err, qtensor.ErrShape) {
		t.Errorf("two free axes: got error %v", err)
	}
	g.Calls = nil
	if _, err := model.New(g, nil); !errors.Is(err, qtensor.ErrParams) {
		t.Errorf("no call: got error %v", err)
	}
}
