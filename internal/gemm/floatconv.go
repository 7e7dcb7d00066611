package gemm

import (
	"sync"

	"euryale/internal/kernel"
)

// A FloatConvolution computes the convolution of float32 images, (channel, row, column), with filters, prepared for
// them and for an output. An element of the result is one chain of fused multiply-adds that begins with its bias, as
// that of a FloatProduct, over the window's (row, column, channel) in order; what lies beyond the image is 0.
//
// Filters are the left operand and pixels the columns of the right one, which is the image itself: with its padding,
// and with every stride apart in a plane of its own, a tap of all windows is one shift of a plane.
type FloatConvolution struct {
	v             Conv
	filters       *FloatFilters
	bias          []float32 // [filter][16], each repeated
	floor         float32
	height, width int // of the result
	shifts        shifts
	inPlace       bool // the image is the operand
}

// FloatFilters are the filters of convolutions.
type FloatFilters struct {
	channels, groups int
	kernel           [2]int
	each             int       // filters of a group
	x                []float32 // of each filter (row, column, channel), stride apart
	stride           int
}

// NewFloatFilters packs filters, which are (filter, channel, row, column) with so many channels and finite, in so many
// groups, each with as many filters as the others.
func NewFloatFilters(filters []float32, channels, groups int, kernel [2]int) *FloatFilters {
	taps := kernel[0] * kernel[1]
	depth := channels * taps
	w := &FloatFilters{channels: channels, groups: groups, kernel: kernel, each: len(filters) / depth / groups, stride: apart(depth)}
	w.x = make([]float32, w.each*groups*w.stride)
	for f := range w.each * groups {
		from, to := filters[f*depth:][:depth], w.x[f*w.stride:]
		for c := range channels {
			for t := range taps {
				to[t*channels+c] = from[c*taps+t]
			}
		}
	}
	return w
}

// apart returns a distance between rows of n float32 that keeps them from sharing sets of the first cache.
func apart(n int) int {
	if n%256 == 0 {
		return n + kernel.PanelColumns
	}
	return n
}

// NewFloatConvolution prepares a convolution. Channels and Kernel of v are those of the filters; its NCHW and its
// Depthwise mean nothing.
func NewFloatConvolution(v Conv, w *FloatFilters, out Output) *FloatConvolution {
	v.Channels, v.Kernel = w.channels, w.kernel
	p := &FloatConvolution{v: v, filters: w, bias: make([]float32, w.each*w.groups*kernel.PanelColumns), floor: out.floor()}
	for f, bias := range out.Bias {
		fill(p.bias[f*kernel.PanelColumns:][:kernel.PanelColumns], bias)
	}
	pixels := v.Height * v.Width
	if v.Kernel == [2]int{1, 1} && v.Stride == [2]int{1, 1} && v.Pad == [4]int{} && pixels%kernel.PanelColumns == 0 {
		p.inPlace, p.v.Height, p.v.Width = true, pixels/kernel.PanelColumns, kernel.PanelColumns
	}
	p.height, p.width = p.v.Out()
	p.shifts = newShifts(&p.v, p.width)
	return p
}

// shifts says where the taps of windows are, in planes that are a stride apart each way.
type shifts struct {
	rows, columns []phase
	more          int // rows that planes have beyond those of the result
	width         int // of planes
}

// A phase is what the taps of one place of a stride are: where they begin, and what they are shifted by.
type phase struct{ at, of int }

// newShifts returns the shifts of a convolution.
func newShifts(v *Conv, width int) (s shifts) {
	phases := func(i int) (list []phase) {
		for tap := range v.Kernel[i] {
			list = append(list, phase{tap * v.Dilation[i] % v.Stride[i], tap * v.Dilation[i] / v.Stride[i]})
		}
		return list
	}
	s.rows, s.columns = phases(0), phases(1)
	s.more, s.width = s.rows[len(s.rows)-1].of, width+s.columns[len(s.columns)-1].of
	return s
}

// Run sets dst to the convolution of so many samples of x, with the output applied; both are float32. dst does not
// overlap x. The error is nil.
func (p *FloatConvolution) Run(dst, x Activations, samples int) error {
	c := floatConvolutions.Get().(*floatConvolution)
	c.plan, c.set, c.x, c.dst = p, kernel.Current(), x.Float, dst.Float
	c.use(x)
	c.images = samples * p.filters.groups
	c.cut()
	depth := p.v.Channels * len(p.shifts.rows) * len(p.shifts.columns)
	d := c.set.FloatTime(c.images*p.filters.each, p.height*p.width, depth) + c.set.FloatTime(1, len(c.x)+len(c.dst), 1)
	c.share(convolveFloats{c}, c.tasks, d)
	c.plan, c.x, c.dst, c.stop = nil, nil, nil, nil
	floatConvolutions.Put(c)
	return nil
}

// A floatConvolution is cut into units: some rows of the result of one image, or whole images. An image is of one
// sample and one group.
type floatConvolution struct {
	team
	plan           *FloatConvolution
	set            *kernel.Set
	x, dst         []float32
	images         int
	rows, together int // of a unit: rows of the result, and images
	blocks         int // of rows, of an image
	units, tasks   int
}

var floatConvolutions = sync.Pool{New: func() any { return new(floatConvolution) }}

// cut chooses units: as many rows, and then images, as the second cache holds planes and results of beside filters, but
// no more than there are for all threads.
func (c *floatConvolution) cut() {
	p, s := c.plan, &c.plan.shifts
	row := p.v.Channels*p.v.Stride[0]*p.v.Stride[1]*s.width + p.filters.each*s.width
	most := c.set.CacheBytes / 8
	c.rows, c.together = max(1, most/row-s.more), max(1, most/(row*(p.height+s.more)))
	if c.threads > 1 {
		parts := partsPerThread * c.threads
		perImage := (parts + c.images - 1) / c.images
		c.rows = min(c.rows, (p.height+perImage-1)/perImage)
		c.together = min(c.together, (c.images+parts-1)/parts)
	}
	c.rows = min(c.rows, p.height)
	c.blocks = (p.height + c.rows - 1) / c.rows
	if c.blocks > 1 {
		c.together = 1
	}
	c.units = (c.images + c.together - 1) / c.together * c.blocks
	c.tasks = min(c.units, mostTasks*c.threads)
}

// mostTasks is how many tasks there are for a thread at most. A call that is stopped leaves out those that are left.
const mostTasks = 64

// convolveFloats is the tasks that compute units.
type convolveFloats struct{ *floatConvolution }

func (c convolveFloats) run(task int, s *scratch) {
	begin, end := share(c.units, c.tasks, task)
	for unit := begin; unit < end; unit++ {
		image, first := unit/c.blocks*c.together, unit%c.blocks*c.rows
		c.unit(s, image, min(c.together, c.images-image), first, min(c.rows, c.plan.height-first))
	}
}

// unit computes rows of the result of some images, from row first on. Columns of planes that no pixel of the result
// has are computed with the others, and left out.
func (c convolveFloats) unit(s *scratch, image, images, first, rows int) {
	p, w, width := c.plan, c.plan.filters, c.plan.shifts.width
	out := p.height * p.width
	panels := ((rows-1)*width + p.width + kernel.PanelColumns - 1) / kernel.PanelColumns
	columns := panels * kernel.PanelColumns
	dst := c.dst[image*w.each*out+first*p.width:]
	result, stride := dst, out
	direct := width == p.width && rows*width == columns
	if !direct {
		stride = columns
		s.result = grow(s.result, images*w.each*columns)
		result = s.result
	}
	b := &s.floatRight
	*b = kernel.FloatRight{Panels: panels, Stride: kernel.PanelColumns, Step: p.v.Height * p.v.Width, Length: p.v.Channels, Offsets: noShift}
	each := p.v.Channels * p.v.Height * p.v.Width
	data := c.x[image*each:]
	if p.inPlace {
		data = data[first*p.v.Width:]
	} else {
		each = p.planes(s, b, images, rows)
		p.fill(s, data, images, first, rows, c.set)
		data = s.column
	}
	for i := range images {
		of, to := (image+i)%w.groups*w.each, result[i*w.each*stride:]
		b.Data = data[i*each:]
		s.floatLeft = kernel.FloatLeft{Data: w.x[of*w.stride:], Rows: w.each, Stride: w.stride}
		s.ends = kernel.FloatEnds{From: p.bias[of*kernel.PanelColumns:], Row: kernel.PanelColumns, Floor: p.floor}
		c.set.MultiplyFloats(to, stride, &s.floatLeft, b, &s.ends)
	}
	if direct {
		return
	}
	s.rows = kernel.Rows{
		Planes: images * w.each, DstPlane: out, SrcPlane: stride,
		Rows: rows, DstStride: p.width, SrcStride: width, Columns: p.width, Behind: p.width, Step: 1,
	}
	c.set.MoveRows(dst, result, &s.rows)
}

var noShift = []int{0}

// reach is how far the columns of the last panel reach behind the planes.
const reach = kernel.PanelColumns

// planes makes room for the planes of some images and rows of the result: [phase of rows][phase of columns][image]
// [channel], each a plane. It sets b to the taps of an image, and returns how far images are apart. Where there is one
// channel, the taps of a row are depth.
func (p *FloatConvolution) planes(s *scratch, b *kernel.FloatRight, images, rows int) (each int) {
	v, sh := &p.v, &p.shifts
	plane, columns := (rows+sh.more)*sh.width, sh.columns
	each = v.Channels * plane
	phase := images * each
	s.offsets = s.offsets[:0]
	b.Step = plane
	if v.Channels == 1 && v.Stride[1] == 1 {
		b.Length, b.Step, columns = len(columns), v.Dilation[1], columns[:1]
	}
	for _, row := range sh.rows {
		for _, column := range columns {
			s.offsets = append(s.offsets, (row.at*v.Stride[1]+column.at)*phase+row.of*sh.width+column.of)
		}
	}
	b.Offsets = s.offsets
	s.column = grow(s.column, v.Stride[0]*v.Stride[1]*phase+reach)
	clear(s.column[len(s.column)-reach:])
	return each
}

// fill sets the planes that taps are in to images, for some rows of the result.
func (p *FloatConvolution) fill(s *scratch, x []float32, images, first, rows int, set *kernel.Set) {
	v, sh := &p.v, &p.shifts
	height, planes := rows+sh.more, images*v.Channels
	for down := range min(v.Stride[0], len(sh.rows)*v.Dilation[0]) {
		// Rows from top up to bottom are in the image, and columns from left up to behind.
		row := first*v.Stride[0] + down - v.Pad[0]
		top, bottom := within(height, v.Height, row, v.Stride[0])
		for right := range min(v.Stride[1], len(sh.columns)*v.Dilation[1]) {
			column := right - v.Pad[1]
			left, behind := within(sh.width, v.Width, column, v.Stride[1])
			size := planes * height * sh.width
			to := s.column[(down*v.Stride[1]+right)*size:][:size]
			if top > 0 || bottom < height || left == behind {
				clear(to)
			}
			if top == bottom || left == behind {
				continue
			}
			s.rows = kernel.Rows{
				Planes: planes, DstPlane: height * sh.width, SrcPlane: v.Height * v.Width,
				Rows: bottom - top, DstStride: sh.width, SrcStride: v.Stride[0] * v.Width,
				Columns: sh.width, Left: left, Behind: behind, Step: v.Stride[1],
			}
			set.MoveRows(to[top*sh.width:], x[(row+top*v.Stride[0])*v.Width+column+left*v.Stride[1]:], &s.rows)
		}
	}
}

// within returns from where up to where i·stride + from, for i in 0 … n−1, is in 0 … size−1.
func within(n, size, from, stride int) (begin, end int) {
	begin = min(n, max(0, (stride-1-from)/stride))
	return begin, max(begin, min(n, (size-from+stride-1)/stride))
}
