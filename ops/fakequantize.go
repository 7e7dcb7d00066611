package ops

import (
	"fmt"
	"slices"

	"euryale/internal/graphop"
	"euryale/qtensor"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// FakeQuantize returns y = dequantize(quantize(x)), each x[i] rounded to a value that p represents,
//
//	y = s·(clamp(RNE(x/s) + z) − z),   under Uniform   y = lo + s·clamp(RNE((x − lo)/s)),
//
// so that a network is trained on the values that its quantized form has. y is bit for bit what
// qtensor.QuantizeWith and Dequantize give.
//
// The gradient is the straight-through estimator, as if rounding were the identity, and 0 where x saturates:
//
//	dx[i] = dy[i] where lowest ≤ x[i] ≤ highest, else 0.
//
// lowest and highest are the ends of what y can be in the block of x[i], s·(qmin − z) and s·(qmax − z) for s
// > 0, rounded to float32. Since z is rounded, they may lie up to s/2 inside of the range that p was made
// from.
//
// p is for a range that was observed before training, such as that of activations: calib.Profile.Params
// returns it. It is copied. Weights change while they are trained: FakeQuantizeDynamic follows their range.
//
// x is float32 or float64, rounded to float32 first, of any rank that p.Scheme fits, a scalar too; y has its
// shape and type. Any scheme of integers but Codebook will do, per tensor, axis or group. Errors:
// qtensor.ErrShape and qtensor.ErrDtype for x; qtensor.ErrScheme for floats, MXFP4, Codebook and a scheme
// that is not valid; qtensor.ErrParams for p. When the graph runs, NaN and infinities in x are
// qtensor.ErrValue.
//
// Sources: Jacob et al., arXiv:1712.05877 §3, for training with simulated quantization; Bengio et al.,
// arXiv:1308.3432, for the straight-through estimator; TensorFlow's FakeQuantWithMinMaxArgsGradient for the
// same lowest and highest.
func FakeQuantize(x *gorgonia.Node, p qtensor.Params) (*gorgonia.Node, error) {
	f, err := newFakeQuantize(x, p.Scheme, &p)
	return apply("FakeQuantize", f, x, err)
}

// FakeQuantizeDynamic works like FakeQuantize with the parameters that qtensor.Quantize finds for x itself,
// anew in each run: y is bit for bit Dequantize of Quantize(x, s). It is for weights, whose range changes
// while they are trained. At any time, qtensor.Quantize of the float weights gives the quantized values that
// a run computes with. A Codebook is searched for in each run, and has fixed levels: linear, NormalFloat or
// E2M1.
//
// The gradient is dx = dy everywhere, since no x saturates; the derivative of the scale is left out. Errors
// are those of FakeQuantize but for ErrParams; qtensor.ErrScheme for a Codebook whose levels are learned.
func FakeQuantizeDynamic(x *gorgonia.Node, s qtensor.Scheme) (*gorgonia.Node, error) {
	f, err := newFakeQuantize(x, s, nil)
	return apply("FakeQuantizeDynamic", f, x, err)
}

// fakeQuantize is the op of FakeQuantize and FakeQuantizeDynamic.
type fakeQuantize struct {
	graphop.Base
	operand
	scheme qtensor.Scheme
	params *qtensor.Params // nil for those of the value
}

func newFakeQuantize(x *gorgonia.Node, s qtensor.Scheme, p *qtensor.Params) (*fakeQuantize, error) {
	o, err := operandOf(x, floats)
	if err != nil {
		return nil, err
	}
	switch levels, book := s.Levels(); {
	case s.IsFloat() || s.Scales() == qtensor.ScaleE8M0:
		return nil, fmt.Errorf("%w: got %v, want a scheme of integers", qtensor.ErrScheme, s)
	case book && p != nil:
		return nil, fmt.Errorf("%w: got parameters of %v, want FakeQuantizeDynamic for it", qtensor.ErrScheme, s)
	case book && (levels == qtensor.LearnedLevels || levels == qtensor.LearnedLevelsNoZero):
		return nil, fmt.Errorf("%w: got %v, whose levels would be learned anew in each run, want LinearLevels, NormalFloatLevels or E2M1Levels", qtensor.ErrScheme, s)
	}
	f := &fakeQuantize{operand: o, scheme: s, params: p}
	if err := f.fits(x.Shape()); err != nil {
		return nil, err
	}
	if p == nil {
		f.Base = graphop.NewBase(fmt.Sprintf("fakequantize dynamic %v", s))
	} else {
		f.Base = graphop.NewBase(fmt.Sprintf("fakequantize %v", s))
		f.params = &qtensor.Params{
			Scheme: s, Scales: slices.Clone(p.Scales), ZeroPoints: slices.Clone(p.ZeroPoints),
			Offsets: slices.Clone(p.Offsets), Multiplier: p.Multiplier,
		}
	}
	return f, nil
}

// fits returns an error if a value of the given shape cannot have the scheme and the parameters.
func (f *fakeQuantize) fits(shape tensor.Shape) error {
	if _, err := f.scheme.Blocks(shape); err != nil || f.params == nil {
		return err
	}
	return f.params.Validate(shape)
}

// Arity returns 1.
func (f *fakeQuantize) Arity() int { return 1 }

// Type returns a → a for the type of the node that the op was made for.
func (f *fakeQuantize) Type() hm.Type { return hm.NewFnType(f.typ, f.typ) }

// InferShape returns the shape of x.
func (f *fakeQuantize) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, f.dims)
	if err == nil {
		err = f.fits(shapes[0])
	}
	if err != nil {
		return nil, fmt.Errorf("ops: %v: %w", f, err)
	}
	return shapes[0].Clone(), nil
}

// Do quantizes and dequantizes into a fresh tensor, or scalar.
func (f *fakeQuantize) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	y, err := f.do(inputs)
	if err != nil {
		return nil, fmt.Errorf("ops: %v: %w", f, err)
	}
	return y, nil
}

func (f *fakeQuantize) do(inputs []gorgonia.Value) (gorgonia.Value, error) {
	q, err := f.quantize(inputs)
	if err != nil {
		return nil, err
	}
	return dequantized(q, f.dtype)
}

// quantize returns x quantized.
func (f *fakeQuantize) quantize(inputs []gorgonia.Value) (*qtensor.QTensor, error) {
	if len(inputs) != 1 {
		return nil, fmt.Errorf("%w: got %d inputs, want 1", qtensor.ErrShape, len(inputs))
	}
	x, err := f.read(inputs[0], f.scheme)
	if err != nil {
		return nil, err
	}
	if f.params == nil {
		return qtensor.Quantize(x, f.scheme)
	}
	return qtensor.QuantizeWith(x, *f.params)
}

// dequantized returns q, dequantized, as the value of a node.
func dequantized(q *qtensor.QTensor, dt tensor.Dtype) (gorgonia.Value, error) {
	y, err := q.Dequantize(dt)
	if err != nil {
		return nil, err
	}
	return asValue(y), nil
}
