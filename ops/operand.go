package ops

import (
	"fmt"
	"slices"
	"strings"

	"euryale/internal/dense"
	"euryale/qtensor"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// operand is what an op knows of a node that it works on: a tensor or a scalar. A batch size is not among it.
type operand struct {
	typ   hm.Type
	dims  int
	dtype tensor.Dtype
}

// dtypes are the types that an operand may have.
type dtypes []tensor.Dtype

var (
	floats = dtypes{tensor.Float32, tensor.Float64}
	ints   = dtypes{tensor.Int}
)

// String returns the names, "float32 or float64".
func (d dtypes) String() string {
	names := make([]string, len(d))
	for i, dt := range d {
		names[i] = dt.String()
	}
	return strings.Join(names, " or ")
}

// operandOf returns what an op is to know of x, which has one of the given types. Errors: ErrShape for no
// node, and for one without a graph or a shape of its rank; ErrDtype.
func operandOf(x *gorgonia.Node, types dtypes) (operand, error) {
	if x == nil {
		return operand{}, fmt.Errorf("%w: got no node, want one", qtensor.ErrShape)
	}
	o, of := operand{typ: x.Type()}, x.Type()
	if t, ok := of.(gorgonia.TensorType); ok {
		o.dims, of = t.Dims, t.Of
	}
	o.dtype, _ = of.(tensor.Dtype)
	if !slices.Contains(types, o.dtype) {
		return operand{}, fmt.Errorf("%w: got a node of %v, want %v", qtensor.ErrDtype, of, types)
	}
	if x.Graph() == nil {
		return operand{}, fmt.Errorf("%w: got a node without a graph, want one in a graph", qtensor.ErrShape)
	}
	shape := x.Shape() // of a vector, it may be that of a row or a column
	if fits := len(shape) == o.dims || o.dims == 1 && shape.IsVector() || o.dims == 0 && shape.IsScalarEquiv(); !fits {
		return operand{}, fmt.Errorf("%w: got a node of rank %d with shape %v, want a shape of that rank", qtensor.ErrShape, o.dims, shape)
	}
	o.dims = len(shape)
	return o, nil
}

// read returns v as a tensor, or an error if it has not the type of the operand. An elementwise op takes any
// rank, since slicing one row out of a matrix leaves a vector; but an axis of s is one of the operand's.
func (o operand) read(v gorgonia.Value, s qtensor.Scheme) (*tensor.Dense, error) {
	t, err := asTensor(v)
	if err != nil {
		return nil, err
	}
	if t.Dtype() != o.dtype {
		return nil, fmt.Errorf("%w: got %s, want %v", qtensor.ErrDtype, dense.TypeName(t.Dtype()), o.dtype)
	}
	if _, perAxis := s.Axis(); perAxis && t.Dims() != o.dims {
		return nil, fmt.Errorf("%w: got %v for %v, want %d dimensions", qtensor.ErrShape, t.Shape(), s, o.dims)
	}
	return t, nil
}

// shapesOf returns the shapes of inputs, or an error if they have not the given ranks. Gorgonia does not
// compare ranks by type.
func shapesOf(inputs []gorgonia.DimSizer, dims ...int) ([]tensor.Shape, error) {
	if len(inputs) != len(dims) {
		return nil, fmt.Errorf("%w: got %d inputs, want %d", qtensor.ErrShape, len(inputs), len(dims))
	}
	shapes := make([]tensor.Shape, len(dims))
	for i, in := range inputs {
		shape, ok := in.(tensor.Shape)
		if !ok {
			return nil, fmt.Errorf("%w: got a %T, want a shape", qtensor.ErrShape, in)
		}
		if len(shape) != dims[i] {
			return nil, fmt.Errorf("%w: got %v, want %d dimensions", qtensor.ErrShape, shape, dims[i])
		}
		shapes[i] = shape
	}
	return shapes, nil
}

// asTensor returns v, a tensor or one of Gorgonia's scalars, as a tensor.
func asTensor(v gorgonia.Value) (*tensor.Dense, error) {
	switch v := v.(type) {
	case *tensor.Dense:
		if v != nil {
			return v, nil
		}
	case *gorgonia.F32:
		if v != nil {
			return tensor.New(tensor.FromScalar(float32(*v))), nil
		}
	case *gorgonia.F64:
		if v != nil {
			return tensor.New(tensor.FromScalar(float64(*v))), nil
		}
	}
	return nil, fmt.Errorf("%w: got %T, want a dense tensor, float32 or float64, or a scalar", qtensor.ErrLayout, v)
}

// asValue returns t as the value of a node: of rank 0, a scalar.
func asValue(t *tensor.Dense) gorgonia.Value {
	if t.Shape().IsScalar() {
		switch v := t.ScalarValue().(type) {
		case float32:
			return gorgonia.NewF32(v)
		case float64:
			return gorgonia.NewF64(v)
		}
	}
	return t
}

// gradientElements returns the elements of dy, the gradient of a value of the given shape.
func gradientElements[T float32 | float64](dy gorgonia.Value, shape tensor.Shape) ([]T, error) {
	d, err := asTensor(dy)
	if err != nil {
		return nil, err
	}
	elements, err := dense.Slice[T](d)
	if err == nil && len(elements) != shape.TotalSize() {
		err = fmt.Errorf("%w: got a gradient of shape %v, want %v", qtensor.ErrShape, d.Shape(), shape)
	}
	return elements, err
}

// addGradient adds d, of the shape of n's value, to the gradient that a LispMachine keeps for n: in place,
// since other ops on n add theirs to it.
func addGradient(n *gorgonia.Node, d *tensor.Dense) error {
	sum, err := n.Grad()
	if err != nil {
		return err
	}
	switch sum := sum.(type) {
	case *tensor.Dense: // in any layout: it has that of the value of n
		_, err = tensor.Add(sum, d, tensor.UseUnsafe())
		return err
	case *gorgonia.F32:
		if v, ok := asValue(d).(*gorgonia.F32); ok {
			*sum += *v
			return nil
		}
	case *gorgonia.F64:
		if v, ok := asValue(d).(*gorgonia.F64); ok {
			*sum += *v
			return nil
		}
	}
	return fmt.Errorf("%w: got a gradient of type %T, want one for %v %v", qtensor.ErrDtype, sum, d.Dtype(), d.Shape())
}
