package ir

import (
	"fmt"
	"slices"

	"euryale/internal/dense"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Trained is a constant as it was quantized in training, or the error of what was done to it since: of
// whoever asks for it at last. A nil Trained is that of a constant that was not quantized.
type Trained struct {
	Tensor *qtensor.QTensor
	Err    error
}

// check returns the error of a Trained without a tensor.
func (c *Trained) check() error {
	switch {
	case c == nil || c.Tensor == nil && c.Err == nil:
		return fmt.Errorf("%w: got a Trained without a tensor, want one", qtensor.ErrParams)
	case c.Err != nil:
		return c.Err
	}
	return nil
}

// String returns the scheme, or the error.
func (c *Trained) String() string {
	if err := c.check(); err != nil {
		return err.Error()
	}
	return c.Tensor.Scheme().String()
}

// Float32s returns the real values.
func (c *Trained) Float32s() ([]float32, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	t, err := c.Tensor.Dequantize(tensor.Float32)
	if err != nil {
		return nil, err
	}
	return dense.Float32s(t)
}

// Transpose returns c with axis perm[i] as axis i; an error for groups that would be torn.
func (c *Trained) Transpose(perm []int) *Trained {
	return c.then(func(q *qtensor.QTensor) (*qtensor.QTensor, error) { return q.T(perm...) })
}

// then returns what f makes of the tensor, nil for a nil c.
func (c *Trained) then(f func(q *qtensor.QTensor) (*qtensor.QTensor, error)) *Trained {
	if c == nil {
		return nil
	}
	if err := c.check(); err != nil {
		return &Trained{Err: err}
	}
	q, err := f(c.Tensor)
	return &Trained{q, err}
}

// Reshape returns c in another shape; an error where that has other axes up to the channel axis.
func (c *Trained) Reshape(shape []int) *Trained {
	return c.then(func(q *qtensor.QTensor) (*qtensor.QTensor, error) { return reshaped(q, shape) })
}

func reshaped(q *qtensor.QTensor, shape tensor.Shape) (*qtensor.QTensor, error) {
	codes, p := q.Codes(), q.Params()
	if axis, perAxis := p.Scheme.Axis(); perAxis && (axis >= len(shape) || !slices.Equal(shape[:axis+1], q.Shape()[:axis+1])) {
		return nil, fmt.Errorf("%w: got %v of shape %v for shape %v, want the same axes up to the channel axis", qtensor.ErrScheme, p.Scheme, q.Shape(), shape)
	}
	if codes == nil {
		return nil, fmt.Errorf("%w: got a QTensor that holds nothing, want one of Quantize or FromCodes", qtensor.ErrParams)
	}
	if err := codes.Reshape(shape...); err != nil {
		return nil, fmt.Errorf("%w: %w", qtensor.ErrShape, err)
	}
	return qtensor.FromCodes(codes, p)
}

// Scale returns c with scales, and offsets, that are multiplied along axis, in float32. One scale
// becomes one for each index of the axis; scales along another axis, and those that the scheme or a float32
// cannot be, make it false.
func (c *Trained) Scale(by []float64, axis int) (*Trained, bool) {
	if c.check() != nil || axis < 0 || axis >= len(c.Tensor.Shape()) || c.Tensor.Shape()[axis] != len(by) {
		return c, false
	}
	p := c.Tensor.Params()
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
	q, err := qtensor.FromCodes(c.Tensor.Codes(), p)
	return &Trained{Tensor: q}, err == nil
}

// Join returns the tensors one after the other along axis 0, with float32 scales. The one scale of a tensor
// becomes one for each index of the axis. It is false for no tensor, for tensors of different schemes, and for
// shapes that differ along another axis; also where scales lie along another axis, or the scheme takes one
// alone.
func Join(list ...*Trained) (*Trained, bool) {
	var p qtensor.Params
	var shape tensor.Shape
	var codes codes
	for i, c := range list {
		if c.check() != nil {
			return nil, false
		}
		own, of := c.Tensor.Shape(), c.Tensor.Params()
		axis, perAxis := of.Scheme.Axis()
		if len(own) == 0 || perAxis && axis != 0 || i > 0 && (of.Scheme != p.Scheme || !slices.Equal(own[1:], shape[1:])) {
			return nil, false
		}
		if shape == nil {
			shape, p.Scheme = slices.Clone(own), of.Scheme
			shape[0] = 0
		}
		shape[0] += own[0]
		if p.Levels == nil {
			p.Levels = of.Levels
		}
		if !slices.Equal(p.Levels, of.Levels) {
			return nil, false // tables that were learned apart
		}
		p.GroupMultipliers = append(p.GroupMultipliers, of.GroupMultipliers...)
		if !perAxis {
			of.Scales, of.ZeroPoints, of.Offsets = repeated(of.Scales, own[0]), repeated(of.ZeroPoints, own[0]), repeated(of.Offsets, own[0])
		}
		p.Scales, p.ZeroPoints, p.Offsets = append(p.Scales, of.Scales...), append(p.ZeroPoints, of.ZeroPoints...), append(p.Offsets, of.Offsets...)
		if !codes.add(c.Tensor.Codes()) {
			return nil, false
		}
	}
	if shape == nil {
		return nil, false
	}
	if p.Scheme.GroupSize() == 0 {
		p.Scheme = p.Scheme.PerAxis(0)
	}
	p.Scheme = p.Scheme.WithScales(qtensor.ScaleFloat32)
	q, err := qtensor.FromCodes(codes.tensor(shape), p)
	return &Trained{Tensor: q}, err == nil
}

// codes are quantized values of a type.
type codes struct {
	signed   []int8
	unsigned []uint8
}

// add appends those of a tensor, and reports whether they are integers.
func (c *codes) add(t *tensor.Dense) bool {
	switch x := t.Data().(type) {
	case []int8:
		c.signed = append(c.signed, x...)
	case []uint8:
		c.unsigned = append(c.unsigned, x...)
	default:
		return false
	}
	return true
}

func (c *codes) tensor(shape tensor.Shape) *tensor.Dense {
	if c.signed != nil {
		return dense.New(c.signed, shape)
	}
	return dense.New(c.unsigned, shape)
}

// repeated returns the only element of s n times; nil for nil.
func repeated[T any](s []T, n int) []T {
	if s == nil {
		return nil
	}
	return slices.Repeat(s, n)
}

// Scaled returns a constant with the elements at index i of an axis multiplied by by[i], in float64, and
// rounded. One that was quantized in training keeps its quantized values, and its scales are multiplied; those
// that cannot be make it false.
func Scaled(c *Constant, by []float64, axis int) (*Constant, bool) {
	if c.Trained != nil {
		trained, ok := c.Trained.Scale(by, axis)
		if !ok {
			return nil, false
		}
		data, err := trained.Float32s()
		return &Constant{c.Shape, data, trained}, err == nil
	}
	inner := 1
	for _, d := range c.Shape[axis+1:] {
		inner *= d
	}
	data := make([]float32, len(c.Data))
	for i, x := range c.Data {
		data[i] = float32(float64(x) * by[i/inner%len(by)])
	}
	return &Constant{Shape: c.Shape, Data: data}, true
}
