package exprgraph

import "euryale/internal/ir"

func readSoftmax(r *reader, p pair, operands []pair) (*value, error) {
	params, err := p.fixed("axis", "isLog")
	if err != nil {
		return nil, err
	}
	v, err := r.whole(operands[0])
	if err != nil {
		return nil, err
	}
	axis := softmaxAxis(params[0], len(v.shape), p.a.Shape().IsColVec() && p.b.Shape().IsColVec())
	if axis < 0 || axis >= len(v.shape) {
		return nil, p.fail("axis %d of shape %v, want one of its axes", axis, v.shape)
	}
	op := ir.OpSoftmax
	if params[1] != 0 {
		op = ir.OpLogSoftmax
	}
	return r.unary(ir.Node{Op: op, Axis: new(axis)}, v), nil
}

// softmaxAxis returns an axis of so many, counted from the first. The default is the first of a column.
func softmaxAxis(axis, rank int, column bool) int {
	switch {
	case axis == -1 && column:
		return 0
	case axis < 0:
		return axis + rank
	}
	return axis
}

// readSparsemax reads a Sparsemax along the last axis. Along the first axis of a matrix, Gorgonia gives the
// result of the transposed one without transposing it back; along others it fails.
func readSparsemax(r *reader, p pair, operands []pair) (*value, error) {
	axis, err := p.fixed("axis")
	if err != nil {
		return nil, err
	}
	v, err := r.whole(operands[0])
	if err != nil {
		return nil, err
	}
	last := len(v.shape) - 1
	if last < 0 || axis[0] != -1 && (last != 1 || axis[0] != last) {
		return nil, p.fail("along axis %d of shape %v, which gorgonia v0.9.18 has in another order, want the last, by no axis", axis[0], v.shape)
	}
	return r.unary(ir.Node{Op: ir.OpSparsemax, Axis: new(last)}, v), nil
}
