package ops

import (
	"fmt"
	"slices"

	"euryale/internal/dense"
	"euryale/internal/gemm"
	"euryale/internal/graph"
	"euryale/internal/kernel"
	"euryale/qtensor"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Option changes how MatMul and Linear work.
type Option func(*linear) error

// WithCompute says how activations are multiplied; Fixed24 where it is not given.
func WithCompute(c Compute) Option {
	return func(l *linear) (err error) {
		l.compute, err = c.checked()
		return err
	}
}

// WithBias adds b to every row of the result, in float32. b has the (out) elements of a vector, in any shape
// with no other axis longer than 1, float32 or float64, and is copied. Errors: qtensor.ErrShape, ErrDtype,
// ErrLayout; ErrValue for NaN or an infinity.
func WithBias(b tensor.Tensor) Option {
	return func(l *linear) error {
		bias, err := dense.Float32s(b)
		if err != nil {
			return fmt.Errorf("bias: %w", err)
		}
		if longest := slices.Max(append(b.Shape().Clone(), 1)); len(bias) != l.w.out || longest != l.w.out {
			return fmt.Errorf("%w: bias is %v, want (%d)", qtensor.ErrShape, b.Shape(), l.w.out)
		}
		if _, _, bad := kernel.MinMax(bias); bad >= 0 {
			return fmt.Errorf("%w: bias is %v at %d, want finite numbers", qtensor.ErrValue, bias[bad], bad)
		}
		l.output.Bias = slices.Clone(bias)
		return nil
	}
}

// WithReLU ends the layer with max(y, 0).
func WithReLU() Option {
	return func(l *linear) error {
		l.output.ReLU = true
		return nil
	}
}

// MatMul returns y = x·w for x of shape (m, in), w of shape (in, out) and y of shape (m, out), or (in) and (out)
// for a single sample: the product of activations with a weight that is dequantized on the fly. It takes
// WithCompute; bias, ReLU and higher ranks are Linear's.
//
// x is float32 or float64, which is rounded to float32 first; y has x's type, with float32 values.
// Errors: qtensor.ErrShape and qtensor.ErrDtype for x, qtensor.ErrScheme and qtensor.ErrParams for a
// Compute that does not go with the weight. When the graph runs, NaN and infinities in x are qtensor.ErrValue;
// the errors of Gorgonia's machines have it behind a method, Err() error, that errors.Is does not know.
func MatMul(x *gorgonia.Node, w *Weight, opts ...Option) (*gorgonia.Node, error) {
	l, err := newLinear(x, w, opts)
	if err == nil && (l.output.Bias != nil || l.output.ReLU) {
		err = fmt.Errorf("%w: got a bias or ReLU, want Linear for them", qtensor.ErrParams)
	}
	if err == nil && x.Dims() > 2 {
		err = fmt.Errorf("%w: got %v, want a matrix or a vector, or Linear for more", qtensor.ErrShape, x.Shape())
	}
	return apply("MatMul", l, x, err)
}

// Linear returns y = x·w + b, or max(x·w + b, 0), for x of shape (…, in), w of shape (in, out) and y of shape
// (…, out). It takes WithBias, WithReLU and WithCompute, and what MatMul says of types and errors holds.
func Linear(x *gorgonia.Node, w *Weight, opts ...Option) (*gorgonia.Node, error) {
	l, err := newLinear(x, w, opts)
	return apply("Linear", l, x, err)
}

// linear is the op of both. The weight is captured, so it has one input.
type linear struct {
	graph.Base
	w       *Weight
	compute Compute
	output  gemm.Output
	dims    int
	dtype   tensor.Dtype
}

func newLinear(x *gorgonia.Node, w *Weight, opts []Option) (*linear, error) {
	if x == nil || w == nil || w.ints == nil && w.halves == nil {
		return nil, fmt.Errorf("%w: got no node, or a weight that Pack did not make, want both", qtensor.ErrShape)
	}
	switch x.Type().(type) { // the others have no Dims and Dtype, and panic when asked
	case gorgonia.TensorType, tensor.Dtype:
	default:
		return nil, fmt.Errorf("%w: x is a %v, want float32 or float64", qtensor.ErrDtype, x.Type())
	}
	l := &linear{w: w, compute: Fixed24(), dims: x.Dims(), dtype: x.Dtype()}
	for _, opt := range opts {
		if opt == nil {
			return nil, fmt.Errorf("%w: got a nil option", qtensor.ErrParams)
		}
		if err := opt(l); err != nil {
			return nil, err
		}
	}
	if w.halves != nil && l.compute.arithmetic.Bits == 0 {
		return nil, fmt.Errorf("%w: got %v weights with %v, want Fixed24 or Fixed16", qtensor.ErrScheme, w.scheme, l.compute)
	}
	if l.dtype != tensor.Float32 && l.dtype != tensor.Float64 {
		return nil, fmt.Errorf("%w: x is %v, want float32 or float64", qtensor.ErrDtype, l.dtype)
	}
	if _, err := l.shape(x.Shape()); err != nil {
		return nil, err
	}
	l.Base = graph.NewBase(fmt.Sprintf("linear(%d, %d) %v %v", w.in, w.out, w.scheme, l.compute))
	return l, nil
}

func apply(name string, l *linear, x *gorgonia.Node, err error) (*gorgonia.Node, error) {
	if err == nil {
		var y *gorgonia.Node
		if y, err = gorgonia.ApplyOp(l, x); err == nil {
			return y, nil
		}
	}
	return nil, fmt.Errorf("ops: %s: %w", name, err)
}

// Arity returns 1.
func (l *linear) Arity() int { return 1 }

// Type returns tensor → tensor of the rank and element type that the op was made for.
func (l *linear) Type() hm.Type {
	t := gorgonia.TensorType{Dims: l.dims, Of: l.dtype}
	return hm.NewFnType(t, t)
}

// InferShape returns (…, out) for (…, in). Gorgonia does not compare ranks by type, so they are checked here.
func (l *linear) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	if len(inputs) != 1 {
		return nil, fmt.Errorf("ops: %v: %w: got %d inputs, want 1", l, qtensor.ErrShape, len(inputs))
	}
	in, ok := inputs[0].(tensor.Shape)
	if !ok {
		return nil, fmt.Errorf("ops: %v: %w: got a %T, want a shape", l, qtensor.ErrShape, inputs[0])
	}
	if len(in) != l.dims {
		return nil, fmt.Errorf("ops: %v: %w: x is %v, want %d dimensions", l, qtensor.ErrShape, in, l.dims)
	}
	out, err := l.shape(in)
	if err != nil {
		return nil, fmt.Errorf("ops: %v: %w", l, err)
	}
	return out, nil
}

// shape returns the shape of the result for an input of the given shape.
func (l *linear) shape(in tensor.Shape) (tensor.Shape, error) {
	if len(in) == 0 || in[len(in)-1] != l.w.in {
		return nil, fmt.Errorf("%w: x is %v, want (…, %d)", qtensor.ErrShape, in, l.w.in)
	}
	out := in.Clone()
	out[len(out)-1] = l.w.out
	return out, nil
}

// DiffWRT reports that the layer has no gradient. What comes after it has one; gorgonia.Grad with respect to
// what comes before it is an error, where an op without DiffWRT makes Gorgonia panic.
func (l *linear) DiffWRT(inputs int) []bool { return make([]bool, inputs) }

// SymDiff returns an error, and goes with DiffWRT: Gorgonia asks for both or none.
func (l *linear) SymDiff(gorgonia.Nodes, *gorgonia.Node, *gorgonia.Node) (gorgonia.Nodes, error) {
	return nil, fmt.Errorf("ops: %v: has no gradient", l)
}

// DoDiff returns an error. A LispMachine that computes gradients asks every op for its own, and would go on with
// zeros where there is none.
func (l *linear) DoDiff(gorgonia.ExecutionContext, gorgonia.Nodes, *gorgonia.Node) error {
	return fmt.Errorf("ops: %v: has no gradient, want gorgonia.ExecuteFwdOnly for a LispMachine", l)
}

// Do computes the layer into a fresh tensor.
func (l *linear) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	y, err := l.do(inputs)
	if err != nil {
		return nil, fmt.Errorf("ops: %v: %w", l, err)
	}
	return y, nil
}

func (l *linear) do(inputs []gorgonia.Value) (gorgonia.Value, error) {
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
	// Slicing one row out of a matrix leaves a vector: axes of size 1 that a slice dropped come back, in front.
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
	y := make([]float32, shape.TotalSize())
	rows := len(y) / l.w.out
	if l.w.halves != nil {
		err = gemm.MultiplyHalf(y, x, rows, l.w.halves, l.output)
	} else {
		err = gemm.Multiply(y, x, rows, l.w.ints, l.compute.arithmetic, l.output)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", qtensor.ErrValue, err)
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
