package exprgraph

import (
	"slices"

	"euryale/internal/dense"
	"euryale/internal/ir"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// readGather reads the parts of a value along an axis that indices name. Of a weight they are rows, so that it
// can be an embedding; of what is computed the indices are constants.
func readGather(r *reader, p pair, operands []pair) (*value, error) {
	params, err := p.fixed("axis")
	if err != nil {
		return nil, err
	}
	x, err := r.whole(operands[0])
	if err != nil {
		return nil, err
	}
	axis := params[0]
	switch {
	case axis < 0 || axis >= len(x.shape) || x.shape[axis] == ir.Batch:
		return nil, p.fail("along axis %d of shape %v, want one that is not the batch", axis, x.shape)
	case tornAlong(x.shape, axis, 0):
		return nil, p.fail("along axis %d of shape %v, of which gorgonia.org/tensor v0.9.24 takes the wrong elements, "+
			"want the first, the last, or it in a Transpose", axis, x.shape)
	}
	indices, err := r.indices(operands[1], x.shape[axis])
	if err != nil {
		return nil, err
	}
	switch {
	case x.data != nil:
		return r.rows(p, x, indices, axis), nil
	case indices.data == nil:
		return nil, p.fail("of a value by indices that are both computed, want one of them constant")
	}
	shape := slices.Concat(x.shape[:axis], indices.shape, x.shape[axis+1:])
	return r.reshape(r.add(ir.Node{Op: ir.OpGather, Axis: new(axis)}, shape, x, indices), p.shape()), nil
}

// rows returns rows, which lie along an axis, of a constant: a constant of real values where the indices are
// constants too.
func (r *reader) rows(p pair, table, indices *value, axis int) *value {
	if axis > 0 {
		indices = r.reshape(indices, merged(indices.shape))
	}
	order := make([]int, len(table.shape)) // the axis first
	for i := range axis {
		order[i+1] = i
	}
	order[0] = axis
	for i := axis + 1; i < len(order); i++ {
		order[i] = i
	}
	table = r.transpose(table, order)
	shape := append(slices.Clone(indices.shape), table.shape[1:]...)
	var y *value
	if indices.data == nil {
		y = r.add(ir.Node{Op: ir.OpGather}, shape, table, indices)
	} else {
		y = &value{base: table.base, shape: shape}
		each := size(table.shape[1:])
		for _, row := range indices.data {
			y.data = append(y.data, table.data[int(row)*each:][:each]...)
		}
	}
	if axis > 0 {
		y = r.transpose(y, inverse(order))
	}
	return r.reshape(y, p.shape())
}

// indices returns indices up to count: constants, or an input, perhaps reshaped.
func (r *reader) indices(p pair, count int) (*value, error) {
	if leaf := p.a.Op() == nil || isConstant(p.a); r.done[p] != nil || !leaf || p.a.Value() == nil || p.b.Value() == nil {
		if !isInteger(p) {
			return nil, p.fail("indices of %v, want int", p.a.Type())
		}
		return r.whole(p)
	}
	list, errA := dense.Slice[int](tensorIn(p.a))
	other, errB := dense.Slice[int](tensorIn(p.b))
	if errA != nil || errB != nil || !slices.Equal(list, other) || len(list) == 0 || len(list) != size(p.a.Shape()) {
		return nil, p.fail("indices %v at one batch size and %v at another, want the same, of int, as many as their shape has", list, other)
	}
	if least, most := slices.Min(list), slices.Max(list); least < 0 || most >= count || most > 1<<24 {
		return nil, p.fail("indices from %d to %d, want 0 up to %d", least, most, count)
	}
	v := &value{base: nameOf(p.a), shape: p.a.Shape(), data: make([]float32, len(list))}
	for i, x := range list {
		v.data[i] = float32(x)
	}
	return v, nil
}

// tensorIn returns the value of a node, nil where it is no tensor.
func tensorIn(n *gorgonia.Node) tensor.Tensor {
	t, _ := n.Value().(tensor.Tensor)
	return t
}
