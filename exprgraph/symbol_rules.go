package exprgraph

import (
	"errors"
	"fmt"
	"slices"

	"euryale/internal/graphop"

	"gorgonia.org/gorgonia"
)

// shapeRule returns the axes of a node for those of its operands, as its op makes them.
type shapeRule func(s *symbols, n *gorgonia.Node, in []extents) (extents, error)

// shapeRules are the rules of the ops that can be read, by the names of their types in Gorgonia.
var shapeRules = map[string]shapeRule{
	"linAlgBinOp":         productShape,
	"tensordotOp":         tensordotShape,
	"elemBinOp":           elementwiseShape,
	"elemUnaryOp":         firstShape,
	"softmaxOp":           softmaxShape,
	"sparsemaxOp":         softmaxShape,
	"clampOp":             firstShape,
	"maxBetween":          elementwiseShape,
	"minBetween":          elementwiseShape,
	"repeatOp":            repeatShape,
	"reshapeOp":           firstShape, // in the shape that the node has
	"transposeOp":         transposeShape,
	"concatOp":            concatShape,
	"sliceOp":             sliceShape,
	"byIndicesOp":         gatherShape,
	"sumOp":               reductionShape,
	"maxOp":               reductionShape,
	"sizeOp":              scalarShape,
	"im2colOp":            imagesShape,
	"maxPoolOp":           imagesShape,
	"avgPoolOp":           imagesShape,
	"globalAveragePoolOp": imagesShape,
	"upsampleOp":          imagesShape,
	"BatchNormOp":         firstShape,
	"GroupNormOp":         firstShape,
	"dropoutOp":           firstShape,
	"Iop":                 firstShape,
}

// shapeRuleOf returns the rule of an op; nil for none.
func shapeRuleOf(op gorgonia.Op) shapeRule {
	if _, ok := op.(graphop.Fake); ok {
		return firstShape
	}
	return shapeRules[kindOf(op)]
}

// errFields is for an op without the fields that are looked at.
var errFields = errors.New("has no fields of gorgonia v0.9.18")

func firstShape(_ *symbols, _ *gorgonia.Node, in []extents) (extents, error) { return in[0], nil }

// softmaxShape keeps the shape: what is normalized lies within each sample.
func softmaxShape(_ *symbols, n *gorgonia.Node, in []extents) (extents, error) {
	axis, ok := intsOf(n.Op(), "axis")
	if !ok {
		return nil, errFields
	}
	at := softmaxAxis(axis[0], len(in[0]), n.Shape().IsColVec())
	if at >= 0 && at < len(in[0]) && in[0][at].at() >= 0 {
		return nil, fmt.Errorf("along axis %d of shape %v, which is the batch, want one within each sample", at, in[0].numbers())
	}
	return in[0], nil
}

func scalarShape(*symbols, *gorgonia.Node, []extents) (extents, error) { return nil, nil }

// elementwiseShape: sizes are equal; where the batch meets a number, the number is a constant's that was
// shaped by the batch.
func elementwiseShape(_ *symbols, n *gorgonia.Node, in []extents) (out extents, err error) {
	for _, x := range in {
		if len(x) == 0 {
			continue // a scalar
		}
		if x, err = declared(n, x); err != nil {
			return nil, err
		}
		if out, err = met(out, x); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// met returns the axes of two values of the same sizes in the graph.
func met(a, b extents) (extents, error) {
	if a == nil {
		return b, nil
	}
	out := slices.Clone(a)
	for i, e := range b {
		switch {
		case i >= len(a) || a[i].size() != e.size():
			return nil, fmt.Errorf("sizes %v and %v, want equal ones", a.numbers(), b.numbers())
		case e.at() < 0:
		case a[i].at() < 0:
			out[i] = e
		case !slices.Equal(a[i], e):
			return nil, ambiguous("axis %d has samples in another order", i)
		}
	}
	return out, nil
}

// productShape is that of linAlgBinOp: matrices, a matrix and a vector, batches of matrices, vectors.
func productShape(_ *symbols, n *gorgonia.Node, in []extents) (extents, error) {
	params, ok := intsOf(n.Op(), "āBinaryOperator", "transA", "transB")
	if !ok || len(in) != 2 {
		return nil, errFields
	}
	a, b := in[0], in[1]
	switch params[0] {
	case productInner:
		return nil, contracted(a, b)
	case productOuter:
		return slices.Concat(flat(a), flat(b)), nil
	}
	if len(a) < 2 || len(b) < 1 {
		return nil, fmt.Errorf("operands of shapes %v and %v, want matrices", a.numbers(), b.numbers())
	}
	rows, inner := a[len(a)-2], a[len(a)-1]
	if params[1] != 0 {
		rows, inner = inner, rows
	}
	if params[0] == productMatVec {
		return extents{rows}, contracted(extents{inner}, b)
	}
	if len(b) < 2 {
		return nil, fmt.Errorf("operands of shapes %v and %v, want matrices", a.numbers(), b.numbers())
	}
	own, columns := b[len(b)-2], b[len(b)-1]
	if params[2] != 0 {
		own, columns = columns, own
	}
	outer, err := met(a[:len(a)-2:len(a)-2], b[:len(b)-2])
	if err == nil {
		err = contracted(extents{inner}, extents{own})
	}
	return append(slices.Clone(outer), rows, columns), err
}

// contracted returns an error for axes that are summed over, of which one has the batch.
func contracted(a, b extents) error {
	if a.batch() >= 0 || b.batch() >= 0 {
		return fmt.Errorf("sums over the batch, want a sum within each sample")
	}
	return nil
}

// flat returns the one axis of all elements.
func flat(x extents) extents { return extents{joined(slices.Concat(x...)...)} }

func tensordotShape(_ *symbols, n *gorgonia.Node, in []extents) (out extents, err error) {
	for i, field := range []string{"aAxes", "bAxes"} {
		over, ok := intsOf(n.Op(), field)
		if !ok || len(in) != 2 {
			return nil, errFields
		}
		for axis, e := range in[i] {
			if !slices.Contains(over, axis) {
				out = append(out, e)
			} else if err := contracted(extents{e}, nil); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// repeatShape: along an axis of size 1 the result has what the second operand is the size of.
func repeatShape(s *symbols, n *gorgonia.Node, in []extents) (extents, error) {
	along, ok := intsOf(n.Op(), "along")
	operands, shape := operandsOf(n), []int(n.Shape())
	if !ok || along[0] < 0 || along[0] >= len(shape) || len(operands) != 2 {
		return nil, errFields
	}
	out := slices.Clone(in[0])
	for len(out) <= along[0] {
		out = append(out, nil)
	}
	times := s.sizeOf(operands[1])
	if times == nil {
		times = fixed(shape[along[0]] / out[along[0]].size())
	}
	if out[along[0]].size() == 1 && out[along[0]].at() < 0 {
		out[along[0]] = times
		return out, nil
	}
	out[along[0]] = joined(append(slices.Clone(out[along[0]]), times...)...)
	return out, nil
}

// reductionShape leaves axes out. What is summed over the batch is no model's.
func reductionShape(_ *symbols, n *gorgonia.Node, in []extents) (out extents, err error) {
	axes, ok := intsOf(n.Op(), "along")
	if !ok {
		return nil, errFields
	}
	for axis, e := range in[0] {
		switch {
		case len(axes) > 0 && !slices.Contains(axes, axis):
			out = append(out, e)
		case e.at() >= 0:
			return nil, fmt.Errorf("along axes %v of shape %v, want none that is the batch", axes, in[0].numbers())
		}
	}
	return out, nil
}

// imagesShape is that of an op that works on each image: only the first axis has the batch.
func imagesShape(_ *symbols, n *gorgonia.Node, in []extents) (extents, error) {
	out := numbered(n.Shape())
	if len(in[0]) != 4 || len(out) == 0 || slices.ContainsFunc(in[0][1:], func(e extent) bool { return e.at() >= 0 }) {
		return nil, fmt.Errorf("of shape %v, want images, the batch first", in[0].numbers())
	}
	out[0] = in[0][0]
	return out, nil
}
