package ir

import (
	"fmt"
	"strings"

	"euryale/qtensor"
)

// attribute is a set of attributes.
type attribute uint32

const (
	attrTransB attribute = 1 << iota
	attrKernelShape
	attrStrides
	attrPads
	attrDilations
	attrGroup
	attrCountIncludePad
	attrAxis
	attrAxes
	attrKeepDims
	attrStarts
	attrEnds
	attrSteps
	attrPerm
	attrShape
	attrAlpha
	attrEpsilon
	attrMin
	attrMax
	attrScale
	attrZeroPoint
	attrQuantMin
	attrQuantMax
)

// attributeNames are the names of attributes, in the order of their bits: ONNX's, and PyTorch's for those of
// FakeQuantize.
var attributeNames = []string{
	"transB", "kernel_shape", "strides", "pads", "dilations", "group", "count_include_pad", "axis", "axes", "keepdims", "starts",
	"ends", "steps", "perm", "shape", "alpha", "epsilon", "min", "max", "scale", "zero_point", "quant_min", "quant_max",
}

// String returns the names, separated by commas.
func (a attribute) String() string {
	var names []string
	for i, name := range attributeNames {
		if a&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// given returns the attributes that a node gives.
func (n *Node) given() (set attribute) {
	for _, a := range [...]struct {
		attribute attribute
		given     bool
	}{
		{attrTransB, n.TransB},
		{attrKernelShape, n.Kernel != nil},
		{attrStrides, n.Strides != nil},
		{attrPads, n.Pads != nil},
		{attrDilations, n.Dilations != nil},
		{attrGroup, n.Group != 0},
		{attrCountIncludePad, n.CountPad},
		{attrAxis, n.Axis != nil},
		{attrAxes, n.Axes != nil},
		{attrKeepDims, n.KeepDims != nil},
		{attrStarts, n.Starts != nil},
		{attrEnds, n.Ends != nil},
		{attrSteps, n.Steps != nil},
		{attrPerm, n.Perm != nil},
		{attrShape, n.Shape != nil},
		{attrAlpha, n.Alpha != nil},
		{attrEpsilon, n.Epsilon != nil},
		{attrMin, n.Min != nil},
		{attrMax, n.Max != nil},
		{attrScale, n.Scale != 0},
		{attrZeroPoint, n.ZeroPoint != 0},
		{attrQuantMin, n.QuantMin != 0},
		{attrQuantMax, n.QuantMax != 0},
	} {
		if a.given {
			set |= a.attribute
		}
	}
	return set
}

// Lists returns the attributes of a node that are lists.
func Lists(n *Node) []*[]int {
	return []*[]int{&n.Kernel, &n.Strides, &n.Pads, &n.Dilations, &n.Axes, &n.Starts, &n.Ends, &n.Steps, &n.Perm, &n.Shape}
}

// CloneNode returns a copy that shares nothing with n but what Foreign is. Empty lists are nil, as in a file.
func CloneNode(n *Node) Node {
	own := *n
	for _, list := range Lists(&own) {
		*list = append([]int(nil), *list...)
	}
	own.Inputs = append([]string(nil), n.Inputs...)
	own.Axis, own.KeepDims, own.Alpha = cloned(n.Axis), cloned(n.KeepDims), cloned(n.Alpha)
	own.Epsilon = cloned(n.Epsilon)
	own.Min, own.Max = cloned(n.Min), cloned(n.Max)
	return own
}

func cloned[T any](p *T) *T {
	if p == nil {
		return nil
	}
	return new(*p)
}

// valueOr returns *p, or what stands for a nil p.
func valueOr[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

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

// Along reports whether elements along an axis of the result depend on each other by the attribute axis.
func (r *Resolved) Along(axis int) bool {
	return operations[r.Op].attributes&attrAxis != 0 && r.Axis == axis
}
