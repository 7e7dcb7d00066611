package model

import (
	"slices"

	"euryale/internal/ir"
	"euryale/internal/kernel"
)

// reduce sets y to what is made of the numbers along Axes: along the first of them, then of that along the
// next, one by one; along all axes at once, where those are all. Numbers that are next to each other are a
// row, and others rows that are joined in order.
func reduce(n *ir.Resolved, y, x array, s *scratch, rows func(dst, src []float32, n int), join kernel.Pairs) {
	shape, axes := slices.Clone(x.shape), n.Axes
	if len(axes) == len(shape) {
		shape, axes = []int{len(x.x)}, []int{0}
	}
	from, results := x.x, s.floats(len(x.x))
	for gone, axis := range axes {
		outer, own, inner := around(shape, axis-gone)
		if inner == 1 {
			rows(results[:outer], from, own) // overlaps only elements of from that were read
		} else {
			for o := range outer {
				to := results[o*inner:][:inner] // likewise
				copy(to, from[o*own*inner:])
				for j := 1; j < own; j++ {
					join(to, inner, kernel.Vector(to), kernel.Vector(from[(o*own+j)*inner:]))
				}
			}
		}
		from, shape = results[:outer*inner], slices.Delete(shape, axis-gone, axis-gone+1)
	}
	copy(y.x, from)
}

// reduceSum sets y to the sums over Axes.
func reduceSum(n *ir.Resolved, y array, in []array, s *scratch) {
	k := kernel.Current()
	reduce(n, y, in[0], s, k.SumRows, k.Plus)
}

// reduceMax sets y to the largest numbers over Axes, NaN where there is one.
func reduceMax(n *ir.Resolved, y array, in []array, s *scratch) {
	k := kernel.Current()
	reduce(n, y, in[0], s, k.MaxRows, k.Larger)
}
