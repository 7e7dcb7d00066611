package exprgraph

import (
	"slices"

	"euryale/internal/ir"
)

// readers are the ops that can be read, by the names of their types in Gorgonia.
var readers map[string]func(r *reader, p pair, operands []pair) (*value, error)

func init() { // the readers read operands through the table
	readers = map[string]func(*reader, pair, []pair) (*value, error){
		"linAlgBinOp":         readProduct,
		"tensordotOp":         readTensordot,
		"elemBinOp":           readBinary,
		"elemUnaryOp":         readUnary,
		"softmaxOp":           readSoftmax,
		"maxBetween":          readBetween,
		"minBetween":          readBetween,
		"repeatOp":            readRepeat,
		"reshapeOp":           readReshape,
		"transposeOp":         readTranspose,
		"concatOp":            readConcat,
		"sliceOp":             readSlice,
		"byIndicesOp":         readGather,
		"sumOp":               readReduction,
		"maxOp":               readReduction,
		"sizeOp":              readSize,
		"sparsemaxOp":         readSparsemax,
		"upsampleOp":          readUpsample,
		"maxPoolOp":           readPool,
		"avgPoolOp":           readPool,
		"globalAveragePoolOp": readGlobalPool,
		"BatchNormOp":         readNorm,
		"GroupNormOp":         readGroupNorm,
		"dropoutOp":           readNothing,
		"Iop":                 readNothing,
	}
}

func readNothing(r *reader, _ pair, operands []pair) (*value, error) { return r.read(operands[0]) }

func readReshape(r *reader, p pair, operands []pair) (*value, error) {
	v, err := r.whole(operands[0])
	if err != nil {
		return nil, err
	}
	shape := p.shape()
	if batches(shape) > 1 {
		return nil, p.fail("to shape %v at one batch size and %v at another, want one axis to differ", p.a.Shape(), p.b.Shape())
	}
	if v.data != nil && batches(shape) > 0 || size(p.a.Shape()) != size(operands[0].a.Shape()) {
		return nil, p.fail("from shape %v to %v, want as many elements", operands[0].a.Shape(), p.a.Shape())
	}
	return r.reshape(v, shape), nil
}

func readTranspose(r *reader, p pair, operands []pair) (*value, error) {
	perm, err := p.fixed("pattern")
	if err != nil {
		return nil, err
	}
	if v, err := r.readConv(p, perm, operands[0]); v != nil || err != nil {
		return v, err
	}
	v, err := r.whole(operands[0])
	if err != nil {
		return nil, err
	}
	sorted := slices.Sorted(slices.Values(perm))
	for i, axis := range sorted {
		if axis != i || len(perm) != len(v.shape) {
			return nil, p.fail("axes %v of shape %v, want each once", perm, v.shape)
		}
	}
	return r.transpose(v, perm), nil
}

// readRepeat returns the operand where it is of size 1 along the axis: a model repeats that by itself.
func readRepeat(r *reader, p pair, operands []pair) (*value, error) {
	along, err := p.fixed("along")
	if err != nil {
		return nil, err
	}
	shape := operands[0].a.Shape()
	if along[0] >= len(shape) || shape[along[0]] != 1 {
		return nil, p.fail("of shape %v along axis %d, want it of size 1 there", shape, along[0])
	}
	return r.read(operands[0])
}

func readConcat(r *reader, p pair, operands []pair) (*value, error) {
	axis, err := p.fixed("axis")
	if err != nil {
		return nil, err
	}
	in := make([]*value, len(operands))
	for i, operand := range operands {
		if in[i], err = r.read(operand); err != nil {
			return nil, err
		}
		want, of := p.shape(), p
		if want[axis[0]] = operand.shape()[axis[0]]; want[axis[0]] == ir.Batch {
			of = operand
		}
		if in[i], err = r.fit(of, in[i], want); err != nil {
			return nil, err
		}
	}
	if len(in) == 1 {
		return in[0], nil
	}
	return r.add(ir.Node{Op: ir.OpConcat, Axis: new(axis[0])}, p.shape(), in...), nil
}
