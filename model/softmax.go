package model

import (
	"euryale/internal/ir"
	"euryale/internal/kernel"
)

// A softmaxEnd is what is made of the sums Σ e^(x − m) along an axis, m the largest x, and then of y = e^(x −
// m), rows of n elements, by that, x and m.
type softmaxEnd struct {
	sums    func(k *kernel.Set, sums []float32)
	results func(k *kernel.Set, y []float32, n int, x, most, sums kernel.Operands)
}

// softmax sets y = e^(x − m)/Σ e^(x − m) along Axis, m the largest x. Along the last axis, tensor v0.9.24
// looks for m with the first element of all in place of the first of each row, and gives other bits; here
// samples do not depend on others.
func softmax(n *ir.Resolved, y array, in []array, s *scratch) {
	softmaxEnd{
		func(*kernel.Set, []float32) {},
		func(k *kernel.Set, y []float32, n int, _, _, sums kernel.Operands) { k.Over(y, n, rowsOf(y, n), sums) },
	}.along(n, y, in[0], s)
}

// logSoftmax sets y = x − m − ln Σ e^(x − m) along Axis, m the largest x.
func logSoftmax(n *ir.Resolved, y array, in []array, s *scratch) {
	softmaxEnd{
		func(k *kernel.Set, sums []float32) { k.Log(sums, sums) },
		func(k *kernel.Set, y []float32, n int, x, most, sums kernel.Operands) {
			k.Minus(y, n, x, most)
			k.Minus(y, n, rowsOf(y, n), sums)
		},
	}.along(n, y, in[0], s)
}

// rowsOf returns the operands that are rows of n elements, one after the other.
func rowsOf(x []float32, n int) kernel.Operands { return kernel.Operands{X: x, Row: n, Step: 1} }

// softmaxAtOnce is about how many elements of rows, and how many columns, are computed at once: they stay in
// the first cache.
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
		operands, largest := rowsOf(x, n), kernel.Operands{X: most, Row: 1}
		k.Minus(part, n, operands, largest)
		k.Exp(part, part)
		k.SumRows(sums, part, n)
		end.sums(k, sums)
		end.results(k, part, n, operands, largest, kernel.Operands{X: sums, Row: 1})
		y, x = y[rows*n:], x[rows*n:]
	}
}

// columns sets y for columns of n elements, stride apart, so many next to each other.
func (end softmaxEnd) columns(y, x []float32, n, stride, count int, s *scratch) {
	k, buf := kernel.Current(), s.floats(2*count)
	most, sums := buf[:count], buf[count:]
	largest, sum := kernel.Vector(most), kernel.Vector(sums)
	copy(most, x)
	for j := 1; j < n; j++ {
		k.Larger(most, count, largest, kernel.Vector(x[j*stride:]))
	}
	clear(sums)
	for j := range n {
		row := y[j*stride:][:count]
		k.Minus(row, count, kernel.Vector(x[j*stride:]), largest)
		k.Exp(row, row)
		k.Plus(sums, count, sum, kernel.Vector(row))
	}
	end.sums(k, sums)
	for j := range n {
		end.results(k, y[j*stride:][:count], count, kernel.Vector(x[j*stride:]), largest, sum)
	}
}
