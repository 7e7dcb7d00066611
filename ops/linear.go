package ops

import (
	"fmt"

	"euryale/internal/nn"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// MatMul returns y = x·w for x of shape (m, in), a quantized weight w of shape (in, out) and y of shape (m,
// out); or, for a single sample, x of shape (in) and y of shape (out). Its options are WithActivations and
// WithStaticInt8; Linear has bias, ReLU and higher ranks.
//
// x is float32 or float64, which is rounded to float32 first. y has x's type and float32 values; one past the
// largest float32 is an infinity.
//
// Errors: qtensor.ErrShape and qtensor.ErrDtype for x; qtensor.ErrShape for a weight that Pack did not make,
// and for more than 2^32 elements in x or y, or 2^29 where int has 32 bits; those of the options;
// qtensor.ErrParams for a nil option, WithBias and WithReLU. When the graph runs, NaN and infinities in x are
// qtensor.ErrValue.
func MatMul(x *gorgonia.Node, w *Weight, opts ...LayerOption) (*gorgonia.Node, error) {
	l, err := newLinear(x, w, opts)
	if err == nil && (l.options.Bias != nil || l.options.ReLU) {
		err = fmt.Errorf("%w: got a bias or ReLU, want Linear for them", qtensor.ErrParams)
	}
	if err == nil && x.Dims() > 2 {
		err = fmt.Errorf("%w: got %v, want a matrix or a vector, or Linear for more", qtensor.ErrShape, x.Shape())
	}
	return apply("MatMul", l, x, err)
}

// Linear returns y = x·w + b, or max(x·w + b, 0), for x of shape (…, in), w of shape (in, out), which is the
// transpose of PyTorch's, and y of shape (…, out). Its options are WithBias, WithReLU, WithActivations and
// WithStaticInt8. Types and errors are as MatMul has them.
func Linear(x *gorgonia.Node, w *Weight, opts ...LayerOption) (*gorgonia.Node, error) {
	l, err := newLinear(x, w, opts)
	return apply("Linear", l, x, err)
}

// newLinear returns the op of MatMul and Linear.
func newLinear(x *gorgonia.Node, w *Weight, opts []LayerOption) (*layer, error) {
	packed := w.packed()
	if !packed.Packed() {
		return nil, fmt.Errorf("%w: got a weight that Pack did not make, want one that it returns", qtensor.ErrShape)
	}
	l := &layer{outputs: packed.Out(), shape: w.result}
	if err := l.check(x, fmt.Sprintf("linear(%d, %d)", packed.In(), packed.Out()), packed.Scheme(), opts); err != nil {
		return l, err
	}
	own, err := packed.Prepare(l.options)
	l.layer = func(tensor.Shape) (*nn.Layer, error) { return own, nil }
	return l, err
}

// result returns (…, out) for (…, in).
func (w *Weight) result(in tensor.Shape) (tensor.Shape, error) {
	if len(in) == 0 || in[len(in)-1] != w.In() {
		err := fmt.Errorf("%w: x is %v, want (…, %d)", qtensor.ErrShape, in, w.In())
		if len(in) > 0 && in[len(in)-1] == w.Out() {
			err = fmt.Errorf("%w; if the weight is (out, in), pack its transpose, w.T()", err)
		}
		return nil, err
	}
	if _, err := nn.Bounded(in); err != nil {
		return nil, err
	}
	out := in.Clone()
	out[len(out)-1] = w.Out()
	return nn.Bounded(out)
}
