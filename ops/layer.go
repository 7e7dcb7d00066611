package ops

import (
	"fmt"
	"slices"

	"euryale/internal/dense"
	"euryale/internal/graphop"
	"euryale/internal/nn"
	"euryale/model"
	"euryale/qtensor"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// layer is an op with packed weights, which are captured, so that it has one input.
type layer struct {
	graphop.Base
	options nn.Options
	operand     // of input and result
	outputs int // elements of the bias

	shape func(in tensor.Shape) (tensor.Shape, error) // of the result
	layer func(in tensor.Shape) (*nn.Layer, error)    // for inputs of a shape
}

// LayerOption changes how MatMul, Linear and Conv2d work.
type LayerOption func(*layer) error

// WithActivations sets how the rows of x become integers: the default is model.Fixed24. model.StaticInt8
// needs parameters, which WithStaticInt8 has. The last of several options of a kind holds; WithActivations
// and WithStaticInt8 are one kind. Errors: qtensor.ErrParams for StaticInt8, and for a value that is none of
// the constants; qtensor.ErrScheme for another than Fixed24 with weights that are floats.
func WithActivations(a model.Activations) LayerOption {
	return func(l *layer) error {
		if a == model.StaticInt8 {
			return fmt.Errorf("%w: got static-int8 without parameters, want WithStaticInt8", qtensor.ErrParams)
		}
		l.options.Activations, l.options.Params = a, qtensor.Params{}
		return a.Validate()
	}
}

// WithStaticInt8 quantizes x with parameters that a calibration found, such as calib.Profile.Params returns,
// and saturates what lies outside of their range: model.StaticInt8. Their scheme is per tensor, Symmetric,
// Affine, PowerOfTwo, Int4 or UInt4. p is copied. Errors: qtensor.ErrScheme for another scheme, and for
// weights that are floats; qtensor.ErrParams for parameters that do not fit their scheme, and for a
// negative scale.
func WithStaticInt8(p qtensor.Params) LayerOption {
	p = p.Clone()
	return func(l *layer) error {
		l.options.Activations, l.options.Params = model.StaticInt8, p
		_, err := nn.StaticParams(p)
		return err
	}
}

// WithBias adds b[o] to each result for output o, in float32: to column o of Linear's y, and to channel o of
// Conv2d's. b has shape (out), or further axes of size 1, and is float32 or float64. It is copied. Errors:
// qtensor.ErrShape, ErrDtype, ErrLayout; ErrValue for NaN or an infinity.
func WithBias(b tensor.Tensor) LayerOption {
	return func(l *layer) error {
		bias, err := dense.Float32s(b)
		if err != nil {
			return fmt.Errorf("bias: %w", err)
		}
		if longest := slices.Max(append(b.Shape().Clone(), 1)); len(bias) != l.outputs || longest != l.outputs {
			return fmt.Errorf("%w: bias is %v, want (%d)", qtensor.ErrShape, b.Shape(), l.outputs)
		}
		l.options.Bias = slices.Clone(bias)
		return nil
	}
}

// WithReLU ends the layer with max(y, 0), after the bias.
func WithReLU() LayerOption {
	return func(l *layer) error {
		l.options.ReLU = true
		return nil
	}
}

// check applies the options, and checks them against the node and the scheme of the weights. name is that of
// the op, without its Activations.
func (l *layer) check(x *gorgonia.Node, name string, weights qtensor.Scheme, opts []LayerOption) error {
	var err error
	if l.operand, err = operandOf(x, floats); err != nil {
		return err
	}
	l.options.Activations = model.Fixed24
	for _, opt := range opts {
		if opt == nil {
			return fmt.Errorf("%w: got a nil option, want one that a function made", qtensor.ErrParams)
		}
		if err := opt(l); err != nil {
			return err
		}
	}
	if err := l.options.Check(weights, l.outputs); err != nil {
		return err
	}
	if _, err := l.shape(x.Shape()); err != nil {
		return err
	}
	l.Base = graphop.NewBase(fmt.Sprintf("%s %v %v", name, weights, l.options.Activations))
	return nil
}

// apply adds an op to the graph of x, unless there is an error already.
func apply(name string, op gorgonia.Op, x *gorgonia.Node, err error) (*gorgonia.Node, error) {
	if err == nil {
		var y *gorgonia.Node
		if y, err = gorgonia.ApplyOp(op, x); err == nil {
			return y, nil
		}
	}
	return nil, fmt.Errorf("ops: %s: %w", name, err)
}

// Type returns tensor → tensor of the rank and element type that the op was made for.
func (l *layer) Type() hm.Type {
	t := gorgonia.TensorType{Dims: l.dims, Of: l.dtype}
	return hm.NewFnType(t, t)
}

// InferShape returns the shape of the result. Gorgonia does not compare ranks by type, so they are checked
// here.
func (l *layer) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, l.dims)
	if err == nil {
		var out tensor.Shape
		if out, err = l.shape(shapes[0]); err == nil {
			return out, nil
		}
	}
	return nil, fmt.Errorf("ops: %v: %w", l, err)
}

// Do computes the layer into a fresh tensor.
func (l *layer) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	y, err := l.do(inputs)
	if err != nil {
		return nil, fmt.Errorf("ops: %v: %w", l, err)
	}
	return y, nil
}

func (l *layer) do(inputs []gorgonia.Value) (gorgonia.Value, error) {
	if len(inputs) != 1 {
		return nil, fmt.Errorf("%w: got %d inputs, want 1", qtensor.ErrShape, len(inputs))
	}
	t, ok := inputs[0].(tensor.Tensor)
	if !ok {
		return nil, fmt.Errorf("%w: got %T, want a tensor", qtensor.ErrShape, inputs[0])
	}
	x, err := dense.Float32s(t) // first, since a nil pointer has neither type nor shape
	if err != nil {
		return nil, err
	}
	if t.Dtype() != l.dtype {
		return nil, fmt.Errorf("%w: x is %v, want %v", qtensor.ErrDtype, t.Dtype(), l.dtype)
	}
	// Slicing one row out of a matrix leaves a vector: axes of size 1 that a slice dropped come back, in
	// front.
	in := t.Shape().Clone()
	for len(in) < l.dims {
		in = append(tensor.Shape{1}, in...)
	}
	if len(in) > l.dims {
		return nil, fmt.Errorf("%w: x is %v, want %d dimensions", qtensor.ErrShape, in, l.dims)
	}
	shape, err := l.shape(in)
	if err != nil {
		return nil, err
	}
	prepared, err := l.layer(in)
	if err != nil {
		return nil, err
	}
	y := make([]float32, shape.TotalSize())
	if err := prepared.Run(nn.Operand{Float: y}, nn.Operand{Float: x}, len(x)/prepared.InSize()); err != nil {
		return nil, err
	}
	if l.dtype == tensor.Float32 {
		return dense.New(y, shape), nil
	}
	wide := make([]float64, len(y))
	for i, v := range y {
		wide[i] = float64(v)
	}
	return dense.New(wide, shape), nil
}

// Arity returns 1.
func (l *layer) Arity() int { return 1 }

// DiffWRT reports that the layer has no gradient. What comes after it has one; gorgonia.Grad with respect to
// what comes before it is an error, where an op without DiffWRT makes Gorgonia panic.
func (l *layer) DiffWRT(inputs int) []bool { return make([]bool, max(inputs, 0)) }

// SymDiff returns an error, and goes with DiffWRT: Gorgonia asks for both or none.
func (l *layer) SymDiff(gorgonia.Nodes, *gorgonia.Node, *gorgonia.Node) (gorgonia.Nodes, error) {
	return nil, fmt.Errorf("ops: %v: has no gradient, want none asked for with respect to what comes before it", l)
}

// DoDiff returns an error. A LispMachine that computes gradients asks every op for its own, and would go on
// with zeros where there is none.
func (l *layer) DoDiff(gorgonia.ExecutionContext, gorgonia.Nodes, *gorgonia.Node) error {
	return fmt.Errorf("ops: %v: has no gradient, want gorgonia.ExecuteFwdOnly for a LispMachine", l)
}
