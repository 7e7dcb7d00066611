package model

import (
	"euryale/internal/ir"
	"euryale/internal/kernel"

	"github.com/chewxy/math32"
)

// Functions of two numbers are kernels of rows, whose operands may be one number that is repeated.

func plus(k *kernel.Set) kernel.Pairs           { return k.Plus }
func minus(k *kernel.Set) kernel.Pairs          { return k.Minus }
func times(k *kernel.Set) kernel.Pairs          { return k.Times }
func over(k *kernel.Set) kernel.Pairs           { return k.Over }
func smaller(k *kernel.Set) kernel.Pairs        { return k.Smaller }
func larger(k *kernel.Set) kernel.Pairs         { return k.Larger }
func less(k *kernel.Set) kernel.Pairs           { return k.Less }
func lessOrEqual(k *kernel.Set) kernel.Pairs    { return k.LessOrEqual }
func equal(k *kernel.Set) kernel.Pairs          { return k.Equal }
func greater(k *kernel.Set) kernel.Pairs        { return k.Greater }
func greaterOrEqual(k *kernel.Set) kernel.Pairs { return k.GreaterOrEqual }
func power(*kernel.Set) kernel.Pairs            { return pow }

func pow(y, a, b []float32, da, db int) {
	for i := range y {
		y[i] = math32.Pow(a[i*da], b[i*db])
	}
}

// binary returns the kernel of an op on two values.
func binary(f func(k *kernel.Set) kernel.Pairs) func(n *ir.Resolved, y array, in []array, s *scratch) {
	return func(_ *ir.Resolved, y array, in []array, _ *scratch) { pairwise(f(kernel.Current()), y, in[0], in[1]) }
}

// pairwise sets y to a ∘ b, which are repeated along axes.
func pairwise(f kernel.Pairs, y, a, b array) {
	axes, last := sharedAxes(y.shape, a.shape, b.shape)
	var at [ir.MaxRank]int
	var fromA, fromB int
	n := axes[last].size
	for to := 0; to < len(y.x); to += n {
		f(y.x[to:][:n], a.x[fromA:], b.x[fromB:], axes[last].a, axes[last].b)
		for d := last - 1; d >= 0; d-- {
			at[d]++
			fromA, fromB = fromA+axes[d].a, fromB+axes[d].b
			if at[d] < axes[d].size {
				break
			}
			fromA, fromB = fromA-at[d]*axes[d].a, fromB-at[d]*axes[d].b
			at[d] = 0
		}
	}
}

// A sharedAxis is axes of a result that two operands go along in steps of one length each.
type sharedAxis struct{ size, a, b int }

// sharedAxes returns as few axes as there may be, and which is the last of them. The steps along that are 0 or 1.
func sharedAxes(y, a, b []int) (list [ir.MaxRank]sharedAxis, last int) {
	sa, sb := steps(a, y), steps(b, y)
	list[0].size = 1
	for i, size := range y {
		before := &list[last]
		switch own := (sharedAxis{size, sa[i], sb[i]}); {
		case size == 1:
		case before.size == 1:
			*before = own
		case before.a == size*own.a && before.b == size*own.b:
			*before = sharedAxis{before.size * size, own.a, own.b}
		default:
			last++
			list[last] = own
		}
	}
	return list, last
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

// variadic returns the kernel of an operation on any number of values, from the first on.
func variadic(f func(k *kernel.Set) kernel.Pairs) func(n *ir.Resolved, y array, in []array, s *scratch) {
	return func(n *ir.Resolved, y array, in []array, s *scratch) {
		expand(n, y, in, s)
		for _, x := range in[1:] {
			pairwise(f(kernel.Current()), y, y, x)
		}
	}
}

// expand sets y to in[0], repeated along axes.
func expand(_ *ir.Resolved, y array, in []array, _ *scratch) { pairwise(repeat, y, in[0], in[0]) }

func repeat(y, x, _ []float32, dx, _ int) {
	if dx == 1 {
		copy(y, x)
		return
	}
	for i := range y {
		y[i] = x[0]
	}
}

// where sets y to in[1] where in[0] is true, and to in[2] where it is not.
func where(n *ir.Resolved, y array, in []array, s *scratch) {
	expand(n, y, in[2:], s)
	pairwise(choose, y, in[0], in[1])
}

func choose(y, condition, x []float32, dc, dx int) {
	for i := range y {
		if condition[i*dc] != 0 {
			y[i] = x[i*dx]
		}
	}
}
