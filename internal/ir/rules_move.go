package ir

import (
	"fmt"
	"slices"

	"euryale/qtensor"
)

// reshapeRule: in shape, 0 is the size of the operand's axis there, and −1 what remains, the batch included
// where no 0 stands for it.
func reshapeRule(r *Resolved, in []Size) (Size, error) {
	x := in[0]
	fail := fmt.Errorf("%w: got shape %v, want one for the elements of %v", qtensor.ErrShape, r.Shape, x)
	out, open := Size(slices.Clone(r.Shape)), -1
	for i, d := range out {
		switch {
		case d == 0 && i < len(x):
			out[i] = x[i]
		case d == -1 && open < 0:
			open, out[i] = i, 1
		case d < 1:
			return nil, fail
		}
	}
	if err := out.check(); err != nil {
		return nil, err
	}
	have, known := x.Elements(), out.Elements()
	switch {
	case have%known != 0 || open < 0 && (have != known || x.PerBatch() != out.PerBatch()):
		return nil, fail
	case open >= 0 && x.PerBatch() && !out.PerBatch():
		out[open] = -have / known
	case open >= 0:
		out[open] = have / known
	}
	return out, nil
}

// transposeRule: perm is the axes in reverse where it is left out.
func transposeRule(r *Resolved, in []Size) (Size, error) {
	r.Perm = r.Node.Perm
	if r.Perm == nil {
		for i := range in[0] {
			r.Perm = append(r.Perm, len(in[0])-1-i)
		}
	}
	seen := make([]bool, len(in[0]))
	out := make(Size, len(in[0]))
	for i, a := range r.Perm {
		if len(r.Perm) != len(out) || a < 0 || a >= len(out) || seen[a] {
			return nil, fmt.Errorf("%w: perm is %v, want the %d axes from 0, each once", qtensor.ErrShape, r.Node.Perm, len(out))
		}
		seen[a], out[i] = true, in[0][a]
	}
	if len(r.Perm) != len(out) {
		return nil, fmt.Errorf("%w: perm is %v, want the %d axes from 0, each once", qtensor.ErrShape, r.Node.Perm, len(out))
	}
	return out, nil
}

// sliceRule is that of part of a value along one axis, which is not the batch. Starts and ends count from the
// end of the axis where they are negative, and are clamped to it.
func sliceRule(r *Resolved, in []Size) (Size, error) {
	if len(r.Node.Axes) != 1 || len(r.Starts) != 1 || len(r.Ends) != 1 || r.Steps != nil && len(r.Steps) != 1 {
		return nil, fmt.Errorf("%w: got axes %v, starts %v, ends %v and steps %v, want one number each", qtensor.ErrParams,
			r.Node.Axes, r.Starts, r.Ends, r.Steps)
	}
	var err error
	if r.Axis, err = axisOf(r.Node.Axes[0], len(in[0])); err != nil {
		return nil, err
	}
	own := in[0][r.Axis]
	within := func(at int) int {
		if at < 0 {
			at += own
		}
		return max(0, min(at, own))
	}
	r.Slice = Slice{Step: 1}
	if r.Steps != nil {
		r.Slice.Step = r.Steps[0]
	}
	if own > 0 {
		r.Slice.Start, r.Slice.End = within(r.Starts[0]), within(r.Ends[0])
	}
	if r.Slice.End <= r.Slice.Start || r.Slice.Step < 1 || r.Slice.Step > MaxElements {
		return nil, fmt.Errorf("%w: got axis %d from %d up to %d in steps of %d, want part of %v, and of no axis with the batch",
			qtensor.ErrShape, r.Axis, r.Starts[0], r.Ends[0], r.Slice.Step, in[0])
	}
	out := slices.Clone(in[0])
	out[r.Axis] = (r.Slice.End - r.Slice.Start + r.Slice.Step - 1) / r.Slice.Step
	return out, nil
}

// resizeRule is that of images whose pixels are repeated: y[…, i, j] = x[…, ⌊i/height⌋, ⌊j/width⌋], which is
// ONNX's nearest neighbour for whole scales.
func resizeRule(r *Resolved, in []Size) (Size, error) {
	x, scales := in[0], r.Scales
	if len(x) != 4 || len(scales) != 4 || scales[0] != 1 || scales[1] != 1 || x[2] < 0 || x[3] < 0 {
		return nil, fmt.Errorf("%w: got scales %v of %v, want 1, 1, height and width of images", qtensor.ErrShape, scales, x)
	}
	out := slices.Clone(x)
	for i := 2; i < 4; i++ {
		if scales[i] < 1 || scales[i] > MaxElements/x[i] {
			return nil, fmt.Errorf("%w: got scales %v of %v, want whole ones from 1, and sizes up to %d", qtensor.ErrShape, scales, x, MaxElements)
		}
		out[i] *= scales[i]
	}
	return out, nil
}

// concatRule is that of values that differ along axis alone, one after the other.
func concatRule(r *Resolved, in []Size) (Size, error) {
	if r.Node.Axis == nil {
		return nil, fmt.Errorf("%w: got no axis, want one", qtensor.ErrParams)
	}
	var err error
	if r.Axis, err = axisOf(*r.Node.Axis, len(in[0])); err != nil {
		return nil, err
	}
	at, out := r.Axis, slices.Clone(in[0])
	for _, s := range in[1:] {
		same := len(s) == len(out) && s[at] < 0 == (out[at] < 0)
		for i := range min(len(s), len(out)) {
			same = same && (i == at || s[i] == out[i])
		}
		if !same {
			return nil, fmt.Errorf("%w: got %v behind %v, want equal sizes but for axis %d", qtensor.ErrShape, s, in[0], at)
		}
		if out[at] += s[at]; max(out[at], -out[at]) > MaxElements {
			return nil, fmt.Errorf("%w: got %d along axis %d, want at most %d", qtensor.ErrShape, out[at], at, MaxElements)
		}
	}
	return out, nil
}

// expandRule: sizes are repeated as in broadcastRule, for a value of the attribute's shape, in which −1 is the
// batch.
func expandRule(r *Resolved, in []Size) (Size, error) {
	shape, err := SizeOf(r.Shape)
	if err != nil {
		return nil, err
	}
	return broadcast(in[0], shape)
}
