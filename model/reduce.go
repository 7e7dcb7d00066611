package model

import (
	"math"
	"slices"

	"euryale/internal/ir"
	"euryale/internal/kernel"
)

// reduce calls f with every element of x and the index in y that it is reduced to.
func reduce(n *ir.Resolved, y, x array, f func(to int, v float32)) {
	var step, at [ir.MaxRank]int // of y, along the axes of x
	own := steps(y.shape, y.shape)
	next, kept := 0, len(y.shape) == len(x.shape) // axes of size 1
	for i := range x.shape {
		reduced := slices.Contains(n.Axes, i)
		if !reduced {
			step[i] = own[next]
		}
		if !reduced || kept {
			next++
		}
	}
	to := 0
	for _, v := range x.x {
		f(to, v)
		for d := len(x.shape) - 1; d >= 0; d-- {
			at[d]++
			to += step[d]
			if at[d] < x.shape[d] {
				break
			}
			to -= at[d] * step[d]
			at[d] = 0
		}
	}
}

// reduceSum sets y to the sums over Axes: over the first of them, then of those over the next, one by one;
// over all axes, in the order of the elements.
func reduceSum(n *ir.Resolved, y array, in []array, s *scratch) {
	shape, axes := slices.Clone(in[0].shape), n.Axes
	if len(axes) == len(shape) {
		shape, axes = []int{len(in[0].x)}, []int{0}
	}
	plus, x, sums := kernel.Current().Plus, in[0].x, s.floats(len(in[0].x))
	for gone, axis := range axes {
		outer, own, inner := around(shape, axis-gone)
		for o := range outer {
			to := sums[o*inner:][:inner] // overlaps only elements of x that were read
			copy(to, x[o*own*inner:])
			for j := 1; j < own; j++ {
				plus(to, to, x[(o*own+j)*inner:], 1, 1)
			}
		}
		x, shape = sums[:outer*inner], slices.Delete(shape, axis-gone, axis-gone+1)
	}
	copy(y.x, x)
}

// reduceMax sets y to the largest numbers over Axes, NaN where there is one.
func reduceMax(n *ir.Resolved, y array, in []array, _ *scratch) {
	for i := range y.x {
		y.x[i] = float32(math.Inf(-1))
	}
	reduce(n, y, in[0], func(to int, v float32) { y.x[to] = max(y.x[to], v) })
}
