package model_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// TestGather looks rows up by integers of every type, before and after a file.
func TestGather(t *testing.T) {
	g := &ir.Network{
		Inputs:    []ir.Value{{Name: "x", Shape: []int{-1, 2}, Type: ir.Int64}},
		Outputs:   []ir.Value{{Name: "y"}},
		Nodes:     []ir.Node{{Op: "Gather", Name: "g", Inputs: []string{"table", "x"}, Output: "y"}},
		Constants: map[string]*ir.Constant{"table": count(4, 3)},
	}
	m := newModel(t, g, nil)
	file := bytesOf(t, m)
	loaded, err := model.Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	of := func(x any) map[string]tensor.Tensor {
		return map[string]tensor.Tensor{"x": tensor.New(tensor.WithShape(2, 2), tensor.WithBacking(x))}
	}
	want := []float32{9, 10, 11, 0, 1, 2, 3, 4, 5, 9, 10, 11}
	for _, m := range []*model.Model{m, loaded} {
		if in := m.Inputs()[0]; in.Type != model.Int64 || m.Outputs()[0].Type != model.Float32 {
			t.Errorf("got inputs %+v, outputs %+v", m.Inputs(), m.Outputs())
		}
		for _, x := range []any{[]int{3, 0, 1, 3}, []int32{3, 0, 1, 3}, []int64{3, 0, 1, 3}} {
			if got := run(t, m, of(x), "y"); !slices.Equal(got, want) {
				t.Errorf("%T: got %v, want %v", x, got, want)
			}
		}
	}
	for _, c := range []struct {
		x    any
		want error
		text string
	}{
		{[]float32{0, 1, 2, 3}, qtensor.ErrDtype, "want int"},
		{[]int{0, 1, 4, 3}, qtensor.ErrValue, "got row 4 at 2"},
		{[]int{0, -1, 0, 0}, qtensor.ErrValue, "got row -1 at 1"},
		{[]int{0, 0, 1 << 25, 0}, qtensor.ErrValue, "at most 16777216"},
	} {
		if _, err := m.Run(context.Background(), of(c.x)); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%v: got error %v, want %v that says %q", c.x, err, c.want, c.text)
		}
	}
	if got := run(t, m, of([]int{3, 0, 1, 3}), "y"); !slices.Equal(got, want) {
		t.Errorf("after an error: got %v, want %v", got, want)
	}
	if _, err := m.Run(context.Background(), map[string]tensor.Tensor{"x": (*tensor.Dense)(nil)}); err == nil {
		t.Error("nil: got no error")
	}
}
