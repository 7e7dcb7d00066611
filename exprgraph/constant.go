package exprgraph

import (
	"math"
	"slices"

	"euryale/internal/dense"
	"euryale/internal/ir"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// leaf returns the constant of a weight.
func (r *reader) leaf(p pair) (*value, error) {
	if r.given.Contains(p.a) || r.given.Contains(p.b) {
		return nil, p.fail("an input at one batch size, %q at another, want the same input", nameOf(p.b))
	}
	var values []gorgonia.Value
	for _, n := range p.sides() {
		v := n.Value()
		if v == nil {
			return nil, p.fail("no value, want one, or the node among the inputs")
		}
		if shape := []int(n.Shape()); !slices.Equal(v.Shape(), shape) {
			return nil, p.fail("a value of shape %v, want the node's %v", v.Shape(), shape)
		}
		values = append(values, v)
	}
	return r.valueOf(p, nameOf(p.a), values)
}

// native are ops whose readers take constants: they keep how those were quantized, or what they repeat.
var native = []string{"reshapeOp", "transposeOp", "repeatOp", "sizeOp"}

// products are ops whose sums depend, in float32, on where operands lie in memory: constants of them are
// computed in float64.
var products = []string{"linAlgBinOp", "tensordotOp"}

// constant returns the value of an op of Gorgonia on constants alone, as Gorgonia computes it; nil for others.
func (r *reader) constant(p pair, operands []pair) (*value, error) {
	kind := p.kind()
	if kind == "" || slices.Contains(native, kind) || slices.Contains(impure, kind) || slices.Contains(unguarded, kind) {
		return nil, nil
	}
	in, name := make([]*value, len(operands)), ""
	for i, operand := range operands {
		if !isFloat(operand) {
			return nil, nil
		}
		v, err := r.read(operand)
		if err != nil || v.data == nil || v.quantized != nil {
			return nil, nil // its reader asks again, and fails
		}
		if in[i] = v; name == "" {
			name = v.base
		}
	}
	var made []gorgonia.Value
	for side, n := range p.sides() {
		values := make([]gorgonia.Value, len(in))
		for i, operand := range operands {
			var err error
			if values[i], err = r.exactly(operand.sides()[side], in[i]); err == nil && slices.Contains(products, kind) {
				values[i], err = widened(values[i])
			}
			if err != nil {
				return nil, err
			}
		}
		y, err := apply(n.Op(), values)
		if err != nil {
			return nil, nil // which a model may compute, or its reader refuses
		}
		if size(y.Shape()) != size(n.Shape()) {
			return nil, p.fail("gives shape %v, want the node's %v", y.Shape(), n.Shape())
		}
		if n.Dtype() == tensor.Float32 && slices.Contains(products, kind) {
			x, err := elements(y)
			if err == nil {
				y, err = valueOf(n, x)
			}
			if err != nil {
				return nil, err
			}
		}
		r.exact[n] = y
		made = append(made, y)
	}
	return r.valueOf(p, name, made)
}

// widened returns a value of float64.
func widened(v gorgonia.Value) (gorgonia.Value, error) {
	if v.Dtype() == tensor.Float64 {
		return v, nil
	}
	x, err := elements(v)
	if err != nil {
		return nil, err
	}
	if len(v.Shape()) == 0 {
		return gorgonia.NewF64(float64(x[0])), nil
	}
	return dense.New(converted[float64](x), v.Shape()), nil
}

// exactly returns a constant in the type of its node's graph: as it is there, or from float32.
func (r *reader) exactly(n *gorgonia.Node, v *value) (gorgonia.Value, error) {
	if y := r.exact[n]; y != nil {
		return y, nil
	}
	if y := n.Value(); y != nil && (n.Op() == nil || isConstant(n)) {
		return y, nil
	}
	return valueOf(n, repeated(v.data, v.shape, n.Shape()))
}

// valueOf returns the constant of the values that a node has in each build. Along an axis that has the batch,
// it has one index, for all that are equal.
func (r *reader) valueOf(p pair, name string, values []gorgonia.Value) (*value, error) {
	same := func(x, y []float32) bool {
		return slices.EqualFunc(x, y, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
	}
	if slices.Contains(products, p.kind()) {
		same = func(x, y []float32) bool {
			_, ok := equal(x, y)
			return ok
		}
	}
	var c *value
	for i, n := range p.sides() {
		data, err := elements(values[i])
		if err != nil {
			return nil, p.fail("%v", err)
		}
		v := &value{base: name, shape: slices.Clone([]int(n.Shape())), data: data}
		if len(data) == 0 || len(data) != size(v.shape) {
			return nil, p.fail("%d elements for shape %v, want as many, at least one", len(data), v.shape)
		}
		if v, err = unbatched(p, v, p.shape()); err != nil {
			return nil, err
		}
		if c != nil && !same(c.data, v.data) {
			return nil, p.fail("a weight of other values at another batch size, want the same: " +
				"make its value once, outside of build, for gorgonia.WithValue")
		}
		c = v
	}
	c.data = slices.Clone(c.data)
	return c, nil
}

// unbatched returns a constant with one index along the axes in which want has the batch, and those alone:
// what a leaf that is shaped by the batch repeats.
func unbatched(p pair, v *value, want []int) (*value, error) {
	for axis, d := range want {
		if d != ir.Batch || len(v.shape) != len(want) || v.shape[axis] == 1 || v.shape[axis] == ir.Batch {
			continue
		}
		data, other := collapsed(v.data, v.shape, axis)
		if other > 0 {
			return nil, p.fail("a constant of shape %v, of which axis %d has the batch, and indices 0 and %d are not equal: "+
				"want one of size 1 there, which is broadcast, the node among the inputs, or WithoutBatch", v.shape, axis, other)
		}
		shape := slices.Clone(v.shape)
		shape[axis] = 1
		v = &value{base: v.base, shape: shape, data: data}
	}
	return v, nil
}

// collapsed returns the elements at index 0 of an axis, where all other indices have the same; else the first
// index that has others.
func collapsed(data []float32, shape []int, axis int) (first []float32, other int) {
	n, inner := shape[axis], size(shape[axis+1:])
	for at := 0; at < len(data); at += n * inner {
		one := data[at : at+inner]
		for i := 1; i < n; i++ {
			for j, x := range data[at+i*inner : at+(i+1)*inner] {
				if math.Float32bits(x) != math.Float32bits(one[j]) {
					return nil, i
				}
			}
		}
		first = append(first, one...)
	}
	return first, 0
}

// compact returns a constant with one index along every axis whose indices are all equal, if it has more than
// one axis: a bias of full image shape is one number for each channel.
func compact(v *value) *value {
	long := 0
	for _, d := range v.shape {
		if d > 1 {
			long++
		}
	}
	if long < 2 || v.quantized != nil {
		return v
	}
	for axis, d := range v.shape {
		if d == 1 {
			continue
		}
		if data, other := collapsed(v.data, v.shape, axis); other == 0 {
			shape := slices.Clone(v.shape)
			shape[axis] = 1
			v = &value{base: v.base, shape: shape, data: data}
		}
	}
	return v
}

// repeated returns the elements of a constant in a shape that it is broadcast to.
func repeated(data []float32, from, to []int) []float32 {
	if slices.Equal(from, to) {
		return data
	}
	from = slices.Concat(slices.Repeat([]int{1}, len(to)-len(from)), from)
	for axis := len(to) - 1; axis >= 0; axis-- {
		if from[axis] == to[axis] {
			continue
		}
		inner := size(to[axis+1:])
		out := make([]float32, 0, len(data)*to[axis])
		for at := 0; at < len(data); at += inner {
			for range to[axis] {
				out = append(out, data[at:at+inner]...)
			}
		}
		data = out
	}
	return data
}

// whole returns the value of a node, which is not smaller than the node's.
func (r *reader) whole(p pair) (*value, error) {
	v, err := r.read(p)
	if err != nil {
		return nil, err
	}
	return r.fit(p, v, p.shape())
}

// fit returns a value in a shape that it is broadcast to, which has the batch where p has it.
func (r *reader) fit(p pair, v *value, want []int) (_ *value, err error) {
	if slices.Equal(v.shape, want) {
		return v, nil
	}
	if v.data != nil {
		if v, err = unbatched(p, v, want); err != nil {
			return nil, err
		}
	}
	if got, ok := broadcast(v.shape, want); !ok || !slices.Equal(got, want) {
		return nil, p.fail("of shape %v, want %v", v.shape, want)
	}
	if v.data != nil && batches(want) == 0 {
		return &value{base: v.base, shape: want, data: repeated(v.data, v.shape, want)}, nil
	}
	return r.expand(p, v, want), nil
}

// expand repeats a value along axes of size 1. An axis that is some times the batch is two on the way.
func (r *reader) expand(p pair, v *value, want []int) *value {
	own := slices.Concat(slices.Repeat([]int{1}, len(want)-len(v.shape)), v.shape)
	var from, to []int
	for axis, d := range want {
		switch {
		case own[axis] == d:
			from, to = append(from, d), append(to, 1)
		case d == ir.Batch && p.multiple(axis) > 1:
			from, to = append(from, 1, 1), append(to, p.multiple(axis), ir.Batch)
		default:
			from, to = append(from, 1), append(to, d)
		}
	}
	shape, _ := broadcast(from, to)
	return r.reshape(r.add(ir.Node{Op: ir.OpExpand, Shape: to}, shape, r.reshape(v, from)), want)
}
