package exprgraph

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// inferred returns the axes of a node of an op that is not known, which says what shape it has for twice the
// batch.
func inferred(n *gorgonia.Node, in []extents) (x extents, err error) {
	defer func() {
		if r := recover(); r != nil {
			x, err = nil, fmt.Errorf("panics when it is asked for a shape: %v", r)
		}
	}()
	sizers := make([]gorgonia.DimSizer, len(in))
	for i, axes := range in {
		shape := make(tensor.Shape, len(axes))
		for j, e := range axes {
			if shape[j] = e.size(); e.at() >= 0 {
				shape[j] *= 2
			}
		}
		sizers[i] = shape
	}
	twice, err := n.Op().InferShape(sizers...)
	if err != nil {
		return nil, fmt.Errorf("has no shape for another batch: %w", err)
	}
	x = numbered(n.Shape())
	if len(twice) != len(x) {
		return nil, ambiguous("has shape %v for twice the batch, and %v here", twice, n.Shape())
	}
	for i, e := range x {
		switch {
		case twice[i] == e.size():
		case twice[i] == 2*e.size() && x.batch() < 0 && len(in) > 0:
			x[i] = leading(in, e.size())
		default:
			return nil, ambiguous("has shape %v for twice the batch, and %v here", twice, n.Shape())
		}
		if x[i] == nil && e.size() > 1 {
			return nil, ambiguous("has shape %v for twice the batch, and %v here", twice, n.Shape())
		}
	}
	return x, nil
}

// leading returns the extent of so many rows that begins as the axis with the batch does, of the first operand
// that has one; nil where the number of rows is no multiple.
func leading(in []extents, size int) extent {
	for _, x := range in {
		if at := x.batch(); at >= 0 && size%x[at].size() == 0 {
			return joined(append(slices.Clone(x[at]), factor{n: size / x[at].size()})...)
		}
	}
	return nil
}
