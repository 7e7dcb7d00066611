package ops

import (
	"fmt"
	"slices"

	"euryale/internal/gemm"
	"euryale/internal/kernel"
	"euryale/internal/pack"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Filters are the quantized weights of a convolution, laid out for it. They are immutable: any number of ops,
// graphs and goroutines may share them. The zero Filters, and nil, are qtensor.ErrShape wherever a layer is
// made, and give zeros elsewhere.
type Filters struct {
	out, in int // filters, and channels that each of them sees
	kernel  [2]int
	scheme  qtensor.Scheme
	planar  bool
	groups  []*pack.Matrix // of the filters of a group, (channels·height·width, filters)
	each    *pack.Matrix   // of filters that have a channel each, (height·width, filters); or nil
}

// PackConv2d lays out filters w, of shape (out, in/groups, height, width), quantized per tensor, per axis 0
// or in groups of axis 0. The channels that come in and the filters are cut into the given number of groups,
// and a filter sees the channels of its own; groups = 1 is the ordinary convolution, groups = in the
// depthwise one.
//
// Errors: qtensor.ErrShape for another rank, for groups that do not divide out, and for a layout of more than
// MaxNumbers codes, as Pack has them, for each group of channels; qtensor.ErrScheme for scales kept along
// another axis, and for 16-bit numbers.
func PackConv2d(w *qtensor.QTensor, groups int) (*Filters, error) {
	if w == nil {
		return nil, fmt.Errorf("ops: PackConv2d: %w: got nil, want filters (out, in/groups, height, width)", qtensor.ErrShape)
	}
	shape, scheme := w.Shape(), w.Scheme()
	if shape.Dims() != 4 || slices.Min(shape) < 1 {
		return nil, fmt.Errorf("ops: PackConv2d: %w: got %v, want filters (out, in/groups, height, width)", qtensor.ErrShape, shape)
	}
	if groups < 1 || shape[0]%groups != 0 {
		return nil, fmt.Errorf("ops: PackConv2d: %w: got %d groups of %d filters, want a number that divides them", qtensor.ErrShape, groups, shape[0])
	}
	if kept, ok := scheme.Axis(); ok && kept != 0 {
		return nil, fmt.Errorf("ops: PackConv2d: %w: got %v, want scales per tensor or along axis 0", qtensor.ErrScheme, scheme)
	}
	if scheme.IsHalf() {
		return nil, fmt.Errorf("ops: PackConv2d: %w: got %v, want integers", qtensor.ErrScheme, scheme)
	}
	row := shape[1] * shape[3] // without groups of scales, rows are filled up
	if scheme.GroupSize() == 0 {
		row = (row + kernel.StepDepth - 1) / kernel.StepDepth * kernel.StepDepth
	}
	if err := layoutFits(groups, shape[2]*row, shape[0]/groups, scheme.GroupSize()); err != nil {
		return nil, fmt.Errorf("ops: PackConv2d: %w", err)
	}
	f := &Filters{out: shape[0], in: shape[1], kernel: [2]int{shape[2], shape[3]}, scheme: scheme}
	// Scales of groups are shared by elements that follow one another in the tensor, which settles the order
	// of depth. Without them the channels of a pixel come together.
	f.planar = scheme.GroupSize() > 0
	if codes := w.Codes(); codes.Dtype() == tensor.Int8 {
		packFilters(f, w.Params(), codes.Int8s(), groups)
	} else {
		packFilters(f, w.Params(), codes.Uint8s(), groups)
	}
	return f, nil
}

func packFilters[C kernel.Code](f *Filters, p qtensor.Params, codes []C, groups int) {
	filter, perGroup := f.in*f.kernel[0]*f.kernel[1], f.out/groups
	size := filter
	if n := f.scheme.GroupSize(); n > 0 {
		size = min(n, filter)
	}
	lists := 1 // scales of a filter
	if _, perAxis := f.scheme.Axis(); perAxis {
		lists = (filter + size - 1) / size
	} else {
		p.Scales, p.ZeroPoints, p.Offsets = repeat(p.Scales, f.out), repeat(p.ZeroPoints, f.out), repeat(p.Offsets, f.out)
	}
	for g := range groups {
		of := func(n int) (begin, end int) { return g * perGroup * n, (g + 1) * perGroup * n }
		m := pack.Matrix{K: filter, N: perGroup, Group: size, Scales: part(p.Scales, of, lists), Zeros: part(p.ZeroPoints, of, lists), Offsets: part(p.Offsets, of, lists)}
		own := part(codes, of, filter)
		if !f.planar {
			row := f.geometry().RowDepth()
			own = channelsLast(own, perGroup, f.in, f.kernel, row)
			m.K = f.kernel[0] * row
			m.Group = m.K
		}
		f.groups = append(f.groups, pack.New(m, own, f.scheme.Storage().Bits()))
	}
	if channelEach(f.out, f.in, groups, f.scheme) {
		f.each = pack.New(pack.Matrix{K: filter, N: f.out, Group: filter, Scales: p.Scales}, codes, f.scheme.Storage().Bits())
	}
}

// channelEach reports whether filters have a channel each, and scales alone that no zero point and no group
// complicates.
func channelEach(out, in, groups int, s qtensor.Scheme) bool {
	return groups > 1 && in == 1 && out == groups && !s.HasZeroPoint() && !s.HasOffset() && s.GroupSize() == 0
}

// part returns what a list of n for each filter has for a group of them, which is its own; nil for nil.
func part[T any](list []T, of func(n int) (begin, end int), n int) []T {
	if list == nil {
		return nil
	}
	begin, end := of(n)
	return slices.Clone(list[begin:end])
}

// channelsLast returns x, (filter, channel, row, column), as (filter, row, column and channel), with zeros
// behind every row up to the given length.
func channelsLast[T any](x []T, filters, channels int, kernel [2]int, row int) []T {
	height, width := kernel[0], kernel[1]
	out := make([]T, filters*height*row)
	for f := range filters {
		for c := range channels {
			for u := range height {
				for v := range width {
					out[(f*height+u)*row+v*channels+c] = x[((f*channels+c)*height+u)*width+v]
				}
			}
		}
	}
	return out
}

// geometry returns what is known of the convolution of a group without its images.
func (f *Filters) geometry() gemm.Conv {
	return gemm.Conv{Channels: f.in, Kernel: f.kernel, Planar: f.planar}
}

// packed reports whether f are filters that PackConv2d made.
func (f *Filters) packed() bool { return f != nil && len(f.groups) > 0 }

// orZero returns f, and the zero Filters for nil.
func (f *Filters) orZero() *Filters {
	if f == nil {
		return new(Filters)
	}
	return f
}

// Scheme returns the scheme of the tensor that was packed.
func (f *Filters) Scheme() qtensor.Scheme { return f.orZero().scheme }

// Bytes returns the memory that the layout takes.
func (f *Filters) Bytes() (n int) {
	f = f.orZero()
	for _, m := range f.groups {
		n += m.Bytes()
	}
	if f.each != nil {
		n += f.each.Bytes()
	}
	return n
}

// String describes the filters in a line.
func (f *Filters) String() string {
	f = f.orZero()
	return fmt.Sprintf("Filters (%d, %d, %d, %d) in %d groups, %v, %d bytes packed", f.out, f.in, f.kernel[0], f.kernel[1], len(f.groups), f.scheme, f.Bytes())
}

// Conv2d returns the convolution, as gorgonia.Conv2d has it, of images im, (batch, in, height, width), with
// filters w,
//
//	y[b,o,i,j] = bias[o] + Σ_c,u,v w[o,c,u,v]·
//	             im[b, c, i·stride₀ + u·dilation₀ − pad₀, j·stride₁ + v·dilation₁ − pad₁]
//
// or max(y, 0), where c goes through the channels of o's group, and pixels outside an image are 0. y is
// (batch, out, ⌊(height + 2·pad₀ − dilation₀·(kernel₀ − 1) − 1)/stride₀⌋ + 1, and likewise the width). Pairs
// are of height and width; kernel is that of the filters; nil is a pad of 0, a stride of 1, a dilation of 1.
//
// It takes WithBias, WithReLU and WithCompute. What Compute says of a row holds for an image: the channels of
// a group of one image become integers with one scale. So a result depends on its own image alone.
//
// Types and errors are as MatMul has them. qtensor.ErrShape also for a kernel that is not the filters', for
// pairs of another length, negative, of strides or dilations of 0, or above 32,768; for images whose padded
// sides are above that, or shorter than the kernel; for more than 2^28 numbers in a group's channels of a
// padded image, and more than MaxNumbers in images or result.
func Conv2d(im *gorgonia.Node, w *Filters, kernel tensor.Shape, pad, stride, dilation []int, opts ...Option) (*gorgonia.Node, error) {
	l, err := newConv2d(im, w, kernel, pad, stride, dilation, opts)
	return apply("Conv2d", l, im, err)
}

// conv2d is what a convolution has besides its filters.
type conv2d struct {
	*Filters
	pad, stride, dilation [2]int
	compute               Compute
	windows               *gemm.Windows // of the images that the node has
}

func newConv2d(im *gorgonia.Node, w *Filters, kernel tensor.Shape, pad, stride, dilation []int, opts []Option) (*layer, error) {
	if !w.packed() {
		return nil, fmt.Errorf("%w: got filters that PackConv2d did not make, want those that it returns", qtensor.ErrShape)
	}
	if !slices.Equal(kernel, w.kernel[:]) {
		return nil, fmt.Errorf("%w: kernel is %v, want the filters' %v", qtensor.ErrShape, kernel, w.kernel)
	}
	c := &conv2d{Filters: w}
	if err := c.setPairs(pad, stride, dilation); err != nil {
		return nil, err
	}
	l := &layer{out: w.out, shape: c.result, run: c.convolve}
	if err := l.check(im, fmt.Sprintf("conv2d(%d, %d, %d, %d) pad %v stride %v dilation %v groups %d",
		w.out, w.in, w.kernel[0], w.kernel[1], c.pad, c.stride, c.dilation, len(w.groups)), w.scheme, opts); err != nil {
		return nil, err
	}
	c.settle(l, im.Shape())
	return l, nil
}

// setPairs takes what is given of height and width; nil is a pad of 0, a stride of 1, a dilation of 1.
func (c *conv2d) setPairs(pad, stride, dilation []int) error {
	for _, p := range []struct {
		name  string
		given []int
		pair  *[2]int
		least int // and what nil stands for
	}{{"pad", pad, &c.pad, 0}, {"stride", stride, &c.stride, 1}, {"dilation", dilation, &c.dilation, 1}} {
		*p.pair = [2]int{p.least, p.least}
		if p.given == nil {
			continue
		}
		if len(p.given) != 2 || slices.Min(p.given) < p.least || slices.Max(p.given) > maxPixels {
			return fmt.Errorf("%w: %s is %v, want two numbers from %d to %d", qtensor.ErrShape, p.name, p.given, p.least, maxPixels)
		}
		copy(p.pair[:], p.given)
	}
	return nil
}

// maxPixels bounds the sides of a padded image, and maxElements a padded image of a group's channels: 1 GB of
// integers.
const (
	maxPixels   = 1 << 15
	maxElements = 1 << 28
)

// settle prepares the convolution of images of a shape, when the options are known.
func (c *conv2d) settle(l *layer, in tensor.Shape) {
	c.compute = l.compute
	c.windows = gemm.NewWindows(c.conv(in))
}

// conv returns the convolution of images of a shape: of the channels of one group, or of all where they are
// taken at once.
func (c *conv2d) conv(in tensor.Shape) gemm.Conv {
	v := c.geometry()
	v.Height, v.Width, v.Pad, v.Stride, v.Dilation = in[2], in[3], c.pad, c.stride, c.dilation
	if len(c.groups) > 1 && c.exchange(in).Gives { // one scale for all channels
		v.Channels, v.Depthwise = in[1], true
	}
	return v
}

// exchange returns what is taken and given besides float32, of images of a shape.
func (c *conv2d) exchange(in tensor.Shape) Exchange {
	return convCodes(c.compute, c.scheme, c.out, c.in, len(c.groups), c.padded(in[1], in[2], in[3]))
}

// padded returns the numbers of an image, whose sides are at most maxPixels, with its padding: maxElements +
// 1 where they are more.
func (c *conv2d) padded(channels, height, width int) int64 {
	pixels := int64(height+2*c.pad[0]) * int64(width+2*c.pad[1])
	if int64(channels) > maxElements/max(pixels, 1) {
		return maxElements + 1
	}
	return int64(channels) * pixels
}

// result returns the shape of the result for images of the given shape.
func (c *conv2d) result(in tensor.Shape) (tensor.Shape, error) {
	channels := c.in * len(c.groups)
	if len(in) != 4 || in[1] != channels || in[0] < 1 {
		return nil, fmt.Errorf("%w: images are %v, want (batch, %d, height, width)", qtensor.ErrShape, in, channels)
	}
	for i, size := range in[2:] {
		if size < 1 || size > maxPixels || size+2*c.pad[i] > maxPixels {
			return nil, fmt.Errorf("%w: images are %v with a padding of %v, want sides from 1 to %d", qtensor.ErrShape, in, c.pad, maxPixels)
		}
		if span := int64(c.kernel[i]-1)*int64(c.dilation[i]) + 1; span > int64(size+2*c.pad[i]) {
			return nil, fmt.Errorf("%w: images are %v with a padding of %v, want sides of at least %d for a kernel of %v with a dilation of %v",
				qtensor.ErrShape, in, c.pad, span, c.kernel, c.dilation)
		}
	}
	if c.padded(c.in, in[2], in[3]) > maxElements {
		return nil, fmt.Errorf("%w: %d channels of images %v with a padding of %v, want at most %d numbers",
			qtensor.ErrShape, c.in, in, c.pad, maxElements)
	}
	if _, err := bounded(in); err != nil {
		return nil, err
	}
	height, width := c.conv(in).Out()
	return bounded(tensor.Shape{in[0], c.out, height, width})
}

// convolve sets y to the convolution of x, of shape in, and what follows. Codes are of one group.
func (c *conv2d) convolve(y, x gemm.Numbers, in tensor.Shape, l *layer) error {
	windows := c.windows
	if in[2] != windows.Height || in[3] != windows.Width {
		windows = gemm.NewWindows(c.conv(in))
	}
	filters := c.groups
	if windows.Depthwise {
		filters = []*pack.Matrix{c.each}
	}
	return gemm.Convolve(y, x, in[0], windows, filters, l.compute.arithmetic, l.output)
}
