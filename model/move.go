package model

import "euryale/internal/ir"

// transpose sets y to x with axis i of y being axis n.Perm[i] of x.
func transpose(n *ir.Resolved, y array, in []array, _ *scratch) {
	rank := len(y.shape)
	if rank == 0 {
		copy(y.x, in[0].x)
		return
	}
	own := steps(in[0].shape, in[0].shape)
	var s, at [ir.MaxRank]int
	for i, a := range n.Perm {
		s[i] = own[a]
	}
	length, step := y.shape[rank-1], s[rank-1]
	from := 0
	for to := 0; to < len(y.x); to += length {
		part := y.x[to:][:length]
		if step == 1 {
			copy(part, in[0].x[from:])
		} else {
			for i := range part {
				part[i] = in[0].x[from+i*step]
			}
		}
		for d := rank - 2; d >= 0; d-- {
			at[d]++
			from += s[d]
			if at[d] < y.shape[d] {
				break
			}
			from -= at[d] * s[d]
			at[d] = 0
		}
	}
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
