package gemm

import (
	"sync"

	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// A FloatChannelsLast computes a convolution of float32 images, prepared for them and for an output, pixel by
// pixel: a depthwise one, or one whose windows are single pixels. An element of the result is the chain that a
// FloatConvolution makes of it. Vectors are of channels, so no plane is too narrow for them, and what is beyond the
// image is left out. Channels of images may be first, too: those are transposed.
type FloatChannelsLast struct {
	v             Conv
	height, width int // of the result
	out           int // channels of it
	product       *FloatProduct
	windows       kernel.FloatChannels // of a depthwise convolution
}

// DepthwiseFilters are filters of a channel each.
type DepthwiseFilters struct {
	x []float32 // (row, column, channel)
}

// NewDepthwiseFilters packs filters, which are (channel, row, column) and finite, one for each of so many channels.
func NewDepthwiseFilters(filters []float32, channels int, size [2]int) *DepthwiseFilters {
	w := &DepthwiseFilters{make([]float32, len(filters))}
	taps := size[0] * size[1]
	kernel.Transpose(w.x, channels, filters, taps, taps, channels)
	return w
}

// NewFloatDepthwise prepares a convolution of each channel of v with its own filter; NCHW and Depthwise of v mean
// nothing.
func NewFloatDepthwise(v Conv, w *DepthwiseFilters, out Output) *FloatChannelsLast {
	p := &FloatChannelsLast{v: v, out: v.Channels}
	p.height, p.width = v.Out()
	n := v.Channels
	bias := make([]float32, n)
	copy(bias, out.Bias)
	p.windows = kernel.FloatChannels{
		Channels: n, Filters: w.x, Bias: bias, Floor: out.floor(),
		Step: kernel.Tap{Image: v.Dilation[1] * n, Filter: n},
		Down: kernel.Tap{Image: v.Dilation[0] * v.Width * n, Filter: v.Kernel[1] * n},
	}
	for i := range p.height {
		p.windows.Rows = append(p.windows.Rows, v.inside(0, i, v.Height, v.Width*n, v.Kernel[1]*n))
	}
	for i := range p.width {
		taps := v.inside(1, i, v.Width, n, n)
		last := len(p.windows.Runs) - 1
		if last >= 0 {
			run := &p.windows.Runs[last]
			if run.Count == taps.Count && run.First.Filter == taps.First.Filter && run.First.Image+run.Pixels*run.Apart == taps.First.Image {
				run.Pixels++
				continue
			}
		}
		p.windows.Runs = append(p.windows.Runs, kernel.TapRun{Taps: taps, Pixels: 1, Apart: v.Stride[1] * n})
	}
	return p
}

// inside returns the taps of window i along an axis that are in the image, which has so many pixels of it: image
// elements apart, and filter elements those of a filter.
func (v *Conv) inside(axis, i, size, image, filter int) (t kernel.Taps) {
	begin, by := i*v.Stride[axis]-v.Pad[axis], v.Dilation[axis]
	first, end := within(v.Kernel[axis], size, begin, by)
	if t.Count = end - first; t.Count > 0 {
		t.First = kernel.Tap{Image: (begin + first*by) * image, Filter: first * filter}
	}
	return t
}

// NewFloatPixels prepares a convolution with filters of single pixels, w of (channel, filter), without strides and
// pads.
func NewFloatPixels(v Conv, w *pack.Floats, out Output) *FloatChannelsLast {
	return &FloatChannelsLast{v: v, height: v.Height, width: v.Width, out: w.N, product: NewFloatProduct(w, out)}
}

// Run sets dst to the convolution of so many samples of x, with the output applied; both are float32. dst does
// not overlap x. The error is nil.
func (p *FloatChannelsLast) Run(dst, x Activations, samples int) error {
	c := channelsLastCalls.Get().(*channelsLastCall)
	c.plan, c.set, c.x, c.dst, c.samples = p, kernel.Current(), x, dst, samples
	c.use(x)
	pixels := samples * p.height * p.width
	d := c.set.FloatTime(1, len(x.Float)+len(dst.Float), 1)
	if p.product != nil {
		d += c.set.FloatTime(pixels, p.product.n, p.product.k)
	} else {
		d += c.set.FloatTime(pixels, p.out, 2*p.v.Kernel[0]*p.v.Kernel[1])
	}
	c.fit(d)
	c.cut(c.parts(d))
	c.share(turnAndMultiply{c}, blocks(c.samples, c.together)*blocks(p.height, c.rows), d)
	c.plan, c.x, c.dst, c.stop = nil, Activations{}, Activations{}, nil
	channelsLastCalls.Put(c)
	return nil
}

// A channelsLastCall has tasks of some samples, or of some rows of one.
type channelsLastCall struct {
	team
	plan           *FloatChannelsLast
	set            *kernel.Set
	x, dst         Activations
	samples        int
	together, rows int // samples and rows of a task
}

var channelsLastCalls = sync.Pool{New: func() any { return new(channelsLastCall) }}

// cut has tasks be as many samples as the second cache holds, and rows of one where there are fewer than parts.
func (c *channelsLastCall) cut(parts int) {
	p := c.plan
	each := p.v.Channels*p.v.Height*p.v.Width + p.out*p.height*p.width
	c.rows, c.together = p.height, max(1, min(c.set.CacheBytes/8/each, c.samples/parts))
	if c.samples < parts {
		c.rows = blocks(p.height, blocks(parts, c.samples))
	}
}

// turnAndMultiply is the tasks that compute samples, or rows of them.
type turnAndMultiply struct{ *channelsLastCall }

func (c turnAndMultiply) run(task int, s *scratch) {
	across := blocks(c.plan.height, c.rows)
	first, row := task/across*c.together, task%across*c.rows
	c.compute(s, first, min(c.together, c.samples-first), row, min(c.rows, c.plan.height-row))
}

// compute computes rows of some samples: all rows, where there are several.
func (c *channelsLastCall) compute(s *scratch, first, samples, row, rows int) {
	p := c.plan
	image, result := p.v.Height*p.v.Width*p.v.Channels, p.height*p.width*p.out
	x, y := c.x.Float[first*image:][:samples*image], c.dst.Float[first*result:][:samples*result]
	from, to := x, y[row*p.width*p.out:][:((samples-1)*p.height+rows)*p.width*p.out]
	if !c.x.ChannelsLast {
		from = grow(s.turned[0], len(x))
		s.turned[0] = from
		begin, end := p.reads(row, rows)
		for i := range samples {
			c.turn(from[i*image:], x[i*image:], p.v.Channels, p.v.Height*p.v.Width, begin*p.v.Width, end*p.v.Width)
		}
	}
	if !c.dst.ChannelsLast {
		to = grow(s.turned[1], len(to))
		s.turned[1] = to
	}
	if p.product != nil {
		s.product = floatOperands{p.product, c.set, from[row*p.width*p.v.Channels:], to}
		s.product.compute(s, part{0, len(to) / p.out, 0, p.product.panels()})
	} else {
		s.channels = p.windows
		s.channels.Rows = p.windows.Rows[row : row+rows]
		for i := range samples {
			c.set.MultiplyChannels(to[i*result:], from[i*image:], &s.channels)
		}
	}
	if !c.dst.ChannelsLast {
		for i := range samples {
			c.set.Transpose(y[i*result+row*p.width:], p.height*p.width, to[i*result:], p.out, p.out, rows*p.width)
		}
	}
}

// turn transposes the pixels from begin up to end of an image of so many channels and pixels to dst, which has them all.
func (c *channelsLastCall) turn(dst, src []float32, channels, pixels, begin, end int) {
	if begin < end {
		c.set.Transpose(dst[begin*channels:], channels, src[begin:], pixels, end-begin, channels)
	}
}

// reads returns which rows of an image some rows of the result are computed of.
func (p *FloatChannelsLast) reads(row, rows int) (begin, end int) {
	begin = row*p.v.Stride[0] - p.v.Pad[0]
	end = (row+rows-1)*p.v.Stride[0] - p.v.Pad[0] + (p.v.Kernel[0]-1)*p.v.Dilation[0] + 1
	return max(begin, 0), min(end, p.v.Height)
}
