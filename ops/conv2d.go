package ops

import (
	"fmt"
	"slices"

	"euryale/internal/nn"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Conv2d returns the convolution of images im, (batch, in, height, width), with filters w, (out, in/groups,
// kernel₀, kernel₁), under the arguments of gorgonia.Conv2d:
//
//	y[b,o,i,j] = bias[o] + Σ_c,u,v w[o,c,u,v]·
//	             im[b, c, i·stride₀ + u·dilation₀ − pad₀, j·stride₁ + v·dilation₁ − pad₁]
//
// or max(y, 0), where c runs over the channels of o's group, and im is 0 in the padding. y is (batch, out,
// ⌊(height + 2·pad₀ − dilation₀·(kernel₀ − 1) − 1)/stride₀⌋ + 1, and likewise the width). Pairs are (height,
// width). kernel is that of the filters. A nil pad is 0; a nil stride or dilation is 1.
//
// Its options are WithBias, WithReLU, WithActivations and WithStaticInt8. Where a row of Linear's x has a
// scale of its own, here each image's group of channels has one, so a result depends on its own image alone.
//
// Types and errors are as MatMul has them. qtensor.ErrShape is also for a kernel that is not the filters';
// for pairs of another length, negative ones, strides or dilations of 0, and any above 32,768; for images
// whose padded sides are shorter than the kernel; and for more than 2^28 elements in a padded image's group of
// channels.
func Conv2d(im *gorgonia.Node, w *Filters, kernel tensor.Shape, pad, stride, dilation []int, opts ...LayerOption) (*gorgonia.Node, error) {
	l, err := newConv2d(im, w, kernel, pad, stride, dilation, opts)
	return apply("Conv2d", l, im, err)
}

func newConv2d(im *gorgonia.Node, w *Filters, kernel tensor.Shape, pad, stride, dilation []int, opts []LayerOption) (*layer, error) {
	f := w.packed()
	if !f.Packed() {
		return nil, fmt.Errorf("%w: got filters that PackConv2d did not make, want those that it returns", qtensor.ErrShape)
	}
	if !slices.Equal(kernel, f.Kernel()) {
		return nil, fmt.Errorf("%w: kernel is %v, want the filters' %v", qtensor.ErrShape, kernel, f.Kernel())
	}
	if len(pad) > 2 {
		return nil, fmt.Errorf("%w: pad is %v, want 2 values, (height, width)", qtensor.ErrShape, pad)
	}
	window, err := nn.NewWindow(pad, stride, dilation)
	if err != nil {
		return nil, err
	}
	l := &layer{outputs: f.Out(), shape: func(in tensor.Shape) (tensor.Shape, error) { return f.Convolved(in, window) }}
	name := fmt.Sprintf("conv2d(%d, %d, %d, %d) pad %v stride %v dilation %v groups %d",
		f.Out(), f.In(), kernel[0], kernel[1], window.Pad[:2], window.Stride, window.Dilation, f.Groups())
	if err := l.check(im, name, f.Scheme(), opts); err != nil {
		return nil, err
	}
	own, err := f.Prepare(im.Shape()[2], im.Shape()[3], window, l.options)
	l.layer = func(in tensor.Shape) (*nn.Layer, error) {
		if slices.Equal(in[1:], own.In()) {
			return own, nil
		}
		return f.Prepare(in[2], in[3], window, l.options) // of other images than the node says
	}
	return l, err
}
