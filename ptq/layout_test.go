package ptq_test

import (
	"bytes"
	"testing"

	"euryale/model"
	"euryale/ptq"

	"gorgonia.org/tensor"
)

// laid returns tensors of other layouts with the numbers of w.
func laid(t *testing.T, w *tensor.Dense) map[string]*tensor.Dense {
	t.Helper()
	shape := w.Shape()
	transposed := make([]int, len(shape))
	wider, longer := shape.Clone(), shape.Clone()
	columns, rows := make([]tensor.Slice, len(shape)), make([]tensor.Slice, len(shape))
	last := len(shape) - 1
	for i, n := range shape {
		transposed[last-i] = n
	}
	wider[last] += 3
	longer[0] += 3
	columns[last], rows[0] = tensor.S(1, 1+shape[last]), tensor.S(2, 2+shape[0])
	made := map[string]*tensor.Dense{
		"column-major":    tensor.New(tensor.AsFortran(nil), tensor.WithShape(shape...), tensor.Of(w.Dtype())),
		"transposed view": tensor.New(tensor.WithShape(transposed...), tensor.Of(w.Dtype())),
	}
	if err := made["transposed view"].T(); err != nil {
		t.Fatal(err)
	}
	for name, of := range map[string]struct {
		shape tensor.Shape
		part  []tensor.Slice
	}{"column slice": {wider, columns}, "row slice": {longer, rows}} {
		view, err := tensor.New(tensor.WithShape(of.shape...), tensor.Of(w.Dtype())).Slice(of.part...)
		if err != nil {
			t.Fatal(err)
		}
		if view.Shape().Eq(shape) { // but for axes of size 1, which a slice drops
			made[name] = view.(*tensor.Dense)
		}
	}
	for _, d := range made {
		for i := range shape.TotalSize() {
			at, rest := make([]int, len(shape)), i
			for axis := last; axis >= 0; axis-- {
				at[axis], rest = rest%shape[axis], rest/shape[axis]
			}
			x, err := w.At(at...)
			if err == nil {
				err = d.SetAt(x, at...)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return made
}

// TestLayouts: weights in any layout give the model of row-major ones, to the bit, and are compared with
// Gorgonia.
func TestLayouts(t *testing.T) {
	count := 0
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		s := newSmall(t, dtype)
		file := func(what string) []byte {
			t.Helper()
			m, r, err := quantizeBuild(t.Context(), s.build, s.samples(), ptq.Config{Activations: model.StaticInt8})
			if err != nil || r.Read.NotCompared != "" {
				t.Fatalf("%s: error %v, or not compared: %v", what, err, r)
			}
			var b bytes.Buffer
			if err := m.Write(&b); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}
		want := file("row-major")
		for name, w := range s.values {
			for layout, other := range laid(t, w) {
				count++
				s.values[name] = other
				if got := file(name + ", " + layout); !bytes.Equal(got, want) {
					t.Errorf("%v, %s of %s: another model than of row-major", dtype, layout, name)
				}
			}
			s.values[name] = w
		}
	}
	t.Logf("%d models", count)
}
