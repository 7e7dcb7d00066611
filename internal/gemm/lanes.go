package gemm

import "euryale/internal/kernel"

// fewChannels is below how many channels vectors are of pixels, and not of filters.
const fewChannels = kernel.StepDepth

// byLanes says that windows of pixels side by side can be lanes.
func (v *Windows) byLanes() bool {
	return v.steps > 0 && v.Channels < fewChannels // steps are 0 where columns are dilated
}

// lanesPiece computes the pixels of a piece, whole rows of results, to where they go. It returns the place of a result that is not
// finite and should become a code, or −1.
func (c *call) lanesPiece(im *images, s *scratch) (bad int) {
	to, rows := c.target, c.rows/im.width
	c.laneOffsets(im, s)
	for begin, count := 0, 0; begin < rows; begin += count {
		first := c.first/im.width + begin
		perSample := im.pixels / im.width
		sample, row := first/perSample, first%perSample
		count = min(rows-begin, perSample-row)
		c.readLanes(im, s, sample, row, count)
		at, pixels := (im.first+sample)*im.pixels*c.n, count*im.width
		if to.Codes == nil {
			c.multiplyLanes(im, s, sample, count, to.Float[at+row*im.width:], im.pixels)
			continue
		}
		s.numbers32 = grow(s.numbers32, c.n*pixels)
		c.multiplyLanes(im, s, sample, count, s.numbers32, pixels)
		s.bytes = grow(s.bytes, c.n*pixels)
		if bad := c.toCodes(s.bytes, s.numbers32); bad >= 0 {
			return begin*im.width*c.n + firstBad(s.numbers32, c.n, pixels)
		}
		c.set.TurnU8(to.Codes[at+row*im.width*c.n:], c.n, s.bytes, pixels, pixels, c.n)
	}
	return -1
}

// firstBad returns the place of the first number that is not finite, by pixels and then by filters.
func firstBad(x []float32, filters, pixels int) int {
	for i := range pixels {
		for j := range filters {
			if v := x[j*pixels+i]; v-v != 0 {
				return i*filters + j
			}
		}
	}
	return -1
}

// laneRow returns the bytes of a row of lanes, and how many of them a row of the image becomes: one for each step.
func (c *call) laneRow(im *images) (bytes, steps int) {
	return (im.width + kernel.PanelColumns - 1) / kernel.PanelColumns * kernel.PanelColumns * kernel.StepDepth, im.v.RowDepth() / kernel.StepDepth
}

// laneOffsets lists where the lanes of each step of depth are, from those of the first row of the windows on.
func (c *call) laneOffsets(im *images, s *scratch) {
	bytes, steps := c.laneRow(im)
	s.offsets = s.offsets[:0]
	for u := range im.v.Kernel[0] {
		for k := range steps {
			s.offsets = append(s.offsets, (u*im.v.Dilation[0]*steps+k)*bytes)
		}
	}
}

// readLanes makes lanes of the rows of an image that so many rows of results need.
func (c *call) readLanes(im *images, s *scratch, sample, row, count int) {
	v := im.v
	bytes, steps := c.laneRow(im)
	_, width := v.padded()
	need := (count-1)*v.Stride[0] + (v.Kernel[0]-1)*v.Dilation[0] + 1
	s.lanes = grow(s.lanes, need*steps*bytes)
	for y := range need {
		from := sample*im.size + (row*v.Stride[0]+y)*width*v.Channels
		for k := range steps {
			c.set.Lanes(s.lanes[(y*steps+k)*bytes:], im.bytes[from+k*kernel.StepDepth:], im.pixelStep, im.width)
		}
	}
}

// multiplyLanes sets dst, filters stride apart, to so many rows of results of a sample.
func (c *call) multiplyLanes(im *images, s *scratch, sample, count int, dst []float32, stride int) {
	bytes, steps := c.laneRow(im)
	s.fit(c.set)
	if c.w.Unpacks() {
		s.codes = grow(s.codes, c.set.Panels*c.w.PanelBytes())
	}
	offset, scale := im.offsets[sample], float32(im.scales[sample])
	for panel := range c.w.Panels() {
		t := tile{panel: panel, panels: 1}
		filters := min(kernel.PanelColumns, c.n-panel*kernel.PanelColumns)
		codes := c.w.Panel(panel, 1, s.codes, c.set.Unpack)
		s.corrections = grow(s.corrections, filters)
		for j, sum := range c.columnSums(s, t, 0)[:filters] {
			s.corrections[j] = offset * sum
		}
		scales, bias := at(c.w.Scales, t, 0), c.bias(s, t)
		c.set.MultiplyLanes(dst[panel*kernel.PanelColumns*stride:], stride, s.lanes, im.v.Stride[0]*steps*bytes, s.offsets, codes,
			s.corrections, scales, scale, bias, c.floor, im.width, count)
	}
}
