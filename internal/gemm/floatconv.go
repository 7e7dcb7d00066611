package gemm

import (
	"sync"

	"euryale/internal/kernel"
)

// A FloatConvolution computes the convolution of float32 images, (channel, row, column), with filters,
// prepared for them and for an output. An element of the result is one chain of fused multiply-adds that
// begins with its bias, as that of a FloatProduct, over the window's (row, column, channel) in order; what
// lies beyond the image is 0.
//
// Filters are the left operand and pixels the columns of the right one, which is the image itself: with its
// padding, and with every stride apart in a plane of its own, a tap of all windows is one shift of a plane. Or
// every column of taps has a plane of its own, of the pixels that the result has, and no others.
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

// NewFloatFilters packs filters, which are (filter, channel, row, column) with so many channels and finite,
// in so many groups, each with as many filters as the others.
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

// NewFloatConvolution prepares a convolution. Channels and Kernel of v are those of the filters; its NCHW and
// its Depthwise mean nothing.
func NewFloatConvolution(v Conv, w *FloatFilters, out Output) *FloatConvolution {
	v.Channels, v.Kernel = w.channels, w.kernel
	p := &FloatConvolution{v: v, filters: w, bias: make([]float32, w.each*w.groups*kernel.PanelColumns), floor: out.floor()}
	for f, bias := range out.Bias {
		fill(p.bias[f*kernel.PanelColumns:][:kernel.PanelColumns], bias)
	}
	if v.Kernel == [2]int{1, 1} && v.Stride == [2]int{1, 1} && v.Pad == [4]int{} { // an image may as well be other rows
		pixels := v.Height * v.Width
		if p.inPlace = pixels%kernel.PanelColumns == 0; p.inPlace {
			p.v.Height, p.v.Width = pixels/kernel.PanelColumns, kernel.PanelColumns
		} else if pixels < smallPlane {
			p.v.Height, p.v.Width = 1, pixels
		}
	}
	p.height, p.width = p.v.Out()
	p.shifts = newShifts(&p.v, p.width)
	other := *p
	if other.shifts = p.shifts.perColumn(&p.v, p.width); other.cost() < p.cost() {
		p.shifts = other.shifts
	}
	return p
}

// shifts says where the taps of windows are, in planes that are a stride apart each way.
type shifts struct {
	rows, columns []phase
	begins        []int // columns of the image, with its padding, that planes of columns begin at
	more          int   // rows that planes have beyond those of the result
	width         int   // of planes
	ownPlanes     bool  // every column of taps has a plane of its own
}

// A phase is what the taps of one place of a stride are: where they begin, and what they are shifted by.
type phase struct{ at, of int }

// newShifts returns the shifts of a convolution whose result has so many columns.
func newShifts(v *Conv, width int) (s shifts) {
	phases := func(i int) (list []phase) {
		for tap := range v.Kernel[i] {
			list = append(list, phase{tap * v.Dilation[i] % v.Stride[i], tap * v.Dilation[i] / v.Stride[i]})
		}
		return list
	}
	s.rows, s.columns = phases(0), phases(1)
	for begin := range min(v.Stride[1], v.Kernel[1]*v.Dilation[1]) {
		s.begins = append(s.begins, begin)
	}
	s.more, s.width = s.rows[len(s.rows)-1].of, width+s.columns[len(s.columns)-1].of
	return s
}

// perColumn returns the shifts with a plane for every column of taps.
func (s shifts) perColumn(v *Conv, width int) shifts {
	s.width, s.columns, s.begins, s.ownPlanes = width, nil, nil, true
	for tap := range v.Kernel[1] {
		s.columns = append(s.columns, phase{at: tap})
		s.begins = append(s.begins, tap*v.Dilation[1])
	}
	return s
}

// cost is about how many multiply-adds of a group take as long as an image does.
func (p *FloatConvolution) cost() float64 {
	const copied = 12 // multiply-adds that an element of a plane takes as long as
	panels, _ := p.panels(1, p.height)
	multiplied := kernel.PanelColumns * panels * p.filters.each * len(p.shifts.rows) * len(p.shifts.columns)
	planes := min(p.v.Stride[0], len(p.shifts.rows)*p.v.Dilation[0]) * len(p.shifts.begins)
	return float64(p.v.Channels) * float64(multiplied+copied*planes*(p.height+p.shifts.more)*p.shifts.width)
}

// smallPlane is up to how many elements planes of several samples are multiplied at once.
const smallPlane = 256

// Run sets dst to the convolution of so many samples of x, with the output applied; both are float32. dst
// does not overlap x. The error is nil.
func (p *FloatConvolution) Run(dst, x Activations, samples int) error {
	c := floatConvolutions.Get().(*floatConvolution)
	c.plan, c.set, c.x, c.dst, c.samples = p, kernel.Current(), x.Float, dst.Float, samples
	c.use(x)
	depth := p.v.Channels * len(p.shifts.rows) * len(p.shifts.columns)
	d := c.set.FloatTime(samples*p.filters.groups*p.filters.each, p.height*p.width, depth) + c.set.FloatTime(1, len(c.x)+len(c.dst), 1)
	c.fit(d)
	c.cut(c.parts(d))
	c.share(convolveFloats{c}, c.tasks, d)
	c.plan, c.x, c.dst, c.stop = nil, nil, nil, nil
	floatConvolutions.Put(c)
	return nil
}

// A floatConvolution is cut into units: some rows of the result, for some groups and samples.
type floatConvolution struct {
	team
	plan    *FloatConvolution
	set     *kernel.Set
	x, dst  []float32
	samples int
	unit    floatUnit // of the largest size
	tasks   int
}

// A floatUnit is where a unit begins, and what it has.
type floatUnit struct{ sample, samples, group, groups, row, rows int }

var floatConvolutions = sync.Pool{New: func() any { return new(floatConvolution) }}

// cut chooses units: as many rows, samples and groups as the second cache holds planes and results of beside
// filters, but no more than there are for all threads. Several samples are side by side in a plane each
// channel, where that makes no more panels, or where a plane is all there is to a filter.
func (c *floatConvolution) cut(parts int) {
	p, s, w := c.plan, &c.plan.shifts, c.plan.filters
	row := (p.v.Channels*p.v.Stride[0]*len(s.begins) + w.each) * s.width
	plane := (p.height + s.more) * s.width
	most := c.set.CacheBytes / 8
	c.unit = floatUnit{samples: 1, groups: 1, rows: min(p.height, max(1, most/row-s.more))}
	if image := row * (p.height + s.more); c.unit.rows == p.height && !p.inPlace {
		panels, _ := p.panels(1, p.height)
		if plane <= smallPlane && (plane <= kernel.PanelColumns*panels || p.v.Channels*w.each == 1) {
			c.unit.samples = max(1, min(c.samples, most/image, samplePixels/plane))
		}
		c.unit.groups = max(1, min(w.groups, most/(c.unit.samples*image)))
	}
	for c.count() < parts && c.unit.groups*c.unit.samples*c.unit.rows > 1 {
		for _, n := range []*int{&c.unit.groups, &c.unit.samples, &c.unit.rows} {
			if *n > 1 {
				*n = (*n + 1) / 2
				break
			}
		}
	}
	c.tasks = min(c.count(), mostTasks*c.threads)
}

const (
	// samplePixels is about how many columns samples side by side have.
	samplePixels = 1024
	// mostTasks is how many tasks there are for a thread at most. A call that is stopped leaves out those
	// that are left.
	mostTasks = 64
)

// count returns how many units there are.
func (c *floatConvolution) count() int {
	return blocks(c.samples, c.unit.samples) * blocks(c.plan.filters.groups, c.unit.groups) * blocks(c.plan.height, c.unit.rows)
}

// at returns unit i: its rows change first, then groups, then samples.
func (c *floatConvolution) at(i int) (u floatUnit) {
	rows, groups := blocks(c.plan.height, c.unit.rows), blocks(c.plan.filters.groups, c.unit.groups)
	u.row, u.group, u.sample = i%rows*c.unit.rows, i/rows%groups*c.unit.groups, i/rows/groups*c.unit.samples
	u.rows, u.groups = min(c.unit.rows, c.plan.height-u.row), min(c.unit.groups, c.plan.filters.groups-u.group)
	u.samples = min(c.unit.samples, c.samples-u.sample)
	return u
}

// panels returns the panels of some rows of the result, of so many samples side by side, and how far apart
// they are. They follow one another, and columns of planes that no pixel of the result has are computed with
// the others, and left out. Or each is a row, where that makes fewer.
func (p *FloatConvolution) panels(samples, rows int) (count, stride int) {
	width := p.shifts.width
	count = blocks((samples-1)*(rows+p.shifts.more)*width+(rows-1)*width+p.width, kernel.PanelColumns)
	if samples == 1 && p.width <= kernel.PanelColumns && rows < count {
		return rows, width
	}
	return count, kernel.PanelColumns
}

// convolveFloats is the tasks that compute units.
type convolveFloats struct{ *floatConvolution }

func (c convolveFloats) run(task int, s *scratch) {
	begin, end := share(c.count(), c.tasks, task)
	for i := begin; i < end; i++ {
		c.compute(s, c.at(i))
	}
}

// compute computes a unit.
func (c convolveFloats) compute(s *scratch, u floatUnit) {
	p, w, width := c.plan, c.plan.filters, c.plan.shifts.width
	out, image := p.height*p.width, p.v.Channels*p.v.Height*p.v.Width
	b := &s.floatRight
	*b = kernel.FloatRight{Step: p.v.Height * p.v.Width, Length: p.v.Channels, Offsets: kernel.OneSegment}
	b.Panels, b.Stride = p.panels(u.samples, u.rows)
	columns := b.Panels * kernel.PanelColumns
	dst := c.dst[(u.sample*w.groups+u.group)*w.each*out+u.row*p.width:]
	result, stride := dst, out
	direct := width == p.width && u.samples == 1 && u.rows*width == columns
	if !direct {
		stride = columns
		s.result = grow(s.result, u.groups*w.each*columns)
		result = s.result
	}
	data, each := c.x[(u.sample*w.groups+u.group)*image:], image
	if p.inPlace {
		data = data[u.row*p.v.Width:]
	} else {
		each = p.planes(s, b, u)
		p.fill(s, data, u, c.set)
		data = s.column
	}
	for g := range u.groups {
		of, to := (u.group+g)*w.each, result[g*w.each*stride:]
		b.Data = data[g*each:]
		s.floatLeft = kernel.FloatLeft{Data: w.x[of*w.stride:], Rows: w.each, Stride: w.stride}
		s.ends = kernel.FloatEnds{From: p.bias[of*kernel.PanelColumns:], Row: kernel.PanelColumns, Floor: p.floor}
		c.set.MultiplyFloats(to, stride, &s.floatLeft, b, &s.ends)
	}
	if direct {
		return
	}
	if b.Stride == width { // a row is a panel
		width = kernel.PanelColumns
	}
	s.rows = kernel.Rows{
		Planes: u.groups * w.each, DstPlane: out, SrcPlane: stride,
		Rows: u.rows, DstStride: p.width, SrcStride: width, Columns: p.width, Behind: p.width, Step: 1,
	}
	s.moveRows(dst, result, u.samples, w.groups*w.each*out, (u.rows+p.shifts.more)*width, c.set)
}

// moveRows moves the rows of planes, of so many samples that are some distance apart.
func (s *scratch) moveRows(dst, src []float32, samples, dstSample, srcSample int, set *kernel.Set) {
	r := &s.rows
	if samples > 1 && r.Rows == 1 {
		r.Rows, r.DstStride, r.SrcStride, samples = samples, dstSample, srcSample, 1
	}
	for i := range samples {
		set.MoveRows(dst[i*dstSample:], src[i*srcSample:], r)
	}
}

// reach is how far the columns of the last panel reach behind the planes.
const reach = kernel.PanelColumns

// planes makes room for the planes of a unit: [phase of rows][phase of columns][group][channel][sample]. It
// sets b to the taps of a group, and returns how far groups are apart. Where there is one channel, and the taps of a
// row are evenly apart, they are depth.
func (p *FloatConvolution) planes(s *scratch, b *kernel.FloatRight, u floatUnit) (each int) {
	v, sh := &p.v, &p.shifts
	columns := sh.columns
	b.Step = u.samples * (u.rows + sh.more) * sh.width
	each = v.Channels * b.Step
	phase := u.groups * each
	s.offsets = s.offsets[:0]
	if v.Channels == 1 && (v.Stride[1] == 1 || sh.ownPlanes) {
		b.Length, b.Step, columns = len(columns), v.Dilation[1], columns[:1]
		if sh.ownPlanes {
			b.Step = phase
		}
	}
	for _, row := range sh.rows {
		for _, column := range columns {
			s.offsets = append(s.offsets, (row.at*len(sh.begins)+column.at)*phase+row.of*sh.width+column.of)
		}
	}
	b.Offsets = s.offsets
	s.column = grow(s.column, v.Stride[0]*len(sh.begins)*phase+reach)
	clear(s.column[len(s.column)-reach:])
	return each
}

// fill sets the planes that taps are in to the images of a unit.
func (p *FloatConvolution) fill(s *scratch, x []float32, u floatUnit, set *kernel.Set) {
	v, sh := &p.v, &p.shifts
	height, channels := u.rows+sh.more, u.groups*v.Channels
	plane := height * sh.width
	for down := range min(v.Stride[0], len(sh.rows)*v.Dilation[0]) {
		// Rows from top up to bottom are in the image, and columns from left up to behind.
		row := u.row*v.Stride[0] + down - v.Pad[0]
		top, bottom := within(height, v.Height, row, v.Stride[0])
		for right, begin := range sh.begins {
			column := begin - v.Pad[1]
			left, behind := within(sh.width, v.Width, column, v.Stride[1])
			size := channels * u.samples * plane
			to := s.column[(down*len(sh.begins)+right)*size:][:size]
			if top > 0 || bottom < height || left == behind {
				clear(to)
			}
			if top == bottom || left == behind {
				continue
			}
			s.rows = kernel.Rows{
				Planes: channels, DstPlane: u.samples * plane, SrcPlane: v.Height * v.Width,
				Rows: bottom - top, DstStride: sh.width, SrcStride: v.Stride[0] * v.Width,
				Columns: sh.width, Left: left, Behind: behind, Step: v.Stride[1],
			}
			from := x[(row+top*v.Stride[0])*v.Width+column+left*v.Stride[1]:]
			s.moveRows(to[top*sh.width:], from, u.samples, plane, p.filters.groups*v.Channels*v.Height*v.Width, set)
		}
	}
}

// within returns from where up to where i·stride + from, for i in 0 … n−1, is in 0 … size−1.
func within(n, size, from, stride int) (begin, end int) {
	begin = min(n, max(0, (stride-1-from)/stride))
	return begin, max(begin, min(n, (size-from+stride-1)/stride))
}
