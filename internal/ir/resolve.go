package ir

import (
	"fmt"

	"euryale/qtensor"
)

// Operand is what a node reads, or gives.
type Operand struct {
	Size     Size
	Type     Type
	Constant bool
}

// Resolved is a node whose attributes are checked against its operands, with those that were left out.
type Resolved struct {
	*Node
	Axis    int     // from the first
	Axes    []int   // from the first, in order
	Windows Windows // of a convolution or a pool
	Groups  int     // of a convolution
	Perm    []int
	Slice   Slice
	Alpha   float32
	Epsilon float32
	Min     float32
	Max     float32
}

// Slice is the part of an axis from Start up to End, in steps.
type Slice struct{ Start, End, Step int }

// Resolve returns a node for the operands that it reads, and what it gives.
//
// Errors: qtensor.ErrParams for an operation that is none, a number of inputs or attributes that it has not,
// and attributes that are none; qtensor.ErrShape for shapes that do not go together; qtensor.ErrDtype for
// operands of another type.
func Resolve(n *Node, in []Operand) (*Resolved, Operand, error) {
	r := &Resolved{Node: n}
	op, err := n.operation(len(in))
	if err != nil {
		return nil, Operand{}, err
	}
	out := Operand{}
	if out.Type, err = op.typing.of(in); err != nil {
		return nil, Operand{}, err
	}
	sizes := make([]Size, len(in))
	for i := range in {
		sizes[i] = in[i].Size
	}
	if out.Size, err = op.rule(r, sizes); err == nil {
		err = out.Size.check()
	}
	return r, out, err
}

// operation returns the operation of a node that takes so many inputs, and the attributes that the node has.
func (n *Node) operation(inputs int) (operation, error) {
	op, ok := operations[n.Op]
	switch {
	case !ok:
		return op, fmt.Errorf("%w: got operation %.80q, want one that a model has", qtensor.ErrParams, n.Op)
	case inputs < op.least || inputs > op.most:
		want := fmt.Sprint(op.least)
		if op.most > op.least {
			want += fmt.Sprint(" to ", op.most)
		}
		return op, fmt.Errorf("%w: got %d inputs, want %s", qtensor.ErrParams, inputs, want)
	case n.given()&^op.attributes != 0:
		return op, fmt.Errorf("%w: got attributes %v, want none but those of the operation, %q", qtensor.ErrParams,
			n.given()&^op.attributes, op.attributes)
	case (n.Foreign != nil) != (n.Op == OpForeign):
		return op, fmt.Errorf("%w: got code %t, want it for %s alone", qtensor.ErrParams, n.Foreign != nil, OpForeign)
	}
	return op, nil
}

// Along reports whether elements along an axis of the result depend on each other by the attribute axis, which
// is one of the operand alone for a Gather.
func (r *Resolved) Along(axis int) bool {
	return operations[r.Op].attributes&attrAxis != 0 && r.Axis == axis && r.Op != OpGather
}
