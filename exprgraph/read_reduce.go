package exprgraph

import (
	"slices"

	"euryale/internal/ir"

	"gorgonia.org/tensor"
)

// reductions are a model's operations over axes, by the types of Gorgonia's ops.
var reductions = map[string]string{"sumOp": ir.OpReduceSum, "maxOp": ir.OpReduceMax}

// readReduction reads a sum or a maximum along axes, which the result does not have.
// Gorgonia takes the axes one by one, and of some the wrong elements.
func readReduction(r *reader, p pair, operands []pair) (*value, error) {
	axes, err := p.fixed("along")
	if err != nil {
		return nil, err
	}
	x, err := r.whole(operands[0])
	if err != nil {
		return nil, err
	}
	var shape []int
	for i, d := range x.shape {
		switch {
		case !slices.Contains(axes, i):
			shape = append(shape, d)
		case d == ir.Batch:
			return nil, p.fail("along axes %v of shape %v, want none that is the batch", axes, x.shape)
		}
	}
	if len(axes) == 0 || len(shape)+len(axes) != len(x.shape) {
		return nil, p.fail("along axes %v of shape %v, want some of them, each once", axes, x.shape)
	}
	left := slices.Clone(x.shape)
	for gone, axis := range slices.Sorted(slices.Values(axes)) {
		at := axis - gone
		if tornAlong(left, at, 1) {
			return nil, p.fail("along axis %d of shape %v, of which gorgonia.org/tensor v0.9.24 takes the wrong elements, "+
				"want one of the first two, the last, or them in a Reshape", axis, x.shape)
		}
		left = slices.Delete(left, at, at+1)
	}
	y := r.add(ir.Node{Op: reductions[p.kind()], Axes: axes, KeepDims: new(false)}, shape, x)
	return r.reshape(y, p.shape()), nil
}

// tornAlong reports whether gorgonia.org/tensor v0.9.24 takes the wrong elements along an axis that is not the
// last: it goes from one part to the next, of axes from first on, as if the axis had two elements.
func tornAlong(shape []int, axis, first int) bool {
	return axis > first && axis < len(shape)-1 && shape[axis] != 2 && size(shape[first:axis]) != 1
}

// readSize reads the size of an axis, as Mean divides by.
func readSize(_ *reader, p pair, operands []pair) (*value, error) {
	axis, err := p.fixed("axis")
	if err != nil {
		return nil, err
	}
	shape := operands[0].shape()
	if axis[0] < 0 || axis[0] >= len(shape) || shape[axis[0]] == ir.Batch {
		return nil, p.fail("of axis %d of shape %v, want one that is not the batch", axis[0], shape)
	}
	return constant(float32(shape[axis[0]]), "size"), nil
}

// readSlice reads a slice along one axis, which the result does not have where one index of it is left.
func readSlice(r *reader, p pair, operands []pair) (*value, error) {
	along, err := p.fixed("along")
	if err != nil {
		return nil, err
	}
	x, err := r.whole(operands[0])
	if err != nil {
		return nil, err
	}
	a, okA := sliceOf(p.a.Op())
	b, okB := sliceOf(p.b.Op())
	at := along[0]
	switch {
	case !okA || !okB || at < 0 || at >= len(x.shape):
		return nil, p.fail("of shape %v, want a slice along one of its axes", x.shape)
	case a.end <= a.start && b.end <= b.start: // all of it
		return x, nil
	case x.shape[at] == ir.Batch && p.of != nil:
		return r.batches(p, operands[0], x, at, a), nil
	case x.shape[at] == ir.Batch:
		return nil, p.fail("of the batch, want another axis")
	case a != b:
		return nil, p.fail("from %d up to %d at one batch size, from %d up to %d at another, want the same", a.start, a.end, b.start, b.end)
	}
	shape := slices.Clone(x.shape)
	a.end = min(a.end, shape[at])
	shape[at] = (a.end - a.start + a.step - 1) / a.step
	node := ir.Node{Op: ir.OpSlice, Axes: along, Starts: []int{a.start}, Ends: []int{a.end}}
	if a.step > 1 {
		node.Steps = []int{a.step}
	}
	if whole := p.shape(); a.start < 0 || a.step < 1 || batches(whole) != batches(shape) || size(whole) != size(shape) {
		return nil, p.fail("from %d up to %d in steps of %d of shape %v, want %v", a.start, a.end, a.step, x.shape, whole)
	}
	return r.reshape(r.add(node, shape, x), p.shape()), nil
}

// batches returns the part of an axis with the batch that a slice takes, of which the shape rule found that it
// is whole batches.
func (r *reader) batches(p, operand pair, x *value, at int, s sliceRange) *value {
	m, rest := operand.of.known[operand.a][at].outside()
	rows := rest.size()
	first, end := s.start/rows, min(s.end, m*rows)/rows
	if first == 0 && end == m {
		return r.reshape(x, p.shape())
	}
	shape := slices.Insert(slices.Clone(x.shape), at, m)
	x = r.reshape(x, shape)
	shape = slices.Clone(shape)
	shape[at] = end - first
	x = r.add(ir.Node{Op: ir.OpSlice, Axes: []int{at}, Starts: []int{first}, Ends: []int{end}}, shape, x)
	return r.reshape(x, p.shape())
}

// sliceRange is the indices that a slice takes.
type sliceRange struct{ start, end, step int }

// sliceOf returns what an op that is a slice takes; from 0 up to 0 where it is all.
func sliceOf(op any) (sliceRange, bool) {
	s, ok := op.(interface{ IsSlice() tensor.Slice })
	if !ok {
		return sliceRange{}, false
	}
	inner := s.IsSlice()
	if inner == nil {
		return sliceRange{}, true
	}
	return sliceRange{inner.Start(), inner.End(), max(inner.Step(), 1)}, true
}
