package model

import (
	"euryale/internal/ir"
	"euryale/internal/kernel"

	"github.com/chewxy/math32"
)

// Functions of two numbers are kernels of rows, whose operands may be one number that is repeated.

func plus(k *kernel.Set) kernel.Pairs        { return k.Plus }
func minus(k *kernel.Set) kernel.Pairs       { return k.Minus }
func times(k *kernel.Set) kernel.Pairs       { return k.Times }
func over(k *kernel.Set) kernel.Pairs        { return k.Over }
func smaller(k *kernel.Set) kernel.Pairs     { return k.Smaller }
func larger(k *kernel.Set) kernel.Pairs      { return k.Larger }
func less(k *kernel.Set) kernel.Pairs        { return k.Less }
func lessOrEqual(k *kernel.Set) kernel.Pairs { return k.LessOrEqual }
func equal(k *kernel.Set) kernel.Pairs       { return k.Equal }
func power(*kernel.Set) kernel.Pairs         { return kernel.ByRows(pow) }

func pow(y, a, b []float32, da, db int) {
	for i := range y {
		y[i] = math32.Pow(a[i*da], b[i*db])
	}
}

// binary returns the kernel of an op on two values.
func binary(f func(k *kernel.Set) kernel.Pairs) func(n *ir.Resolved, y array, in []array, s *scratch) {
	return func(_ *ir.Resolved, y array, in []array, _ *scratch) { pairwise(f(kernel.Current()), y, in[0], in[1]) }
}

// swapped returns the kernel of an op that is another one of its values in the other order.
func swapped(f func(k *kernel.Set) kernel.Pairs) func(n *ir.Resolved, y array, in []array, s *scratch) {
	return func(_ *ir.Resolved, y array, in []array, _ *scratch) { pairwise(f(kernel.Current()), y, in[1], in[0]) }
}

// pairwise sets y to a ∘ b, which are repeated along axes.
func pairwise(f kernel.Pairs, y, a, b array) {
	axes, last := mergedAxes(y.shape, steps(a.shape, y.shape), steps(b.shape, y.shape))
	column, row := axes[last], sharedAxis{size: 1}
	if last > 0 {
		last--
		row = axes[last]
	}
	to, size := y.x, row.size*column.size
	eachIndex(axes[:last], 0, 0, func(fromA, fromB int) {
		f(to[:size], column.size, kernel.Operands{X: a.x[fromA:], Row: row.a, Step: column.a}, kernel.Operands{X: b.x[fromB:], Row: row.b, Step: column.b})
		to = to[size:]
	})
}

// A sharedAxis is an axis along which two values go on in steps of one length each.
type sharedAxis struct{ size, a, b int }

// mergedAxes returns as few axes as there may be in place of those of a shape, and which is the last of them.
func mergedAxes(shape []int, a, b [ir.MaxRank]int) (list [ir.MaxRank]sharedAxis, last int) {
	list[0].size = 1
	for i, size := range shape {
		before := &list[last]
		switch own := (sharedAxis{size, a[i], b[i]}); {
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

// eachIndex calls f with where two values are for each index of axes, the last of which goes on first.
func eachIndex(axes []sharedAxis, a, b int, f func(a, b int)) {
	if len(axes) == 0 {
		f(a, b)
		return
	}
	for range axes[0].size {
		eachIndex(axes[1:], a, b, f)
		a, b = a+axes[0].a, b+axes[0].b
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
func expand(_ *ir.Resolved, y array, in []array, _ *scratch) {
	pairwise(kernel.ByRows(repeat), y, in[0], in[0])
}

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
	pairwise(kernel.ByRows(choose), y, in[0], in[1])
}

func choose(y, condition, x []float32, dc, dx int) {
	for i := range y {
		if condition[i*dc] != 0 {
			y[i] = x[i*dx]
		}
	}
}
