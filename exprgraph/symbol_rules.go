package exprgraph

import (
	"fmt"
	"slices"

	"euryale/internal/graphop"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
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

func firstShape(_ *symbols, _ *gorgonia.Node, in []extents) (extents, error) { return in[0], nil }

// softmaxShape keeps the shape: what is normalized lies within each sample.
func softmaxShape(_ *symbols, n *gorgonia.Node, in []extents) (extents, error) {
	axis, ok := intsOf(n.Op(), "axis")
	if !ok {
		return nil, fmt.Errorf("has no fields of gorgonia v0.9.18")
	}
	at := axis[0]
	switch {
	case at < 0 && n.Shape().IsColVec():
		at = 0 // Gorgonia's default for a column
	case at < 0:
		at += len(in[0])
	}
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
		return nil, fmt.Errorf("has no fields of gorgonia v0.9.18")
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
			return nil, fmt.Errorf("has no fields of gorgonia v0.9.18")
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
		return nil, fmt.Errorf("has no fields of gorgonia v0.9.18")
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

func transposeShape(_ *symbols, n *gorgonia.Node, in []extents) (extents, error) {
	perm, ok := intsOf(n.Op(), "pattern")
	if !ok || len(perm) != len(in[0]) {
		return nil, fmt.Errorf("axes %v of shape %v, want each once", perm, in[0].numbers())
	}
	out := make(extents, len(perm))
	for i, axis := range perm {
		if axis < 0 || axis >= len(perm) {
			return nil, fmt.Errorf("axes %v of shape %v, want each once", perm, in[0].numbers())
		}
		out[i] = in[0][axis]
	}
	return out, nil
}

// concatShape: along the axis, parts that have the batch differ in the number outside of it alone.
func concatShape(_ *symbols, n *gorgonia.Node, in []extents) (out extents, err error) {
	axis, ok := intsOf(n.Op(), "axis")
	if !ok || axis[0] < 0 || axis[0] >= len(in[0]) {
		return nil, fmt.Errorf("along axis %v of shape %v, want one of its axes", axis, in[0].numbers())
	}
	at := axis[0]
	for i, x := range in {
		if len(x) != len(in[0]) {
			return nil, fmt.Errorf("shapes %v and %v, want as many axes", in[0].numbers(), x.numbers())
		}
		part := slices.Clone(x)
		along := extent(nil)
		if i > 0 {
			along, part[at] = out[at], out[at]
		}
		if out, err = met(out, part); err != nil {
			return nil, err
		}
		if i > 0 {
			if out[at], err = behind(along, x[at]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// behind returns the extent of one axis behind another.
func behind(a, b extent) (extent, error) {
	if a.at() < 0 && b.at() < 0 {
		return fixed(a.size() + b.size()), nil
	}
	m, rest := a.outside()
	more, other := b.outside()
	if !slices.Equal(rest, other) {
		return nil, ambiguous("puts samples behind what is none, or in another order")
	}
	return joined(append(extent{{n: m + more}}, rest...)...), nil
}

// outside returns the number outside of the batch, and the factors from the batch on.
func (e extent) outside() (m int, rest extent) {
	if len(e) > 0 && !e[0].batch && e.at() >= 0 {
		return e[0].n, e[1:]
	}
	return 1, e
}

// sliceShape: of an axis with the batch, indices of the number outside of it are taken.
func sliceShape(_ *symbols, n *gorgonia.Node, in []extents) (extents, error) {
	along, ok := intsOf(n.Op(), "along")
	taken, okSlice := sliceOf(n.Op())
	if !ok || !okSlice || along[0] < 0 || along[0] >= len(in[0]) {
		return nil, fmt.Errorf("of shape %v, want a slice along one of its axes", in[0].numbers())
	}
	at, out := along[0], slices.Clone(in[0])
	own := out[at]
	end := min(taken.end, own.size())
	if taken.end <= taken.start || own.at() < 0 || taken.start == 0 && end == own.size() && taken.step == 1 {
		if own.at() < 0 && taken.end > taken.start {
			out[at] = fixed((end - taken.start + taken.step - 1) / taken.step)
		}
		return out, nil
	}
	m, rest := own.outside()
	rows := rest.size()
	switch {
	case taken.step == 1 && taken.start%rows == 0 && end%rows == 0:
		out[at] = joined(append(extent{{n: (end - taken.start) / rows}}, rest...)...)
		return out, nil
	case m == 1 && len(rest) == 1 && taken.step == 1 && divisor(taken.start, end, rows) > 1:
		samples := divisor(taken.start, end, rows)
		return nil, finer{extent{{n: rows / samples}, {samples, true}}}
	}
	return nil, ambiguous("from %d up to %d in steps of %d of the batch of %d, want whole batches, or another axis",
		taken.start, end, taken.step, rows)
}

// divisor returns the greatest common divisor.
func divisor(list ...int) (d int) {
	for _, n := range list {
		for n != 0 {
			d, n = n, d%n
		}
	}
	return d
}

func gatherShape(_ *symbols, n *gorgonia.Node, in []extents) (extents, error) {
	axis, ok := intsOf(n.Op(), "axis")
	if !ok || len(in) != 2 || axis[0] < 0 || axis[0] >= len(in[0]) {
		return nil, fmt.Errorf("along axis %v of shape %v, want one of its axes", axis, in[0].numbers())
	}
	if err := contracted(extents{in[0][axis[0]]}, nil); err != nil {
		return nil, fmt.Errorf("takes samples by index, want another axis")
	}
	return slices.Concat(in[0][:axis[0]], in[1], in[0][axis[0]+1:]), nil
}

// reductionShape leaves axes out. What is summed over the batch is no model's.
func reductionShape(_ *symbols, n *gorgonia.Node, in []extents) (out extents, err error) {
	axes, ok := intsOf(n.Op(), "along")
	if !ok {
		return nil, fmt.Errorf("has no fields of gorgonia v0.9.18")
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
