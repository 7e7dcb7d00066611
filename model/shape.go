package model

import (
	"fmt"
	"slices"

	"euryale/internal/ir"
	"euryale/qtensor"
)

// reshapeShape is the rule of a value that is given Shape, in which ir.Batch stands for the remaining
// elements.
func reshapeShape(n *node, in []size) (size, error) {
	out, err := given(n.Shape, true)
	if err != nil {
		return nil, err
	}
	fail := fmt.Errorf("%w: got shape %v, want one for the elements of %v", qtensor.ErrShape, n.Shape, in[0])
	have, known := in[0].elements(), out.elements()
	if have%known != 0 {
		return nil, fail
	}
	open := slices.Index(out, ir.Batch)
	switch {
	case open >= 0 && in[0].perBatch():
		out[open] = -have / known
	case open >= 0:
		out[open] = have / known
	case in[0].perBatch() || have != known:
		return nil, fail
	}
	return out, nil
}

// transposeShape is the rule of axes in the order Perm, which is the reverse where it is not given.
func transposeShape(n *node, in []size) (size, error) {
	perm := permutation(n, len(in[0]))
	seen := make([]bool, len(in[0]))
	out := make(size, len(in[0]))
	for i, a := range perm {
		if len(perm) != len(out) || a < 0 || a >= len(out) || seen[a] {
			return nil, fmt.Errorf("%w: perm is %v, want the %d axes from 0, each once", qtensor.ErrShape, n.Perm, len(out))
		}
		seen[a], out[i] = true, in[0][a]
	}
	return out, nil
}

// permutation returns Perm, or the axes in reverse.
func permutation(n *node, rank int) []int {
	if n.Perm != nil || rank == 0 {
		return n.Perm
	}
	perm := make([]int, rank)
	for i := range perm {
		perm[i] = rank - 1 - i
	}
	return perm
}

// transpose sets y to x with axis i of y being axis Perm[i] of x.
func transpose(n *node, y array, in []array, _ *scratch) {
	rank := len(y.shape)
	if rank == 0 {
		copy(y.x, in[0].x)
		return
	}
	own := steps(in[0].shape, in[0].shape)
	var s, at [maxRank]int
	for i, a := range permutation(n, rank) {
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

// sliceShape is the rule of part of a value along one axis, which is not the batch.
func sliceShape(n *node, in []size) (size, error) {
	if len(n.Axes) != 1 || len(n.Starts) != 1 || len(n.Ends) != 1 || n.Steps != nil && len(n.Steps) != 1 {
		return nil, fmt.Errorf("%w: got axes %v, starts %v, ends %v and steps %v, want one number each", qtensor.ErrParams, n.Axes, n.Starts, n.Ends, n.Steps)
	}
	at, start, end, step := sliceOf(n)
	if at < 0 || at >= len(in[0]) || start < 0 || end <= start || end > in[0][at] || step < 1 || step > maxElements {
		return nil, fmt.Errorf("%w: got axis %d from %d up to %d in steps of %d, want part of %v, and of no axis with the batch", qtensor.ErrShape, at, start, end, step, in[0])
	}
	out := slices.Clone(in[0])
	out[at] = (end - start + step - 1) / step
	return out, nil
}

// sliceOf returns the only elements of Axes, Starts, Ends and Steps.
func sliceOf(n *node) (axis, start, end, step int) {
	if n.Steps == nil {
		return n.Axes[0], n.Starts[0], n.Ends[0], 1
	}
	return n.Axes[0], n.Starts[0], n.Ends[0], n.Steps[0]
}

// slice sets y to part of x along an axis.
func slice(n *node, y array, in []array, _ *scratch) {
	at, start, _, step := sliceOf(n)
	outer, own, inner := around(in[0].shape, at)
	count := y.shape[at]
	for o := range outer {
		for i := range count {
			copy(y.x[(o*count+i)*inner:], in[0].x[(o*own+start+i*step)*inner:][:inner])
		}
	}
}

// gatherShape is the rule of rows by index: the axes of the indices, and those of a row.
func gatherShape(_ *node, in []size) (size, error) {
	data, indices := in[0], in[1]
	if len(data) == 0 || data.perBatch() {
		return nil, fmt.Errorf("%w: got an embedding %v, want rows that are no batch", qtensor.ErrShape, data)
	}
	return append(slices.Clone(indices), data[1:]...), nil
}

// gather sets y to the rows of in[0] that the indices in[1] name, and fails for an index of no row.
func gather(_ *node, y array, in []array, s *scratch) {
	data, rows := in[0], in[0].shape[0]
	each := len(data.x) / rows
	list, err := s.rowsOf(in[1].x, rows)
	if err != nil {
		s.err = err
		return
	}
	for i, row := range list {
		copy(y.x[i*each:][:each], data.x[row*each:])
	}
}

// concatShape is the rule of values that differ along Axis alone, one after the other.
func concatShape(n *node, in []size) (size, error) {
	if err := n.resolveAxis(len(in[0])); err != nil {
		return nil, err
	}
	at, out := n.axis, slices.Clone(in[0])
	for _, s := range in[1:] {
		same := len(s) == len(out) && s[at] < 0 == (out[at] < 0)
		for i := range min(len(s), len(out)) {
			same = same && (i == at || s[i] == out[i])
		}
		if !same {
			return nil, fmt.Errorf("%w: got %v behind %v, want equal sizes but for axis %d", qtensor.ErrShape, s, in[0], at)
		}
		if out[at] += s[at]; max(out[at], -out[at]) > maxElements {
			return nil, fmt.Errorf("%w: got %d along axis %d, want at most %d", qtensor.ErrShape, out[at], at, maxElements)
		}
	}
	return out, nil
}

// concatU8 works like concat, for the channels of NHWC images and for the columns of rows.
func concatU8(_ *node, y array, in []array, _ *scratch) {
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
func concat(n *node, y array, in []array, _ *scratch) {
	outer, own, inner := around(y.shape, n.axis)
	begin := 0
	for _, x := range in {
		length := x.shape[n.axis] * inner
		for o := range outer {
			copy(y.x[o*own*inner+begin:], x.x[o*length:][:length])
		}
		begin += length
	}
}
