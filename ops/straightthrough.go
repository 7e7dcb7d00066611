package ops

import (
	"fmt"
	"math"
	"slices"

	"euryale/internal/convert"
	"euryale/internal/dense"
	"euryale/internal/graphop"
	"euryale/qtensor"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// DiffWRT reports a gradient with respect to x.
func (f *fakeQuantize) DiffWRT(int) []bool { return []bool{true} }

// SymDiff returns the node of dx, for a TapeMachine: dy itself where nothing saturates.
func (f *fakeQuantize) SymDiff(inputs gorgonia.Nodes, _, dy *gorgonia.Node) (gorgonia.Nodes, error) {
	if err := checkNodes(1, inputs, dy); err != nil {
		return nil, fmt.Errorf("ops: gradient of %v: %w", f, err)
	}
	if f.params == nil {
		return gorgonia.Nodes{dy}, nil
	}
	op := &straightThrough{gradientOp{graphop.NewBase("gradient of " + f.String())}, f}
	dx, err := gorgonia.ApplyOp(op, append(inputs[:1:1], dy)...)
	return gorgonia.Nodes{dx}, err
}

// DoDiff adds dx to the gradient of x, for a LispMachine.
func (f *fakeQuantize) DoDiff(_ gorgonia.ExecutionContext, inputs gorgonia.Nodes, y *gorgonia.Node) error {
	if err := checkNodes(1, inputs, y); err != nil {
		return fmt.Errorf("ops: gradient of %v: %w", f, err)
	}
	x := inputs[0]
	dy, err := y.Grad()
	if err != nil {
		return fmt.Errorf("ops: gradient of %v: %w", f, err)
	}
	dx, err := f.through(x.Value(), dy)
	if err == nil {
		err = addGradient(x, dx)
	}
	if err != nil {
		return fmt.Errorf("ops: gradient of %v: %w", f, err)
	}
	return nil
}

// checkNodes returns an error unless there are as many inputs as wanted, and they and y are nodes.
func checkNodes(want int, inputs gorgonia.Nodes, y *gorgonia.Node) error {
	if len(inputs) != want || y == nil || slices.Contains(inputs, nil) {
		return fmt.Errorf("%w: got %d inputs, want %d, and no nil among them and y", qtensor.ErrShape, len(inputs), want)
	}
	return nil
}

// through returns dx for the value of x.
func (f *fakeQuantize) through(x, dy gorgonia.Value) (*tensor.Dense, error) {
	at, err := f.read(x, f.scheme)
	if err != nil {
		return nil, err
	}
	if f.dtype == tensor.Float64 {
		return masked[float64](f, at, dy)
	}
	return masked[float32](f, at, dy)
}

// masked returns dx for x: the elements of dy where x does not saturate, and 0 for the others.
func masked[T float32 | float64](f *fakeQuantize, x *tensor.Dense, dy gorgonia.Value) (*tensor.Dense, error) {
	elements, err := dense.Float32s(x)
	if err != nil {
		return nil, err
	}
	gradient, err := gradientElements[T](dy, x.Shape())
	if err != nil {
		return nil, err
	}
	if f.params == nil {
		return dense.New(slices.Clone(gradient), x.Shape()), nil
	}
	if err := f.fits(x.Shape()); err != nil {
		return nil, err
	}
	lowest, err := f.saturated(-math.MaxFloat32)
	if err != nil {
		return nil, err
	}
	highest, err := f.saturated(math.MaxFloat32)
	if err != nil {
		return nil, err
	}
	blocks := convert.One(len(elements))
	if axis, perAxis := f.scheme.Axis(); perAxis {
		blocks = convert.PerAxis(x.Shape(), axis, f.scheme.GroupSize())
	}
	dx := make([]T, len(elements))
	convert.Mask(dx, gradient, elements, blocks, lowest, highest)
	return dense.New(dx, x.Shape()), nil
}

// saturated returns what the op makes of v in each block. For v past every range it is the end of the range, whatever
// the scheme rounds, or reverses with a negative scale.
func (f *fakeQuantize) saturated(v float32) ([]float32, error) {
	p := *f.params
	p.Scheme = p.Scheme.PerAxis(0) // of a tensor with an element for each block
	shape := tensor.Shape{len(p.Scales)}
	q, err := qtensor.QuantizeWith(dense.New(slices.Repeat([]float32{v}, len(p.Scales)), shape), p)
	if err != nil {
		return nil, err
	}
	ends, err := q.Dequantize(tensor.Float32)
	if err != nil {
		return nil, err
	}
	return dense.Float32s(ends)
}

// straightThrough is the gradient of fakeQuantize as an op, (x, dy) → dx.
type straightThrough struct {
	gradientOp
	of *fakeQuantize
}

// Arity returns 2.
func (s *straightThrough) Arity() int { return 2 }

// Type returns a → a → a for the type of x.
func (s *straightThrough) Type() hm.Type { return hm.NewFnType(s.of.typ, s.of.typ, s.of.typ) }

// InferShape returns the shape of x.
func (s *straightThrough) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, s.of.dims, s.of.dims)
	if err != nil {
		return nil, fmt.Errorf("ops: %v: %w", s, err)
	}
	return shapes[0].Clone(), nil
}

// Do returns dx in a fresh tensor, or scalar.
func (s *straightThrough) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	if len(inputs) != 2 {
		return nil, fmt.Errorf("ops: %v: %w: got %d inputs, want 2", s, qtensor.ErrShape, len(inputs))
	}
	dx, err := s.of.through(inputs[0], inputs[1])
	if err != nil {
		return nil, fmt.Errorf("ops: %v: %w", s, err)
	}
	return asValue(dx), nil
}

// gradientOp is the part that ops which compute gradients share: they have none themselves.
type gradientOp struct{ graphop.Base }

// DiffWRT reports no gradient with respect to any input. Without it, Gorgonia would panic.
func (g gradientOp) DiffWRT(inputs int) []bool { return make([]bool, max(inputs, 0)) }

// SymDiff returns an error, and goes with DiffWRT: Gorgonia asks for both or none.
func (g gradientOp) SymDiff(gorgonia.Nodes, *gorgonia.Node, *gorgonia.Node) (gorgonia.Nodes, error) {
	return nil, fmt.Errorf("ops: %v: has no gradient, want only first ones asked for", g)
}

// DoDiff returns an error, where a LispMachine would go on with zeros.
func (g gradientOp) DoDiff(gorgonia.ExecutionContext, gorgonia.Nodes, *gorgonia.Node) error {
	return fmt.Errorf("ops: %v: has no gradient, want only first ones asked for", g)
}
