package exprgraph

import (
	"math"
	"slices"

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
	return r.constantOf(p, nameOf(p.a), values)
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
	return r.constantOf(p, name, made)
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
	return valueAs(tensor.Float64, v.Shape(), x)
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

func sameBits(x, y []float32) bool {
	return slices.EqualFunc(x, y, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// constantOf returns the constant of the values that a node has in each build. Along an axis that has the
// batch, it has one index, for all that are equal.
func (r *reader) constantOf(p pair, name string, values []gorgonia.Value) (*value, error) {
	same := sameBits
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
