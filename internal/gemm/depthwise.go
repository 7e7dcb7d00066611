package gemm

// depthwise is the algorithm of filters that have a channel each: panel by panel of channels, the
// pixels of an image at a time.
type depthwise struct{}

func (depthwise) operandBytes(p *matrixPlan) int { return 4 * p.w.N }
func (depthwise) lines() bool                    { return true }
func (depthwise) panels() bool                   { return true }

// depthwiseCost is about how many products of a matrix take as long as one of a depthwise convolution.
const depthwiseCost = 12

func (depthwise) run(c *convolutionCall, s *scratch, r part) {
	first, count := r.firstRow, r.endRow-r.firstRow
	b := c.begin(s, first, count)
	p, m := c.plan, b.plan
	b.left.fitScales(m, count)
	c.setScales(b, first)
	if m.w.Unpacks() {
		s.codes = grow(s.codes, m.w.PanelBytes())
	}
	s.fit(p.set)
	most := p.set.Rows * p.set.Panels
	if b.finite {
		most = count
	}
	for panel := r.firstPanel; panel < r.endPanel; panel++ {
		t := tile{panel: panel, panels: 1, codes: m.w.Panel(panel, 1, s.codes, p.set)}
		for ; t.row < count; t.row += t.rows {
			x, pixels := c.images.windows(p, first+t.row, min(most, count-t.row))
			t.rows, x = len(pixels), x[t.column():]
			if !b.finite {
				p.set.MultiplyDepthwise(s.sums, x, pixels, p.v.offsets, t.codes)
				m.end(b, s, t)
				continue
			}
			m.epilogue(&s.epilogue, t, b.left.zeros[:1], b.left.scales32[:1])
			p.set.RequantizeDepthwise(b.target.Quantized[t.row*m.w.N+t.column():], m.w.N, x, pixels, p.v.offsets, t.codes, &s.epilogue, b.target.Params)
		}
	}
	c.end(b, first)
}

// windows returns the image that a pixel of the result is of, and where in it the windows of so many pixels
// begin, or of those that the image has.
func (im *images) windows(p *convolutionPlan, pixel, count int) (image []uint8, begins []int) {
	sample, pixel := pixel/p.pixels, pixel%p.pixels
	return im.data[sample*p.size:], p.begins[pixel:min(pixel+count, p.pixels)]
}

// taps returns the offsets of the taps of a window from its first, for filters that have a channel each.
func (v Conv) taps() (offsets []int) {
	_, width := v.padded()
	for y := range v.Kernel[0] {
		for x := range v.Kernel[1] {
			offsets = append(offsets, (y*v.Dilation[0]*width+x*v.Dilation[1])*v.Channels)
		}
	}
	return offsets
}
