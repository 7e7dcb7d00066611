package ir

import "strings"

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
	attrScales
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
	"ends", "steps", "perm", "scales", "shape", "alpha", "epsilon", "min", "max", "scale", "zero_point", "quant_min", "quant_max",
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
		{attrScales, n.Scales != nil},
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
	return []*[]int{
		&n.Kernel, &n.Strides, &n.Pads, &n.Dilations, &n.Axes, &n.Starts, &n.Ends, &n.Steps, &n.Perm, &n.Scales, &n.Shape,
	}
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
