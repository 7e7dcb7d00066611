package ops

import (
	"fmt"
	"math"

	"euryale/internal/dense"
	"euryale/internal/graphop"
	"euryale/qtensor"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// FakeQuantizeLSQ works like FakeQuantize with scales that are learned (learned step size quantization):
// scale is a node of its own, s, which the solver trains beside the weights. With Q = qmax of the scheme, y =
// s·clamp(RNE(x/s), −Q, Q) and
//
//	dx = dy       where |x/s| < Q, else 0
//	ds = g·Σ dy·v with v = RNE(x/s) − x/s where |x/s| < Q, else Q·sign(x), and g = 1/√(n·Q),
//
// summed over the n elements that share s. y is bit for bit what qtensor.QuantizeWith and Dequantize give
// with the scales of that moment.
//
// scheme is qtensor.Symmetric or Int4, per tensor or per axis, with float32 scales. scale is of x's type and
// of any shape with one element for the tensor, or one for each index of the axis. A good initial value is
// the scale of qtensor.Quantize, or, as the source has it, 2·mean|x|/√Q.
//
// Errors are those of FakeQuantize; qtensor.ErrShape and ErrDtype for scale too. When the graph runs, a scale
// that is not positive, not finite, or below 2^−126 is qtensor.ErrParams: too large a learning rate makes
// such.
//
// Source: Esser et al., "Learned Step Size Quantization", arXiv:1902.08153, equations 1 to 5 and §2.2, but
// for qmin = −Q, which is that of this module's symmetric schemes.
func FakeQuantizeLSQ(x, scale *gorgonia.Node, scheme qtensor.Scheme) (*gorgonia.Node, error) {
	l, err := newLSQ(x, scale, scheme)
	if err == nil {
		var y *gorgonia.Node
		if y, err = gorgonia.ApplyOp(l, x, scale); err == nil {
			return y, nil
		}
	}
	return nil, fmt.Errorf("ops: FakeQuantizeLSQ: %w", err)
}

// lsq is the op (x, s) → y.
type lsq struct {
	graphop.Base
	x, s   operand
	scheme qtensor.Scheme
}

func newLSQ(x, scale *gorgonia.Node, scheme qtensor.Scheme) (*lsq, error) {
	low, high := scheme.CodeRange()
	if err := scheme.Validate(); err != nil {
		return nil, err
	}
	if low != -high || scheme.IsFloat() || scheme.GroupSize() > 0 || scheme.Scales() != qtensor.ScaleFloat32 {
		return nil, fmt.Errorf("%w: got %v, want a symmetric one per tensor or axis with float32 scales", qtensor.ErrScheme, scheme)
	}
	of, err := operandOf(x, floats)
	if err != nil {
		return nil, err
	}
	by, err := operandOf(scale, floats)
	if err != nil {
		return nil, fmt.Errorf("scale: %w", err)
	}
	if of.dtype != by.dtype {
		return nil, fmt.Errorf("%w: got a scale of %v for %v, want one type", qtensor.ErrDtype, by.dtype, of.dtype)
	}
	l := &lsq{graphop.NewBase(fmt.Sprintf("fakequantize lsq %v", scheme)), of, by, scheme}
	return l, l.fits(x.Shape(), scale.Shape())
}

// fits returns an error if there is not one scale for each block of x.
func (l *lsq) fits(x, scale tensor.Shape) error {
	blocks, err := l.scheme.Blocks(x)
	if err == nil && scale.TotalSize() != blocks {
		err = fmt.Errorf("%w: got scales of shape %v for %v, want %d under %v", qtensor.ErrShape, scale, x, blocks, l.scheme)
	}
	return err
}

// Arity returns 2.
func (l *lsq) Arity() int { return 2 }

// Type returns a → b → a for the types of x and s.
func (l *lsq) Type() hm.Type { return hm.NewFnType(l.x.typ, l.s.typ, l.x.typ) }

// InferShape returns the shape of x.
func (l *lsq) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, l.x.dims, l.s.dims)
	if err == nil {
		err = l.fits(shapes[0], shapes[1])
	}
	if err != nil {
		return nil, fmt.Errorf("ops: %v: %w", l, err)
	}
	return shapes[0].Clone(), nil
}

// Do quantizes and dequantizes into a fresh tensor, or scalar.
func (l *lsq) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	y, err := l.do(inputs)
	if err != nil {
		return nil, fmt.Errorf("ops: %v: %w", l, err)
	}
	return y, nil
}

func (l *lsq) do(inputs []gorgonia.Value) (gorgonia.Value, error) {
	q, err := l.quantize(inputs)
	if err != nil {
		return nil, err
	}
	return dequantized(q, l.x.dtype)
}

// quantize returns x quantized.
func (l *lsq) quantize(inputs []gorgonia.Value) (*qtensor.QTensor, error) {
	if len(inputs) != 2 {
		return nil, fmt.Errorf("%w: got %d inputs, want 2", qtensor.ErrShape, len(inputs))
	}
	x, scales, err := l.read(inputs[0], inputs[1])
	if err != nil {
		return nil, err
	}
	return qtensor.QuantizeWith(x, qtensor.Params{Scheme: l.scheme, Scales: scales})
}

// read returns x and the scales, which are positive and one for each block of it.
func (l *lsq) read(x, s gorgonia.Value) (*tensor.Dense, []float32, error) {
	values, err := l.x.read(x, l.scheme)
	if err != nil {
		return nil, nil, err
	}
	by, scales, err := l.scales(s)
	if err != nil {
		return nil, nil, fmt.Errorf("scale: %w", err)
	}
	return values, scales, l.fits(values.Shape(), by)
}

// scales returns the scales, which are positive, and their shape, which may be any.
func (l *lsq) scales(s gorgonia.Value) (tensor.Shape, []float32, error) {
	by, err := l.s.read(s, l.scheme.PerTensor())
	if err != nil {
		return nil, nil, err
	}
	scales, err := dense.Float32s(by)
	if err != nil {
		return nil, nil, err
	}
	for i, v := range scales {
		if !(v > 0) {
			return nil, nil, fmt.Errorf("%w: got scale %v at %d, want a positive one", qtensor.ErrParams, v, i)
		}
	}
	return by.Shape(), scales, nil
}

// DiffWRT reports gradients with respect to x and to s.
func (l *lsq) DiffWRT(int) []bool { return []bool{true, true} }

// SymDiff returns the nodes of dx and ds, for a TapeMachine.
func (l *lsq) SymDiff(inputs gorgonia.Nodes, _, dy *gorgonia.Node) (gorgonia.Nodes, error) {
	if err := checkNodes(2, inputs, dy); err != nil {
		return nil, fmt.Errorf("ops: gradient of %v: %w", l, err)
	}
	gradients := make(gorgonia.Nodes, 2)
	for i, name := range []string{"x", "scale"} {
		op := &lsqGradient{gradientOp{graphop.NewBase("gradient of " + l.String() + " by its " + name)}, l, i}
		var err error
		if gradients[i], err = gorgonia.ApplyOp(op, append(inputs[:2:2], dy)...); err != nil {
			return nil, err
		}
	}
	return gradients, nil
}

// DoDiff adds dx and ds to the gradients of x and s, for a LispMachine.
func (l *lsq) DoDiff(_ gorgonia.ExecutionContext, inputs gorgonia.Nodes, y *gorgonia.Node) error {
	if err := checkNodes(2, inputs, y); err != nil {
		return fmt.Errorf("ops: gradient of %v: %w", l, err)
	}
	dy, err := y.Grad()
	if err != nil {
		return fmt.Errorf("ops: gradient of %v: %w", l, err)
	}
	gradients, err := l.gradients(inputs[0].Value(), inputs[1].Value(), dy)
	for i := 0; i < 2 && err == nil; i++ {
		err = addGradient(inputs[i], gradients[i])
	}
	if err != nil {
		return fmt.Errorf("ops: gradient of %v: %w", l, err)
	}
	return nil
}

// gradients returns dx and ds.
func (l *lsq) gradients(x, s, dy gorgonia.Value) ([2]*tensor.Dense, error) {
	if l.x.dtype == tensor.Float64 {
		return lsqGradients[float64](l, x, s, dy)
	}
	return lsqGradients[float32](l, x, s, dy)
}

func lsqGradients[T float32 | float64](l *lsq, x, s, dy gorgonia.Value) (out [2]*tensor.Dense, err error) {
	values, scales, err := l.read(x, s)
	if err != nil {
		return out, err
	}
	elements, err := dense.Float32s(values)
	if err != nil {
		return out, err
	}
	dys, err := gradientElements[T](dy, values.Shape())
	if err != nil {
		return out, err
	}
	inner := len(elements) // elements in a row that share a scale
	if axis, perAxis := l.scheme.Axis(); perAxis {
		inner = values.Shape()[axis+1:].TotalSize()
	}
	_, high := l.scheme.CodeRange()
	dx, sums := make([]T, len(elements)), make([]float64, len(scales))
	for i, v := range elements {
		block := i / inner % len(scales)
		u := float64(v / scales[block]) // as quantizing divides
		dyds := math.Copysign(float64(high), u)
		if math.Abs(u) < float64(high) {
			dx[i], dyds = dys[i], math.RoundToEven(u)-u
		}
		sums[block] += float64(float64(dys[i]) * dyds) // converted, so that it is not fused
	}
	ds, g := make([]T, len(scales)), 1/math.Sqrt(float64(len(elements)/len(scales))*float64(high))
	for i, sum := range sums {
		ds[i] = T(g * sum)
	}
	return [2]*tensor.Dense{dense.New(dx, values.Shape()), dense.New(ds, s.Shape())}, nil
}

// lsqGradient is the gradient of lsq as an op, (x, s, dy) → dx or ds.
type lsqGradient struct {
	gradientOp
	of    *lsq
	input int // with respect to which it is
}

// Arity returns 3.
func (g *lsqGradient) Arity() int { return 3 }

// Type returns a → b → a → a or b for the types of x and s.
func (g *lsqGradient) Type() hm.Type {
	result := []hm.Type{g.of.x.typ, g.of.s.typ}[g.input]
	return hm.NewFnType(g.of.x.typ, g.of.s.typ, g.of.x.typ, result)
}

// InferShape returns the shape of x, or of s.
func (g *lsqGradient) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, g.of.x.dims, g.of.s.dims, g.of.x.dims)
	if err != nil {
		return nil, fmt.Errorf("ops: %v: %w", g, err)
	}
	return shapes[g.input].Clone(), nil
}

// Do returns dx, or ds, in a fresh tensor, or scalar.
func (g *lsqGradient) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	if len(inputs) != 3 {
		return nil, fmt.Errorf("ops: %v: %w: got %d inputs, want 3", g, qtensor.ErrShape, len(inputs))
	}
	gradients, err := g.of.gradients(inputs[0], inputs[1], inputs[2])
	if err != nil {
		return nil, fmt.Errorf("ops: %v: %w", g, err)
	}
	return asValue(gradients[g.input]), nil
}
