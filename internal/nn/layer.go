package nn

import (
	"fmt"
	"slices"

	"euryale/internal/gemm"
	"euryale/internal/kernel"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Options are what a layer does besides multiplying by its weights.
type Options struct {
	Activations Activations
	Params      qtensor.Params // of StaticInt8
	Bias        []float32      // (out): added to every row of the result, or to every element of a filter's; nil for none
	ReLU        bool           // the layer ends with max(y, 0)
}

// static returns the parameters of activations under StaticInt8; false for others, and for parameters that
// StaticParams refuses.
func (o Options) static() (QuantParams, bool) {
	if o.Activations != StaticInt8 {
		return QuantParams{}, false
	}
	p, err := StaticParams(o.Params)
	return p, err == nil
}

// Check returns the error of Prepare for weights of a scheme with so many outputs.
func (o Options) Check(s qtensor.Scheme, outputs int) error {
	_, err := o.layer(s, outputs)
	return err
}

// layer returns a Layer with these options, for weights of a scheme with so many outputs; it has no weights
// yet.
func (o Options) layer(s qtensor.Scheme, outputs int) (*Layer, error) {
	a, err := o.Activations.arithmetic(o.Params)
	if err != nil {
		return nil, err
	}
	if s.IsFloat() && a.Bits != 24 {
		return nil, fmt.Errorf("%w: got %v weights with %v, want Fixed24, or integer weights", qtensor.ErrScheme, s, o.Activations)
	}
	if o.Bias != nil && len(o.Bias) != outputs {
		return nil, fmt.Errorf("%w: got a bias of %d, want (%d)", qtensor.ErrShape, len(o.Bias), outputs)
	}
	if _, _, bad := kernel.MinMax(o.Bias); bad >= 0 {
		return nil, fmt.Errorf("%w: bias is %v at %d, want finite values", qtensor.ErrValue, o.Bias[bad], bad)
	}
	return &Layer{arithmetic: a, output: gemm.Output{Bias: slices.Clone(o.Bias), ReLU: o.ReLU}}, nil
}

// Layer is packed weights with Options, ready to run. It is immutable and safe for concurrent use. Run of the
// zero Layer, and of a nil one, is qtensor.ErrShape; other methods give zeros.
type Layer struct {
	in, out    tensor.Shape // of a sample
	io         IO
	arithmetic gemm.Arithmetic
	output     gemm.Output
	plan       interface {
		Run(y, x gemm.Activations, samples int) error
	}
	singleThreaded bool
}

// SingleThreaded returns l without worker threads: Run computes on the goroutine that calls it. Results are
// the same.
func (l *Layer) SingleThreaded() *Layer {
	single := *l.orZero()
	single.singleThreaded = true
	return &single
}

// In returns the shape of a sample.
func (l *Layer) In() tensor.Shape { return l.orZero().in.Clone() }

// InSize returns the number of elements of a sample.
func (l *Layer) InSize() int { return l.orZero().in.TotalSize() }

// Out returns the shape of the result of a sample.
func (l *Layer) Out() tensor.Shape { return l.orZero().out.Clone() }

// IO returns what Run takes and gives besides float32.
func (l *Layer) IO() IO { return l.orZero().io }

// orZero returns l, and the zero Layer for nil.
func (l *Layer) orZero() *Layer {
	if l == nil {
		return new(Layer)
	}
	return l
}

// Run sets y to the results of the given number of samples in x. Samples are contiguous in both, which do not
// overlap. A result depends on its own sample alone.
//
// Quantized x is what StaticInt8 makes of float32 x, with the parameters that IO says, and gives the same
// bits. Quantized y is clamp(RNE(y/s) + z) of the float32 that Run gives, with the parameters s and z of y: a
// float32 division, rounded to nearest, ties to even. So layers give the same bits with quantized activations
// between them as with float32.
//
// Errors, and y is undefined then: qtensor.ErrShape for slices of other lengths; qtensor.ErrValue for NaN and
// infinities in x, naming the first, and for a y past the range of float32 that is to be quantized;
// qtensor.ErrParams for quantized activations that IO does not say.
func (l *Layer) Run(y, x Operand, samples int) error {
	l = l.orZero()
	if l.plan == nil {
		return fmt.Errorf("%w: got a layer that Prepare did not make, want one that it returns", qtensor.ErrShape)
	}
	if err := l.io.check(y, x); err != nil {
		return err
	}
	to, yLen := y.activations()
	from, xLen := x.activations()
	in, out := l.in.TotalSize(), l.out.TotalSize()
	if samples < 0 || xLen/in != samples || xLen%in != 0 || yLen/out != samples || yLen%out != 0 {
		return fmt.Errorf("%w: got x of %d and y of %d for %d samples, want %d and %d for each", qtensor.ErrShape, xLen, yLen, samples, in, out)
	}
	if samples == 0 {
		return nil
	}
	from.SingleThreaded = l.singleThreaded
	if err := l.plan.Run(to, from, samples); err != nil {
		return fmt.Errorf("%w: %w", qtensor.ErrValue, err)
	}
	return nil
}
