package ops

import (
	"fmt"

	"euryale/internal/gemm"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Prepared is a layer on slices, without a graph: weights with what their options say. It is immutable: any
// number of goroutines may share one. The zero Prepared, and a nil one, run as qtensor.ErrShape, and give
// zeros elsewhere.
type Prepared struct {
	l        layer
	in       tensor.Shape // of a sample
	out      tensor.Shape
	exchange Exchange
}

// Prepare returns Linear's y = x·w + b, or max(x·w + b, 0), for slices: a sample is a row of x, (in), and its
// result a row of y, (out). It takes the options of Linear. Errors: qtensor.ErrShape for the zero Weight,
// those of the options, and qtensor.ErrScheme for a Compute that does not go with the weight.
func (w *Weight) Prepare(opts ...Option) (*Prepared, error) {
	if !w.packed() {
		return nil, fmt.Errorf("ops: Weight.Prepare: %w: got a weight that Pack did not make, want one that it returns", qtensor.ErrShape)
	}
	p := &Prepared{l: layer{out: w.out, run: w.multiply}, in: tensor.Shape{w.in}, out: tensor.Shape{w.out}}
	if err := p.l.prepare(w.scheme, opts); err != nil {
		return nil, fmt.Errorf("ops: Weight.Prepare: %w", err)
	}
	p.exchange = MatrixCodes(p.l.compute, w.scheme, 1)
	return p, nil
}

// Prepare returns Conv2d's convolution for slices: a sample is an image of x, (in, height, width), and its
// result one of y, (out, height, width), row-major. pad, stride and dilation are as Conv2d has them, and so
// are the options. Errors: qtensor.ErrShape for images or pairs that Conv2d does not take, and those of the
// options.
func (f *Filters) Prepare(height, width int, pad, stride, dilation []int, opts ...Option) (*Prepared, error) {
	p, err := f.prepare(height, width, pad, stride, dilation, opts)
	if err != nil {
		return nil, fmt.Errorf("ops: Filters.Prepare: %w", err)
	}
	return p, nil
}

func (f *Filters) prepare(height, width int, pad, stride, dilation []int, opts []Option) (*Prepared, error) {
	if !f.packed() {
		return nil, fmt.Errorf("%w: got filters that PackConv2d did not make, want those that it returns", qtensor.ErrShape)
	}
	c := &conv2d{Filters: f}
	if err := c.setPairs(pad, stride, dilation); err != nil {
		return nil, err
	}
	in := tensor.Shape{1, f.in * len(f.groups), height, width}
	out, err := c.result(in)
	if err != nil {
		return nil, err
	}
	p := &Prepared{l: layer{out: f.out, run: c.convolve}, in: in[1:], out: out[1:]}
	if err := p.l.prepare(f.scheme, opts); err != nil {
		return nil, err
	}
	c.settle(&p.l, in)
	p.exchange = c.exchange(in)
	return p, nil
}

// Alone returns a layer whose calls leave all their work to the goroutine that makes them, where those of p
// share it with others. Results are the same.
func (p *Prepared) Alone() *Prepared {
	alone := *p.orZero()
	alone.l.compute.arithmetic.Alone = true
	return &alone
}

// In returns the shape of a sample.
func (p *Prepared) In() tensor.Shape { return p.orZero().in.Clone() }

// Out returns the shape of the result of a sample.
func (p *Prepared) Out() tensor.Shape { return p.orZero().out.Clone() }

// orZero returns p, and the zero Prepared for nil.
func (p *Prepared) orZero() *Prepared {
	if p == nil {
		return new(Prepared)
	}
	return p
}

// Run sets y to the results of the given number of samples in x, one after the other in both, which do not
// overlap. A result depends on its own sample alone; one past the largest float32 is an infinity. Errors:
// qtensor.ErrShape for slices of other lengths; qtensor.ErrValue for NaN and infinities in x, naming the
// first, and y is undefined then.
func (p *Prepared) Run(y, x []float32, samples int) error {
	if err := p.run(gemm.Numbers{Float: y}, gemm.Numbers{Float: x}, len(y), len(x), samples); err != nil {
		return fmt.Errorf("ops: Prepared.Run: %w", err)
	}
	return nil
}

func (p *Prepared) run(y, x gemm.Numbers, yLen, xLen, samples int) error {
	if p.orZero().l.run == nil {
		return fmt.Errorf("%w: got a layer that Prepare did not make, want one that it returns", qtensor.ErrShape)
	}
	in, out := p.in.TotalSize(), p.out.TotalSize()
	if samples < 0 || xLen/in != samples || xLen%in != 0 || yLen/out != samples || yLen%out != 0 {
		return fmt.Errorf("%w: got x of %d and y of %d for %d samples, want %d and %d for each", qtensor.ErrShape, xLen, yLen, samples, in, out)
	}
	if samples == 0 {
		return nil
	}
	if err := p.l.run(y, x, append(tensor.Shape{samples}, p.in...), &p.l); err != nil {
		return fmt.Errorf("%w: %w", qtensor.ErrValue, err)
	}
	return nil
}
