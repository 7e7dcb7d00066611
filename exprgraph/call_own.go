package exprgraph

import (
	"fmt"
	"sync"

	"euryale/internal/dense"
	"euryale/internal/ir"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// ownOp is the op of a node, apart from its graph: what it is called with has any batch.
type ownOp struct {
	op     gorgonia.Op
	types  []tensor.Dtype
	values []gorgonia.Value // of operands that are constants, such as indices
	lock   sync.Mutex       // one call at a time of an op of a user, which may have memory of its own
}

func newOwnOp(n *gorgonia.Node, given []bool) (*ownOp, error) {
	o := &ownOp{op: copyOf(n.Op())}
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
func (o *ownOp) run(shape []int, in []ir.Array) (out ir.Array, err error) {
	values := make([]gorgonia.Value, len(o.values))
	for i, v := range o.values {
		if v == nil {
			v, in = valueIn(o.types[i], in[0]), in[1:]
		}
		values[i] = v
	}
	if kindOf(o.op) == "" {
		o.lock.Lock()
		defer o.lock.Unlock()
	}
	y, err := apply(o.op, values)
	if err != nil {
		return out, err
	}
	data, err := elements(y)
	if len(data) != size(shape) {
		shape = y.Shape()
	}
	return ir.Array{Shape: shape, Data: data}, err
}

// valueIn returns elements as a value of a type.
func valueIn(dt tensor.Dtype, x ir.Array) gorgonia.Value {
	switch {
	case dt == tensor.Float64 && len(x.Shape) == 0:
		return gorgonia.NewF64(float64(x.Data[0]))
	case dt == tensor.Float64:
		return dense.New(converted[float64](x.Data), x.Shape)
	case len(x.Shape) == 0:
		return gorgonia.NewF32(x.Data[0])
	}
	return dense.New(append([]float32(nil), x.Data...), x.Shape)
}
