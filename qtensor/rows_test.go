package qtensor_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"euryale/internal/tensortest"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// TestDequantizeRows takes rows in any order from tensors of every scheme, and wants the bits of Dequantize.
// Rows of an odd width begin in the middle of a byte where two codes share one, and groups begin in the
// middle of a row.
func TestDequantizeRows(t *testing.T) {
	for _, shape := range [][]int{{1}, {7}, {1, 1}, {5, 1}, {1, 9}, {6, 7}, {6, 8}, {9, 33}, {4, 3, 5}, {3, 5, 1, 7}} {
		rows, width := shape[0], tensor.Shape(shape).TotalSize()/shape[0]
		x := make([]float32, rows*width)
		for i := range x {
			x[i] = float32((i*7919)%101-40) / 3 * float32(1+i%4)
		}
		var lists [][]int
		all := make([]int, rows)
		for row := range rows {
			all[row] = row
			lists = append(lists, []int{row})
		}
		back := slices.Clone(all)
		slices.Reverse(back)
		lists = append(lists, nil, all, back, []int{rows - 1, 0, rows / 2, rows - 1, rows - 1})
		for _, s := range schemesFor(len(shape)) {
			q := mustQuantize(t, newTensor(x, shape...), s)
			values := valuesOf(t, q)
			for _, list := range lists {
				want := []float32{}
				for _, row := range list {
					want = append(want, values[row*width:][:width]...)
				}
				got := slices.Repeat([]float32{nan}, len(want))
				if err := q.DequantizeRows(got, list); err != nil || !tensortest.SameBits(got, want) {
					t.Errorf("%v of %v, rows %v: got %v, %v, want %v", s, shape, list, got, err, want)
				}
			}
		}
	}
}

func TestDequantizeRowsRefuses(t *testing.T) {
	matrix := mustQuantize(t, newTensor([]float32{1, -2, 3, 4, 5, -6}, 2, 3), qtensor.Int4())
	scalar := mustQuantize(t, tensor.New(tensor.FromScalar(float32(1))), qtensor.Symmetric(8))
	for _, c := range []struct {
		name string
		q    *qtensor.QTensor
		room int
		rows []int
		want error
		text string
	}{
		{"behind the last", matrix, 6, []int{0, 2}, qtensor.ErrValue, "qtensor: DequantizeRows: wrong value: got row 2 at 1, want 0 to 1"},
		{"negative", matrix, 6, []int{-1, 0}, qtensor.ErrValue, "got row -1 at 0, want 0 to 1"},
		{"far behind", matrix, 3, []int{1 << 30}, qtensor.ErrValue, "got row 1073741824 at 0"},
		{"little room", matrix, 5, []int{0, 1}, qtensor.ErrShape, "got dst of 5 and 2 rows, want 3 for each"},
		{"much room", matrix, 7, []int{0, 1}, qtensor.ErrShape, "want 3 for each"},
		{"room for no rows", matrix, 3, nil, qtensor.ErrShape, "want 3 for each"},
		{"scalar", scalar, 1, []int{0}, qtensor.ErrShape, "got a scalar, want rows"},
		{"zero", new(qtensor.QTensor), 0, nil, qtensor.ErrScheme, "zero QTensor"},
	} {
		dst := make([]float32, c.room)
		err := c.q.DequantizeRows(dst, c.rows)
		wantError(t, c.name, err, c.want)
		if err != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: error %q does not say %q", c.name, err, c.text)
		}
		if slices.ContainsFunc(dst, func(x float32) bool { return x != 0 }) {
			t.Errorf("%s: dst became %v", c.name, dst)
		}
	}
}

// TestDequantizeRowsAtOnce has goroutines take rows of one tensor.
func TestDequantizeRowsAtOnce(t *testing.T) {
	const rows, width = 40, 9
	for _, s := range []qtensor.Scheme{qtensor.Int4().PerGroup(0, 4), qtensor.UInt4(), qtensor.PerChannelSymmetric(8, 1), qtensor.Float16()} {
		x := make([]float32, rows*width)
		for i := range x {
			x[i] = float32(i%37) - 11
		}
		q := mustQuantize(t, newTensor(x, rows, width), s)
		want := valuesOf(t, q)
		var wait sync.WaitGroup
		for g := range 8 {
			wait.Go(func() {
				got := make([]float32, width)
				for row := range rows {
					row = (row + 5*g) % rows
					if err := q.DequantizeRows(got, []int{row}); err != nil || !tensortest.SameBits(got, want[row*width:][:width]) {
						t.Errorf("%v: row %d is %v, %v", s, row, got, err)
					}
				}
			})
		}
		wait.Wait()
	}
}
