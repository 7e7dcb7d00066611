package model

import (
	"euryale/internal/ir"
	"euryale/internal/kernel"
)

// A softmaxEnd is what is made of the sums Σ e^(x − m) along an axis, m the largest x, and then of all x by that and m:
// numbers whose step is 0 are the same for a row. y is e^(x − m) before.
type softmaxEnd struct {
	sums func(k *kernel.Set, sums []float32)
	row  func(k *kernel.Set, y, x, most, sums []float32, step int)
}

// softmax sets y = e^(x − m)/Σ e^(x − m) along Axis, m the largest x. Along the last axis, tensor v0.9.24
// looks for m with the first element of all in place of the first of each row, and gives other bits; here
// samples do not depend on others.
func softmax(n *ir.Resolved, y array, in []array, s *scratch) {
	softmaxEnd{
		func(*kernel.Set, []float32) {},
		func(k *kernel.Set, y, _, _, sums []float32, step int) { k.Over(y, y, sums, 1, step) },
	}.along(n, y, in[0], s)
}

// logSoftmax sets y = x − m − ln Σ e^(x − m) along Axis, m the largest x.
func logSoftmax(n *ir.Resolved, y array, in []array, s *scratch) {
	softmaxEnd{
		func(k *kernel.Set, sums []float32) { k.Log(sums, sums) },
		func(k *kernel.Set, y, x, most, sums []float32, step int) {
			k.Minus(y, x, most, 1, step)
			k.Minus(y, y, sums, 1, step)
		},
	}.along(n, y, in[0], s)
}

// softmaxAtOnce is about how many elements of rows, and how many columns, are computed at once: they stay in the first
// cache.
const softmaxAtOnce = 1 << 12

// along sets y along Axis.
func (end softmaxEnd) along(n *ir.Resolved, y, x array, s *scratch) {
	outer, own, inner := around(y.shape, n.Axis)
	if inner == 1 {
		end.rows(y.x, x.x, own, s)
		return
	}
	for o := range outer {
		for column := 0; column < inner; column += softmaxAtOnce {
			first := o*own*inner + column
			end.columns(y.x[first:], x.x[first:], own, inner, min(softmaxAtOnce, inner-column), s)
		}
	}
}

// rows sets y for rows of n elements.
func (end softmaxEnd) rows(y, x []float32, n int, s *scratch) {
	k, together := kernel.Current(), max(1, softmaxAtOnce/n)
	for len(x) > 0 {
		rows := min(together, len(x)/n)
		buf := s.floats(2 * rows)
		most, sums, part := buf[:rows], buf[rows:], y[:rows*n]
		k.MaxRows(most, x, n)
		for i := range rows {
			k.Minus(part[i*n:][:n], x[i*n:], most[i:], 1, 0)
		}
		k.Exp(part, part)
		k.SumRows(sums, part, n)
		end.sums(k, sums)
		for i := range rows {
			end.row(k, part[i*n:][:n], x[i*n:], most[i:], sums[i:], 0)
		}
		y, x = y[rows*n:], x[rows*n:]
	}
}

// columns sets y for columns of n elements, stride apart, so many next to each other.
func (end softmaxEnd) columns(y, x []float32, n, stride, count int, s *scratch) {
	k, buf := kernel.Current(), s.floats(2*count)
	most, sums := buf[:count], buf[count:]
	copy(most, x)
	for j := 1; j < n; j++ {
		k.Larger(most, most, x[j*stride:], 1, 1)
	}
	clear(sums)
	for j := range n {
		row := y[j*stride:][:count]
		k.Minus(row, x[j*stride:], most, 1, 1)
		k.Exp(row, row)
		k.Plus(sums, sums, row, 1, 1)
	}
	end.sums(k, sums)
	for j := range n {
		end.row(k, y[j*stride:][:count], x[j*stride:], most, sums, 1)
	}
}
