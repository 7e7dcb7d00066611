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

// runs is the Run of an ir.Op.
type runs func(ctx context.Context, batch int, in []ir.Array) (ir.Array, error)

// code is an operation that is code.
type code struct {
	what string
	out  []int // the shape of the result
	run  runs
}

func (c code) String() string { return c.what }

func (c code) Shape([][]int) ([]int, error) { return c.out, nil }

func (c code) Run(ctx context.Context, batch int, in []ir.Array) (ir.Array, error) {
	return c.run(ctx, batch, in)
}

// reversing is x, an operation that returns its rows backwards, and a layer on them.
func reversing(run runs) *ir.Network {
	return &ir.Network{
		Inputs:  []ir.Value{{Name: "x", Shape: []int{-1, 3}}},
		Outputs: []ir.Value{{Name: "y"}},
		Nodes: []ir.Node{
			{Op: "Gemm", Name: "first", Inputs: []string{"x", "w"}, Output: "h"},
			{Op: "Foreign", Name: "reverse", Inputs: []string{"h"}, Output: "t", Foreign: code{"reverseOp", []int{-1, 3}, run}},
			{Op: "Gemm", Name: "second", Inputs: []string{"t", "w"}, Output: "y"},
		},
		Constants: map[string]*ir.Constant{"w": values([]int{3, 3}, 1, 0, 0, 0, 2, 0, 0, 0, 3)},
	}
}

func reverse(_ context.Context, batch int, in []ir.Array) (ir.Array, error) {
	x := slices.Clone(in[0].Data)
	slices.Reverse(x)
	if !slices.Equal(in[0].Shape, []int{batch, 3}) {
		return ir.Array{}, errors.New("got another shape than the batch")
	}
	return ir.Array{Shape: in[0].Shape, Data: x}, nil
}

func TestForeign(t *testing.T) {
	g := reversing(reverse)
	m := newModel(t, g, nil)
	in := batchOf(1, 2, 3)
	copy(in["x"].Data().([]float32), []float32{1, 2, 1, 0, 10, 2})
	if got, want := run(t, m, in, "y"), []float32{6, 40, 0, 3, 8, 3}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	static := newModel(t, g, quantized(t, g, in, "static-int8"))
	if quantized := static.QuantizedValues(); quantized != nil {
		t.Errorf("%v are kept quantized for code", quantized)
	}
	if db := sqnr(run(t, static, in, "y"), run(t, m, in, "y")); !(db > 25) {
		t.Errorf("static-int8 is at %.1f dB", db)
	}
	for _, err := range []error{m.Save(t.TempDir() + "/model"), m.Write(io.Discard)} {
		if !errors.Is(err, model.ErrForeign) || !strings.Contains(err.Error(), "reverseOp") || !strings.Contains(err.Error(), `"reverse"`) {
			t.Errorf("got error %v, want ErrForeign that names node and operation", err)
		}
	}
}

func TestForeignFails(t *testing.T) {
	failed := errors.New("failed")
	for _, c := range []struct {
		run  runs
		want error
	}{
		{func(context.Context, int, []ir.Array) (ir.Array, error) { return ir.Array{}, failed }, failed},
		{func(context.Context, int, []ir.Array) (ir.Array, error) {
			return ir.Array{Data: make([]float32, 2)}, nil
		}, qtensor.ErrShape},
	} {
		m := newModel(t, reversing(c.run), nil)
		_, err := m.Run(context.Background(), batchOf(1, 2, 3))
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), "reverseOp") {
			t.Errorf("got error %v, want %v of reverseOp", err, c.want)
		}
	}
	g := reversing(reverse)
	g.Nodes[1].Foreign = code{"reverseOp", []int{-1, -1}, reverse}
	if _, err := model.New(g, nil); !errors.Is(err, qtensor.ErrShape) {
		t.Errorf("two free axes: got error %v", err)
	}
	g.Nodes[1].Foreign = nil
	if _, err := model.New(g, nil); !errors.Is(err, qtensor.ErrParams) {
		t.Errorf("no code: got error %v", err)
	}
	g.Nodes[1].Op, g.Nodes[1].Foreign = "Relu", code{"reverseOp", []int{-1, 3}, reverse}
	if _, err := model.New(g, nil); !errors.Is(err, qtensor.ErrParams) {
		t.Errorf("code of another operation: got error %v", err)
	}
}
