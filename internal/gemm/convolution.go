package gemm

import (
	"math"
	"sync"
	"time"

	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// A Convolution computes the convolution of images with filters, the columns of a weight, prepared for them
// and for an output. A pixel of the result is what a Product makes of a row that is the pixel's window, but
// for the scale: all of a sample has one, as a row has there. What lies beyond the image is 0. Float images
// are (channel, row, column), quantized ones (row, column, channel), both of x and of dst.
type Convolution struct {
	v     *windows
	w     []*pack.Matrix
	a     Arithmetic
	out   Output
	plans plans[convolutionPlan]
}

// NewConvolution prepares a convolution. v is not NCHW where x is quantized. Several w, of one shape, make a
// grouped convolution: each has v.Channels channels of x and as many of dst as w has columns, and each image
// a scale for each group; neither x nor dst is quantized then. Where v is Depthwise, filter j multiplies
// channel j alone; x is quantized or a is Static then, and w has one scale for a column and neither zero
// points nor offsets.
func NewConvolution(v Conv, w []*pack.Matrix, a Arithmetic, out Output) *Convolution {
	return &Convolution{v: newWindows(v), w: w, a: a, out: out}
}

// plan returns the plan for x and the kernels in use, which change in tests alone.
func (v *Convolution) plan(x Activations) *convolutionPlan {
	at, a := v.plans.of(v.a, x)
	plan := at.Load()
	if set := kernel.Current(); plan == nil || plan.set != set {
		plan = newConvolutionPlan(set, v.v, v.w, a, v.out)
		at.Store(plan)
	}
	return plan
}

// A convolutionPlan is what is known of a convolution before there are images.
type convolutionPlan struct {
	set       *kernel.Set
	v         *windows
	groups    []*matrixPlan
	algorithm convolutionAlgorithm
	bytes     bool // images are kept as the bytes of operands
	inPlace   bool // they are what quantized activations are

	size               int // elements of an image with its padding
	pixels, width      int // of a sample's result
	line               int // pixels whose windows are evenly apart
	rowStep, pixelStep int // elements between the windows of rows and of pixels of the result

	// Of depthwise alone: where the windows of all pixels begin, and the plan of pixels that are folded, if any.
	begins, foldedBegins []int
	folded               *matrixPlan
}

// A convolutionAlgorithm computes the pixels of a task, which are rows of a part of the images at hand.
type convolutionAlgorithm interface {
	run(c *convolutionCall, s *scratch, r part)
	// operandBytes returns how much memory a pixel takes while it is computed.
	operandBytes(p *matrixPlan) int
	// lines reports whether a task is whole lines of an image.
	lines() bool
	// panels reports whether it may be a part of the panels, where results are quantized.
	panels() bool
}

// newConvolutionPlan chooses the algorithm.
func newConvolutionPlan(set *kernel.Set, v *windows, w []*pack.Matrix, a Arithmetic, out Output) *convolutionPlan {
	p := &convolutionPlan{set: set, v: v}
	format := set.Format
	if v.Depthwise {
		format = kernel.U8
	}
	for g, w := range w {
		own := out
		if out.Bias != nil {
			own.Bias = out.Bias[g*w.N:][:w.N]
		}
		p.groups = append(p.groups, newMatrixPlan(set, format, w, a, own))
	}
	height, width := v.padded()
	p.size = v.Channels * height * width
	outHeight, outWidth := v.Out()
	p.pixels, p.width, p.line = outHeight*outWidth, outWidth, outWidth
	p.rowStep, p.pixelStep = v.Stride[0]*width*v.perPixel(), v.Stride[1]*v.perPixel()
	m := p.groups[0]
	implicit := m.isDense() && v.steps > 0
	switch {
	case v.Depthwise:
		p.algorithm = depthwise{}
		p.planDepthwise(a, out)
	case implicit && a.Bits == 0 && set.PixelVectors && v.fewChannels():
		p.algorithm = pixelVectorized{}
	case implicit && set.Segments:
		p.algorithm = implicitGEMM{}
	default:
		p.algorithm, implicit = gathered{}, false
	}
	unpadded := v.Pad == [4]int{}
	if unpadded && v.Kernel == [2]int{1, 1} && v.Stride == [2]int{1, 1} && !v.Depthwise {
		p.line = math.MaxInt // rows of a matrix
	}
	_, readsImage := p.algorithm.(implicitGEMM)
	p.inPlace = readsImage && unpadded && v.segments[0].length%kernel.StepDepth == 0   // kernels read no further
	p.bytes = implicit || v.Depthwise || m.plain && !m.totals && m.operand.Planes == 1 // what fills up is in no total
	return p
}

// Run sets dst to the convolution of so many samples of x, with the output applied. Memory holds at most the
// windows of the tasks under way. dst does not overlap x. Errors: ErrValue, naming sample, channel, row and
// column for x, and sample, filter, row and column for a result that is to be quantized; dst is undefined
// then.
func (v *Convolution) Run(dst, x Activations, samples int) error {
	c := convolutionCalls.Get().(*convolutionCall)
	c.plan, c.x, c.dst = v.plan(x), x, dst
	c.use(x)
	err := c.run(samples * len(v.w))
	c.plan, c.x, c.dst, c.stop, c.images.data = nil, Activations{}, Activations{}, nil, nil
	convolutionCalls.Put(c)
	return err
}

// A convolutionCall runs a convolution, some images at a time.
type convolutionCall struct {
	team
	plan   *convolutionPlan
	x, dst Activations
	images images
	rows   int  // pixels of a task
	across int  // tasks that share their pixels
	finite bool // as block.finite
	bands  bool // tasks make their images
	bad    badValue

	badImage badValue // of x
}

var convolutionCalls = sync.Pool{New: func() any { return new(convolutionCall) }}

// imageElements is the most that the images at hand have with their padding, or one image if that is more.
const imageElements = 32 << 20

// atOnce returns how many images are at hand at once: those of so many windows at most, and of imageElements
// elements, since few windows may have much padding.
func (p *convolutionPlan) atOnce(windows int) int {
	return max(1, min(windows/p.pixels, imageElements/p.size))
}

// run computes count images; each is of one sample and one group.
func (c *convolutionCall) run(count int) error {
	p, im := c.plan, &c.images
	m, elements := p.groups[0], p.v.Channels*p.v.Height*p.v.Width
	c.finite = c.dst.Quantized != nil && m.canRequantize(c.x)
	atOnce := p.atOnce(m.blockRows())
	for first := 0; first < count; first += atOnce {
		im.first, im.count = first, min(atOnce, count-first)
		im.scales = grow(im.scales, im.count)
		d := p.time(im.count)
		c.fit(d)
		if !c.given(elements) {
			im.fit(p)
			c.share(readImages{c}, im.count, 4*p.set.QuantizeTime(im.count*elements))
		}
		if c.badImage.any() {
			return c.badInput()
		}
		c.cut(c.parts(d))
		c.share(convolvePixels{c}, blocks(im.count*p.pixels, c.rows)*c.across, d)
		switch {
		case c.badImage.any():
			c.bad.take()
			return c.badInput()
		case c.bad.any():
			return c.badResult()
		}
	}
	return nil
}

// given takes the images at hand from quantized activations, or leaves them to tasks, and reports whether it
// did either.
func (c *convolutionCall) given(elements int) bool {
	p, im, static := c.plan, &c.images, c.plan.groups[0].arithmetic.Static
	inPlace := p.inPlace && c.x.Quantized != nil
	c.bands = !inPlace && p.takesBands() && (c.x.Quantized != nil || static != nil)
	switch {
	case inPlace:
		im.data = c.x.rows(im.first, im.count, elements).Quantized
	case !c.bands:
		return false
	}
	var of integers
	if c.x.Quantized != nil {
		of = quantized(c.x.Params)
	} else {
		of = quantized(Counted(*static))
	}
	for i := range im.scales {
		im.scales[i] = of
	}
	return true
}

// time returns about how long one thread takes for so many images.
func (p *convolutionPlan) time(images int) time.Duration {
	w, depth := p.groups[0].w, p.groups[0].w.K*p.groups[0].operand.Planes
	if p.v.Depthwise {
		depth *= depthwiseCost
	}
	return p.set.MultiplyTime(images*p.pixels, w.N, depth) + p.set.QuantizeTime(images*p.pixels*w.N)
}

// taskBytes is the most memory that the operands of a task take, which the second cache holds, or its results
// where operands are in the image itself.
const taskBytes = 128 << 10

// cut makes about as many tasks as are wanted: of pixels across images, as many as the second cache holds and
// whole tiles or lines of an image, and where that makes too few, of a part of the panels each. A task of a
// grouped convolution is one image.
func (c *convolutionCall) cut(want int) {
	p := c.plan
	c.rows, c.across = p.pixels, 1
	if len(p.groups) > 1 {
		return
	}
	whole, all := p.set.Rows, c.images.count*p.pixels
	if p.algorithm.lines() {
		whole = p.width
	}
	c.rows = max(1, min(taskBytes/p.algorithm.operandBytes(p.groups[0]), all/want)/whole) * whole
	if c.bands {
		c.rows = min(c.rows, max(1, bandBytes/p.size)*p.pixels)
	}
	if p.algorithm.panels() && c.dst.Quantized != nil {
		c.across = min(p.groups[0].w.Panels(), max(1, want/blocks(all, c.rows)))
	}
}

// convolvePixels is the tasks that compute pixels.
type convolvePixels struct{ *convolutionCall }

func (c convolvePixels) run(task int, s *scratch) {
	r := part{firstRow: task / c.across * c.rows}
	r.endRow = min(r.firstRow+c.rows, c.images.count*c.plan.pixels)
	r.firstPanel, r.endPanel = share(c.group(r.firstRow).w.Panels(), c.across, task%c.across)
	c.look(s, r)
	c.plan.algorithm.run(c.convolutionCall, s, r)
}

// group returns the plan of the group that the image of a pixel is of.
func (c *convolutionCall) group(pixel int) *matrixPlan {
	return c.plan.groups[(c.images.first+pixel/c.plan.pixels)%len(c.plan.groups)]
}

// begin returns a block for the pixels of a task. Its target is dst where that is quantized; else it is
// scratch memory, which end transposes to dst.
func (c *convolutionCall) begin(s *scratch, first, count int) *block {
	b := &s.block
	b.plan, b.rows, b.finite = c.group(first), count, c.finite
	n := b.plan.w.N
	if c.dst.Quantized != nil {
		b.target = c.dst.rows(c.images.first*c.plan.pixels+first, count, n)
	} else {
		s.results = grow(s.results, count*n)
		b.target = Activations{Float: s.results}
	}
	return b
}

// end transposes float32 results to dst, and notes a result that is to be quantized and not finite.
func (c *convolutionCall) end(b *block, first int) {
	p, n := c.plan, b.plan.w.N
	if b.bad.any() {
		place, value := b.bad.take()
		c.bad.note(first*n+place, value)
	}
	if c.dst.Quantized == nil {
		for begin, count := 0, 0; begin < b.rows; begin += count {
			sample, pixel := (first+begin)/p.pixels, (first+begin)%p.pixels
			count = min(b.rows-begin, p.pixels-pixel)
			p.set.Transpose(c.dst.Float[(c.images.first+sample)*p.pixels*n+pixel:], p.pixels, b.target.Float[begin*n:][:count*n], n, n, count)
		}
	}
	b.plan, b.target = nil, Activations{}
}
