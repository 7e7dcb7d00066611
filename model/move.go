package model

import (
	"slices"

	"euryale/internal/ir"
	"euryale/internal/kernel"
)

// transpose sets y to x with axis i of y being axis n.Perm[i] of x. Blocks of the last axis of y and the last
// of x are transposed, where these are not the same.
func transpose(n *ir.Resolved, y array, in []array, _ *scratch) {
	own := steps(in[0].shape, in[0].shape)
	var from [ir.MaxRank]int
	for i, a := range n.Perm {
		from[i] = own[a]
	}
	axes, last := mergedAxes(y.shape, steps(y.shape, y.shape), from)
	row := axes[last]
	if row.b == 1 {
		eachIndex(axes[:last], 0, 0, func(to, from int) { copy(y.x[to:][:row.size], in[0].x[from:]) })
		return
	}
	across := slices.IndexFunc(axes[:last], func(a sharedAxis) bool { return a.b == 1 })
	if across < 0 {
		copy(y.x, in[0].x) // one number
		return
	}
	column := axes[across]
	copy(axes[across:], axes[across+1:last])
	eachIndex(axes[:last-1], 0, 0, func(to, from int) {
		kernel.Transpose(y.x[to:], column.a, in[0].x[from:], row.b, column.size, row.size)
	})
}

// slice sets y to part of x along an axis.
func slice(n *ir.Resolved, y array, in []array, _ *scratch) {
	take(y.x, in[0].x, in[0].shape, n.Axis, n.Slice)
}

// sliceU8 works like slice, also for NHWC images.
func sliceU8(n *ir.Resolved, y array, in []array, _ *scratch) {
	x, axis := in[0], n.Axis
	if x.quantization.channels > 0 {
		images := [4]int{x.shape[0], x.shape[2], x.shape[3], x.shape[1]}
		x.shape, axis = images[:], [4]int{0, 3, 1, 2}[axis]
	}
	take(y.q, x.q, x.shape, axis, n.Slice)
}

// take sets y to part of x along an axis.
func take[T float32 | uint8](y, x []T, shape []int, axis int, part ir.Slice) {
	outer, own, inner := around(shape, axis)
	length, step := inner, part.Step*inner
	if part.Step == 1 {
		length = (part.End - part.Start) * inner
	}
	for o := range outer {
		for at := part.Start * inner; at < part.End*inner; at += max(step, length) {
			y = y[copy(y, x[o*own*inner+at:][:length]):]
		}
	}
}

// gather sets y to the parts of in[0] along an axis that the indices in[1] name, and fails for an index of
// none.
func gather(n *ir.Resolved, y array, in []array, s *scratch) {
	outer, own, inner := around(in[0].shape, n.Axis)
	list, err := s.rowsOf(in[1].x, own)
	if err != nil {
		s.err = err
		return
	}
	for o := range outer {
		for i, at := range list {
			copy(y.x[(o*len(list)+i)*inner:][:inner], in[0].x[(o*own+at)*inner:])
		}
	}
}

// resize sets y to the images x with each pixel repeated.
func resize(n *ir.Resolved, y array, in []array, _ *scratch) {
	repeatPixels(y.x, in[0].x, n.Scales[2], n.Scales[3], in[0].shape[3], 1)
}

// resizeU8 works like resize, on NHWC images.
func resizeU8(n *ir.Resolved, y array, in []array, _ *scratch) {
	repeatPixels(y.q, in[0].q, n.Scales[2], n.Scales[3], in[0].shape[3], y.shape[1])
}

// repeatPixels sets y to the rows of x, of width pixels of so many channels, with each pixel across times, and
// each row down times.
func repeatPixels[T float32 | uint8](y, x []T, down, across, width, channels int) {
	row := width * across * channels
	for ; len(x) > 0; x = x[width*channels:] {
		first := y[:row]
		for i := range width * across {
			copy(first[i*channels:][:channels], x[i/across*channels:])
		}
		for i := 1; i < down; i++ {
			copy(y[i*row:][:row], first)
		}
		y = y[down*row:]
	}
}

// concatU8 works like concat, for the channels of NHWC images and for the columns of rows.
func concatU8(_ *ir.Resolved, y array, in []array, _ *scratch) {
	own, begin := y.shape[1], 0
	for _, x := range in {
		length := x.shape[1]
		for o := range len(y.q) / own {
			copy(y.q[o*own+begin:], x.q[o*length:][:length])
		}
		begin += length
	}
}

// concat sets y to the inputs, one after the other along Axis.
func concat(n *ir.Resolved, y array, in []array, _ *scratch) {
	outer, own, inner := around(y.shape, n.Axis)
	begin := 0
	for _, x := range in {
		length := x.shape[n.Axis] * inner
		for o := range outer {
			copy(y.x[o*own*inner+begin:], x.x[o*length:][:length])
		}
		begin += length
	}
}
