package ops_test

import (
	"fmt"
	"slices"
	"testing"

	"euryale/internal/tensortest"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestTrapRankIsNotInTheType: Gorgonia does not compare ranks by type, so an op must.
func TestTrapRankIsNotInTheType(t *testing.T) {
	w := mustWeight(t, 1, 3, 2)
	g := gorgonia.NewGraph()
	shapes := [][]int{{3}, {4, 3}, {2, 4, 3}, {2, 2, 4, 3}}
	for i, shape := range shapes {
		x := input(g, fmt.Sprint("x", i), tensor.Float32, shape...)
		y := mustLinear(t, x, w)
		want := append(slices.Clone(shape[:i]), 2)
		if !slices.Equal(y.Shape(), want) || y.Dims() != i+1 || y.Dtype() != tensor.Float32 {
			t.Errorf("Linear of %v has shape %v, rank %d and type %v, want %v", shape, y.Shape(), y.Dims(), y.Dtype(), want)
		}
		for j, other := range shapes {
			if j == i {
				continue
			}
			_, err := gorgonia.ApplyOp(y.Op(), input(g, fmt.Sprint("y", j), tensor.Float32, other...))
			if err == nil {
				t.Errorf("the op for rank %d took a node of rank %d", i+1, j+1)
			}
			_, err = y.Op().InferShape(tensor.Shape(other))
			wantError(t, fmt.Sprintf("InferShape of rank %d by the op for rank %d", j+1, i+1), err, qtensor.ErrShape,
				"linear(3, 2)", fmt.Sprint(tensor.Shape(other)), fmt.Sprintf("want %d dimensions", i+1))
		}
	}
	op := mustOp(t, tensor.Float32, 2, w)
	for _, c := range []struct {
		name   string
		inputs []gorgonia.DimSizer
		part   string
	}{
		{"no inputs", nil, "got 0 inputs, want 1"},
		{"two inputs", []gorgonia.DimSizer{tensor.Shape{4, 3}, tensor.Shape{4, 3}}, "got 2 inputs, want 1"},
		{"nil", []gorgonia.DimSizer{nil}, "got a <nil>, want a shape"},
		{"another depth", []gorgonia.DimSizer{tensor.Shape{4, 2}}, "x is (4, 2), want (…, 3)"},
	} {
		_, err := op.InferShape(c.inputs...)
		wantError(t, c.name, err, qtensor.ErrShape, "ops: linear(3, 2)", c.part)
	}
}

// TestTrapRowSliceIsAVector: [0:1] drops an axis, of a node and of a value alike, and Let takes a vector for
// a matrix of one row.
func TestTrapRowSliceIsAVector(t *testing.T) {
	w := mustWeight(t, 1, 3, 2)
	data := gaussian(2, 12)
	want := mustDo(t, mustOp(t, tensor.Float32, 1, w), newTensor(data[3:6], 3))
	inMachines(t, func(t *testing.T, newRunner func(*gorgonia.ExprGraph) *runner) {
		g := gorgonia.NewGraph()
		x := input(g, "x", tensor.Float32, 1, 3)
		y := mustLinear(t, x, w)
		row := mustSlice(t, newTensor(data, 4, 3), gorgonia.S(1, 2))
		if row.Dims() != 1 {
			t.Fatalf("a row slice has shape %v: the trap is gone", row.Shape())
		}
		newRunner(g).mustRun(t, x, row)
		if got := y.Value(); !slices.Equal(got.Shape(), tensor.Shape{1, 2}) || !tensortest.SameBits(got.Data().([]float32), want) {
			t.Errorf("a vector in a matrix node gives %v %v, want (1, 2) %v", got.Shape(), got.Data(), want)
		}
	})
	// A column slice is a vector too. It is refused, not read as a row.
	column := mustSlice(t, newTensor(data, 4, 3), nil, gorgonia.S(1, 2))
	_, err := mustOp(t, tensor.Float32, 2, mustWeight(t, 3, 1, 2)).Do(column)
	wantError(t, "a column as a vector", err, qtensor.ErrShape, "x is (1, 4)", "want (…, 1)")
}

// TestTrapBatchSizeIsInTheGraph: an input takes values of one batch size alone. The layers do not care.
func TestTrapBatchSizeIsInTheGraph(t *testing.T) {
	w := mustWeight(t, 1, 3, 2)
	g := gorgonia.NewGraph()
	x := input(g, "x", tensor.Float32, 4, 3)
	y := mustLinear(t, x, w)
	if err := gorgonia.Let(x, newTensor(gaussian(2, 6), 2, 3)); err == nil {
		t.Fatal("Let took another batch size: the trap is gone")
	}
	data := gaussian(3, 12)
	all := mustDo(t, y.Op(), newTensor(data, 4, 3))
	for m := 1; m <= 4; m++ {
		if got := mustDo(t, y.Op(), newTensor(data[:3*m], m, 3)); !tensortest.SameBits(got, all[:2*m]) {
			t.Errorf("batch of %d: %v, want %v", m, got, all[:2*m])
		}
	}
}
