package ops

import (
	"fmt"
	"slices"

	"euryale/internal/dense"
	"euryale/internal/flow"
	"euryale/internal/graphop"
	"euryale/internal/nn"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// What a graph that was trained through fake quantization becomes when it is read: both ops are a
// graphop.Fake.

// Quantize returns the quantized values that a run rounds x to.
func (f *fakeQuantize) Quantize(operands ...gorgonia.Value) (graphop.Codes, error) {
	return newCodes(f.quantize(operands))
}

// Quantize returns the quantized values that a run rounds x to with scales s.
func (l *lsq) Quantize(operands ...gorgonia.Value) (graphop.Codes, error) {
	return newCodes(l.quantize(operands))
}

// Node returns what is done to every x.
func (f *fakeQuantize) Node(...gorgonia.Value) (flow.Node, error) {
	if f.params == nil {
		return flow.Node{}, fmt.Errorf("%w: a range that each run finds for itself, want one that stays, as FakeQuantize has it", qtensor.ErrParams)
	}
	return fakeNode(*f.params)
}

// Node returns what is done to every x by s.
func (l *lsq) Node(behind ...gorgonia.Value) (flow.Node, error) {
	if len(behind) != 1 {
		return flow.Node{}, fmt.Errorf("%w: got %d operands behind x, want 1", qtensor.ErrShape, len(behind))
	}
	_, scales, err := l.scales(behind[0])
	if err != nil {
		return flow.Node{}, fmt.Errorf("scale: %w", err)
	}
	return fakeNode(qtensor.Params{Scheme: l.scheme, Scales: scales})
}

// fakeNode returns the node of parameters that StaticInt8 takes.
func fakeNode(p qtensor.Params) (flow.Node, error) {
	if _, err := nn.StaticParams(p); err != nil {
		return flow.Node{}, err
	}
	n := flow.Node{Op: "FakeQuantize", Scale: p.Scales[0]}
	n.Low, n.High = p.Scheme.CodeRange()
	if p.Scheme.HasZeroPoint() {
		n.Zero = p.ZeroPoints[0]
	}
	return n, nil
}

// constantCodes are the quantized values of a constant, or the error of what was done to them.
type constantCodes struct {
	q   *qtensor.QTensor
	err error
}

func newCodes(q *qtensor.QTensor, err error) (graphop.Codes, error) {
	return constantCodes{q, err}, err
}

// QTensor returns the quantized values with their parameters.
func (c constantCodes) QTensor() (*qtensor.QTensor, error) { return c.q, c.err }

// String returns the scheme.
func (c constantCodes) String() string {
	if c.err != nil {
		return c.err.Error()
	}
	return c.q.Scheme().String()
}

// Numbers returns the dequantized values.
func (c constantCodes) Numbers() ([]float32, error) {
	if c.err != nil {
		return nil, c.err
	}
	t, err := c.q.Dequantize(tensor.Float32)
	if err != nil {
		return nil, err
	}
	return dense.Float32s(t)
}

// Transpose returns the constant with axis perm[i] as axis i; an error for groups that would be split.
func (c constantCodes) Transpose(perm []int) graphop.Codes {
	if c.err == nil {
		c.q, c.err = c.q.T(perm...)
	}
	return c
}

// Reshape returns the constant in another shape; an error where that has other axes up to the channel axis.
func (c constantCodes) Reshape(shape []int) graphop.Codes {
	if c.err == nil {
		c.q, c.err = reshaped(c.q, shape)
	}
	return c
}

func reshaped(q *qtensor.QTensor, shape tensor.Shape) (*qtensor.QTensor, error) {
	codes, p := q.Codes(), q.Params()
	if axis, perAxis := p.Scheme.Axis(); perAxis && (axis >= len(shape) || !slices.Equal(shape[:axis+1], q.Shape()[:axis+1])) {
		return nil, fmt.Errorf("%w: got %v of shape %v for shape %v, want the same axes up to the channel axis", qtensor.ErrScheme, p.Scheme, q.Shape(), shape)
	}
	if err := codes.Reshape(shape...); err != nil {
		return nil, fmt.Errorf("%w: %w", qtensor.ErrShape, err)
	}
	return qtensor.FromCodes(codes, p)
}

// Scale returns the constant with scales, and offsets, that are multiplied along axis, in float32. One scale
// becomes one for each index of the axis; scales along another axis, and those that the scheme or a float32
// cannot be, make it false.
func (c constantCodes) Scale(by []float64, axis int) (graphop.Codes, bool) {
	if c.err != nil || axis >= len(c.q.Shape()) || c.q.Shape()[axis] != len(by) {
		return c, false
	}
	p := c.q.Params()
	if at, perAxis := p.Scheme.Axis(); !perAxis {
		p.Scheme = p.Scheme.PerAxis(axis)
		p.Scales, p.ZeroPoints, p.Offsets = repeated(p.Scales, len(by)), repeated(p.ZeroPoints, len(by)), repeated(p.Offsets, len(by))
	} else if at != axis {
		return c, false
	}
	p.Scheme, p.Multiplier, p.Min, p.Max = p.Scheme.WithScales(qtensor.ScaleFloat32), 0, nil, nil
	groups := len(p.Scales) / len(by)
	for i := range p.Scales {
		p.Scales[i] = float32(by[i/groups] * float64(p.Scales[i]))
	}
	for i := range p.Offsets {
		p.Offsets[i] = float32(by[i/groups] * float64(p.Offsets[i]))
	}
	q, err := qtensor.FromCodes(c.q.Codes(), p)
	return constantCodes{q: q}, err == nil
}

// repeated returns the only element of s n times; nil for nil.
func repeated[T any](s []T, n int) []T {
	if s == nil {
		return nil
	}
	return slices.Repeat(s, n)
}
