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
	bias          []float32
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
	p := &FloatConvolution{v: v, filters: w, bias: make([]float32, w.each*w.groups), floor: out.floor()}
	copy(p.bias, out.Bias)
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
	images := samples * p.filters.groups
	c.rows = p.blockRows(c.set, c.threads, images)
	c.blocks = (p.height + c.rows - 1) / c.rows
	c.units = images * c.blocks
	depth := p.v.Channels * len(p.shifts.rows) * len(p.shifts.columns)
	c.share(convolveFloats{c}, min(c.units, partsPerThread*c.threads), c.set.FloatTime(images*p.filters.each, p.height*p.width, depth))
	c.plan, c.x, c.dst, c.stop = nil, nil, nil, nil
	floatConvolutions.Put(c)
	return nil
}

// blockRows returns how many rows of the result a block has: few enough for the second cache to hold the planes and
// the result beside filters, and for all threads to have a part.
func (p *FloatConvolution) blockRows(set *kernel.Set, threads, images int) int {
	s := &p.shifts
	row := p.v.Channels*p.v.Stride[0]*p.v.Stride[1]*s.width + p.filters.each*s.width
	rows := max(1, set.CacheBytes/8/row-s.more)
	if threads > 1 {
		parts := (partsPerThread*threads + images - 1) / images
		rows = min(rows, (p.height+parts-1)/parts)
	}
	return min(rows, p.height)
}

type floatConvolution struct {
	team
	plan   *FloatConvolution
	set    *kernel.Set
	x, dst []float32
	rows   int // of a block
	blocks int // of an image
	units  int // blocks of all images
}

var floatConvolutions = sync.Pool{New: func() any { return new(floatConvolution) }}

// convolveFloats is the tasks that compute blocks of images.
type convolveFloats struct{ *floatConvolution }

func (c convolveFloats) run(task int, s *scratch) {
	begin, end := share(c.units, min(c.units, partsPerThread*c.threads), task)
	for unit := begin; unit < end; unit++ {
		image, first := unit/c.blocks, unit%c.blocks*c.rows
		c.block(s, image, first, min(c.rows, c.plan.height-first))
	}
}

// block computes some rows of the result of an image. Columns of planes that no pixel of the result has are computed
// with the others, and left out.
func (c convolveFloats) block(s *scratch, image, first, rows int) {
	p, v, w := c.plan, &c.plan.v, c.plan.filters
	in, out := v.Channels*v.Height*v.Width, p.height*p.width
	x, dst := c.x[image*in:][:in], c.dst[image*w.each*out:][:w.each*out]
	b := kernel.FloatRight{Data: x[min(first*v.Width, in):], Step: v.Height * v.Width, Length: v.Channels, Offsets: noShift}
	if !p.inPlace {
		b = p.planes(s, x, first, rows)
	}
	width := p.shifts.width
	b.Stride, b.Panels = kernel.PanelColumns, ((rows-1)*width+p.width+kernel.PanelColumns-1)/kernel.PanelColumns
	result, stride := dst[first*p.width:], out
	direct := width == p.width && rows*width == b.Panels*kernel.PanelColumns
	if !direct {
		stride = b.Panels * kernel.PanelColumns
		s.result = grow(s.result, w.each*stride)
		result = s.result
	}
	columns := b.Panels * kernel.PanelColumns
	of := image % w.groups * w.each
	for f, bias := range p.bias[of:][:w.each] {
		fill(result[f*stride:][:columns], bias)
	}
	a := kernel.FloatLeft{Data: w.x[of*w.stride:], Rows: w.each, Stride: w.stride}
	c.set.MultiplyFloats(result, stride, &a, &b)
	c.set.FinishFloats(result, stride, w.each, columns, p.floor)
	if direct {
		return
	}
	for f := range w.each {
		for i := range rows {
			copy(dst[f*out+(first+i)*p.width:][:p.width], result[f*stride+i*width:])
		}
	}
}

var noShift = []int{0}

// planes returns the planes of an image for some rows of the result: [phase of rows][phase of columns][channel], of
// which those that no tap has are left as they are. Where there is one channel, taps of a row are depth.
func (p *FloatConvolution) planes(s *scratch, x []float32, first, rows int) (b kernel.FloatRight) {
	v, sh := &p.v, &p.shifts
	plane := (rows + sh.more) * sh.width
	size := v.Channels * plane
	s.column = grow(s.column, v.Stride[0]*v.Stride[1]*size+2*kernel.PanelColumns)
	clear(s.column[len(s.column)-2*kernel.PanelColumns:])
	for a := range min(v.Stride[0], len(sh.rows)*v.Dilation[0]) {
		for c := range min(v.Stride[1], len(sh.columns)*v.Dilation[1]) {
			to := s.column[(a*v.Stride[1]+c)*size:]
			for channel := range v.Channels {
				p.plane(to[channel*plane:][:plane], x[channel*v.Height*v.Width:], first, a, c)
			}
		}
	}
	s.offsets = s.offsets[:0]
	b.Data, b.Length, b.Step = s.column, v.Channels, plane
	columns := sh.columns
	if v.Channels == 1 && v.Stride[1] == 1 {
		b.Length, b.Step, columns = len(columns), v.Dilation[1], columns[:1]
	}
	for _, row := range sh.rows {
		for _, column := range columns {
			s.offsets = append(s.offsets, (row.at*v.Stride[1]+column.at)*size+row.of*sh.width+column.of)
		}
	}
	b.Offsets = s.offsets
	return b
}

// plane sets to to the rows of a channel that are a stride apart, from that of the result's row first on, shifted down
// and right by less than a stride.
func (p *FloatConvolution) plane(to, x []float32, first, down, right int) {
	v, width := &p.v, p.shifts.width
	stride := v.Stride[1]
	// Columns from left up to behind are in the image, of which left is the first.
	from := right - v.Pad[1]
	left := max(0, (stride-1-from)/stride)
	behind := max(left, min(width, (v.Width-from+stride-1)/stride))
	for i := 0; len(to) > 0; i, to = i+1, to[width:] {
		row := (first+i)*v.Stride[0] + down - v.Pad[0]
		if row < 0 || row >= v.Height || left >= width {
			clear(to[:width])
			continue
		}
		clear(to[:left])
		clear(to[behind:width])
		line := x[row*v.Width:][:v.Width]
		if stride == 1 {
			copy(to[left:behind], line[from+left:])
			continue
		}
		for j := left; j < behind; j++ {
			to[j] = line[from+j*stride]
		}
	}
}
