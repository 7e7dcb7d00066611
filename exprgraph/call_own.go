package exprgraph

import (
	"context"
	"fmt"

	"euryale/internal/ir"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// ownOp is the op of a node, apart from its graph: what it is called with has any batch.
type ownOp struct {
	op     gorgonia.Op
	types  []tensor.Dtype
	values []gorgonia.Value // of operands that are constants, such as indices
	turn   *turn            // of who calls an op of a user, which may have memory of its own
}

func newOwnOp(n *gorgonia.Node, given []bool) (*ownOp, error) {
	o := &ownOp{op: copyOf(n.Op()), turn: newTurn()}
	for i, operand := range operandsOf(n) {
		var v gorgonia.Value
		if !given[i] {
			var err error
			if v, err = fresh(operand.Value()); err != nil {
				return nil, fmt.Errorf("operand %q: %w", nameOf(operand), err)
			}
		}
		o.types, o.values = append(o.types, operand.Dtype()), append(o.values, v)
	}
	return o, nil
}

// run returns what the op makes of operands, in a shape that Gorgonia may have without axes of size 1.
func (o *ownOp) run(ctx context.Context, shape []int, in []ir.Array) (out ir.Array, err error) {
	values := make([]gorgonia.Value, len(o.values))
	for i, v := range o.values {
		if v == nil {
			if v, err = valueAs(o.types[i], in[0].Shape, in[0].Data); err != nil {
				return out, err
			}
			in = in[1:]
		}
		values[i] = v
	}
	var y gorgonia.Value
	do := func() error {
		y, err = apply(o.op, values)
		return err
	}
	if kindOf(o.op) != "" {
		err = do()
	} else {
		err = o.turn.take(ctx, do)
	}
	if err != nil {
		return out, err
	}
	data, err := elements(y)
	if len(data) != size(shape) {
		shape = y.Shape()
	}
	return ir.Array{Shape: shape, Data: data}, err
}
