package nn

import (
	"fmt"
	"slices"

	"euryale/internal/gemm"
	"euryale/internal/pack"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// maxPixels bounds pads, strides and dilations, and maxElements a padded image of a group's channels: 1 GB of
// integers.
const (
	maxPixels   = 1 << 15
	maxElements = 1 << 28
)

// Window is the geometry of a convolution; pairs are (height, width), and pads (top, left, bottom, right).
type Window struct {
	Pad              [4]int
	Stride, Dilation [2]int
}

// NewWindow returns a Window of pairs and of a pad that is two values, (height, width), the same on both
// sides, or four, (top, left, bottom, right), as ONNX has them; a nil pad is 0, a nil stride 1, a nil
// dilation 1. Errors: qtensor.ErrShape for other lengths, and for values that are smaller than these or above
// 32,768.
func NewWindow(pad, stride, dilation []int) (w Window, err error) {
	for _, p := range []struct {
		name, want string
		given, to  []int
		least      int // and what nil stands for
	}{
		{"pad", "2 or 4", pad, w.Pad[:], 0},
		{"stride", "2", stride, w.Stride[:], 1},
		{"dilation", "2", dilation, w.Dilation[:], 1},
	} {
		given := p.given
		if given == nil {
			given = []int{p.least, p.least}
		}
		if n := len(given); n != 2 && n != len(p.to) || slices.Min(given) < p.least || slices.Max(given) > maxPixels {
			return Window{}, fmt.Errorf("%w: %s is %v, want %s values from %d to %d", qtensor.ErrShape, p.name, given, p.want, p.least, maxPixels)
		}
		copy(p.to[copy(p.to, given):], given) // two values are of both sides
	}
	return w, nil
}

// side returns a side of an image with its padding, along the height, 0, or the width, 1.
func (w Window) side(axis, size int) int { return w.Pad[axis] + size + w.Pad[axis+2] }

// padded returns the elements of an image with its padding, whose sides are at most maxElements, and
// maxElements + 1 where there are more.
func (w Window) padded(channels, height, width int) int64 {
	pixels := int64(w.side(0, height)) * int64(w.side(1, width))
	if int64(channels) > maxElements/max(pixels, 1) {
		return maxElements + 1
	}
	return int64(channels) * pixels
}

// Convolved returns the shape of the convolution of images, (batch, in, height, width): (batch, out, ⌊(height
// + top + bottom − dilation₀·(kernel₀ − 1) − 1)/stride₀⌋ + 1, and likewise the width). Errors:
// qtensor.ErrShape for images of other channels, smaller than a window, or with more than 2^28 elements of a
// group with padding.
func (f *Filters) Convolved(in tensor.Shape, w Window) (tensor.Shape, error) {
	channels := f.in * f.groups
	if len(in) != 4 || in[1] != channels || in[0] < 1 {
		return nil, fmt.Errorf("%w: images are %v, want (batch, %d, height, width)", qtensor.ErrShape, in, channels)
	}
	for i, size := range in[2:] {
		if size < 1 || size > maxElements || w.side(i, size) > maxElements {
			return nil, fmt.Errorf("%w: images are %v with a padding of %v, want sides from 1 to %d", qtensor.ErrShape, in, w.Pad, maxElements)
		}
		if span := int64(f.kernel[i]-1)*int64(w.Dilation[i]) + 1; span > int64(w.side(i, size)) {
			return nil, fmt.Errorf("%w: images are %v with a padding of %v, want sides of at least %d for a kernel of %v with a dilation of %v",
				qtensor.ErrShape, in, w.Pad, span, f.kernel, w.Dilation)
		}
	}
	if w.padded(f.in, in[2], in[3]) > maxElements {
		return nil, fmt.Errorf("%w: %d channels of images %v with a padding of %v, want at most %d elements",
			qtensor.ErrShape, f.in, in, w.Pad, maxElements)
	}
	if _, err := Bounded(in); err != nil {
		return nil, err
	}
	height, width := f.conv(in[2], in[3], w).Out()
	return Bounded(tensor.Shape{in[0], f.out, height, width})
}

// conv returns the convolution of one group's channels.
func (f *Filters) conv(height, width int, w Window) gemm.Conv {
	return gemm.Conv{
		Channels: f.in, Kernel: f.kernel, NCHW: f.nchw,
		Height: height, Width: width, Pad: w.Pad, Stride: w.Stride, Dilation: w.Dilation,
	}
}

// Prepare returns the convolution of images of height and width,
//
//	y[o,i,j] = bias[o] + Σ_c,u,v w[o,c,u,v]·
//	           x[c, i·stride₀ + u·dilation₀ − top, j·stride₁ + v·dilation₁ − left]
//
// or max(y, 0), where c runs over the channels of o's group, and x is 0 in the padding. A sample is an image
// of x, (in, height, width), and its result one of y, of Convolved's shape. Where Activations has a scale for
// each row, there is one for each group of each image. Errors: those of Convolved, and of Weight.Prepare.
func (f *Filters) Prepare(height, width int, w Window, o Options) (*Layer, error) {
	if !f.Packed() {
		return nil, fmt.Errorf("%w: got filters that PackFilters did not make, want those that it returns", qtensor.ErrShape)
	}
	in := tensor.Shape{1, f.in * f.groups, height, width}
	out, err := f.Convolved(in, w)
	if err != nil {
		return nil, err
	}
	l, err := o.layer(f.scheme, f.out)
	if err != nil {
		return nil, err
	}
	l.in, l.out = in[1:], out[1:]
	l.io = convIO(o, f.scheme, f.out, f.in, f.groups, w.padded(in[1], height, width))
	c, filters := f.conv(height, width, w), []*pack.Matrix{f.depthwise}
	if f.groups > 1 && l.io.GivesQuantized { // one scale for all channels
		c.Channels, c.Depthwise = in[1], true
	} else {
		filters = f.matrices()
	}
	l.plan = gemm.NewConvolution(c, filters, l.arithmetic, l.output)
	return l, nil
}
