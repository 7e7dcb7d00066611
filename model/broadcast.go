package model

import (
	"euryale/internal/ir"

	"github.com/chewxy/math32"
)

// A row sets y[i] = a[i·da] ∘ b[i·db] for every i, with steps of 0 or 1.
type row func(y, a, b []float32, da, db int)

func add(y, a, b []float32, da, db int) {
	for i := range y {
		y[i] = a[i*da] + b[i*db]
	}
}

func sub(y, a, b []float32, da, db int) {
	for i := range y {
		y[i] = a[i*da] - b[i*db]
	}
}

func mul(y, a, b []float32, da, db int) {
	for i := range y {
		y[i] = a[i*da] * b[i*db]
	}
}

func div(y, a, b []float32, da, db int) {
	for i := range y {
		y[i] = a[i*da] / b[i*db]
	}
}

func pow(y, a, b []float32, da, db int) {
	for i := range y {
		y[i] = math32.Pow(a[i*da], b[i*db])
	}
}

// binary returns the kernel of an op on two values.
func binary(f row) func(n *ir.Resolved, y array, in []array, s *scratch) {
	return func(_ *ir.Resolved, y array, in []array, _ *scratch) {
		a, b := in[0], in[1]
		if len(a.x) == len(y.x) && len(b.x) == len(y.x) {
			f(y.x, a.x, b.x, 1, 1)
			return
		}
		sa, sb := steps(a.shape, y.shape), steps(b.shape, y.shape)
		last := len(y.shape) - 1 // there is one, since the sizes differ
		n := y.shape[last]
		var at [ir.MaxRank]int
		var fromA, fromB int
		for to := 0; to < len(y.x); to += n {
			f(y.x[to:][:n], a.x[fromA:], b.x[fromB:], sa[last], sb[last])
			for d := last - 1; d >= 0; d-- {
				at[d]++
				fromA, fromB = fromA+sa[d], fromB+sb[d]
				if at[d] < y.shape[d] {
					break
				}
				fromA, fromB = fromA-at[d]*sa[d], fromB-at[d]*sb[d]
				at[d] = 0
			}
		}
	}
}

// steps returns the strides of a value along the axes of a result that it is broadcast to, 0 where it is
// repeated.
func steps(shape, result []int) (s [ir.MaxRank]int) {
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		if shape[i] > 1 {
			s[i+len(result)-len(shape)] = step
		}
		step *= shape[i]
	}
	return s
}

func smaller(y, a, b []float32, da, db int) {
	for i := range y {
		y[i] = min(a[i*da], b[i*db])
	}
}

func larger(y, a, b []float32, da, db int) {
	for i := range y {
		y[i] = max(a[i*da], b[i*db])
	}
}

// compared returns the row of a comparison: 1 where it is true, 0 where it is not.
func compared(f func(a, b float32) bool) row {
	return func(y, a, b []float32, da, db int) {
		for i := range y {
			y[i] = 0
			if f(a[i*da], b[i*db]) {
				y[i] = 1
			}
		}
	}
}

// variadic returns the kernel of an operation on any number of values, from the first on.
func variadic(f row) func(n *ir.Resolved, y array, in []array, s *scratch) {
	apply := binary(f)
	return func(n *ir.Resolved, y array, in []array, s *scratch) {
		expand(n, y, in, s)
		for _, x := range in[1:] {
			apply(n, y, []array{y, x}, s)
		}
	}
}

// expand sets y to in[0], repeated along axes.
func expand(n *ir.Resolved, y array, in []array, s *scratch) {
	repeat := func(y, x, _ []float32, dx, _ int) {
		for i := range y {
			y[i] = x[i*dx]
		}
	}
	binary(repeat)(n, y, []array{in[0], in[0]}, s)
}

// where sets y to in[1] where in[0] is true, and to in[2] where it is not.
func where(n *ir.Resolved, y array, in []array, s *scratch) {
	choose := func(y, condition, x []float32, dc, dx int) {
		for i := range y {
			if condition[i*dc] != 0 {
				y[i] = x[i*dx]
			}
		}
	}
	variadic(add)(n, y, in[2:], s)
	binary(choose)(n, y, in[:2], s)
}
