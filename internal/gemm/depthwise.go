package gemm

import "euryale/internal/kernel"

// depthwise is the algorithm of filters that have a channel each: panel by panel of channels, a line of
// pixels at a time.
type depthwise struct{}

func (depthwise) operandBytes(p *matrixPlan) int { return 4 * p.w.N }
func (depthwise) lines() bool                    { return true }

// depthwiseCost is about how many products of a matrix take as long as one of a depthwise convolution.
const depthwiseCost = 12

func (depthwise) run(c *convolutionCall, s *scratch, first, count int) {
	b := c.begin(s, first, count)
	p, m, im := c.plan, b.plan, &c.images
	b.left.fitScales(m, count)
	c.setScales(b, first)
	if m.w.Unpacks() {
		s.codes = grow(s.codes, m.w.PanelBytes())
	}
	s.fit(p.set)
	lines := max(1, p.set.Rows*p.set.Panels/p.width) // of a tile
	s.sums = grow(s.sums, lines*p.width*kernel.PanelColumns)
	for panel := range m.w.Panels() {
		t := tile{panel: panel, panels: 1, codes: m.w.Panel(panel, 1, s.codes, p.set)}
		for ; t.row < count; t.row += t.rows {
			t.rows = min(lines*p.width, count-t.row)
			for i := 0; i < t.rows; i += p.width {
				x := im.bytes[im.at(p, first+t.row+i)+t.column():]
				p.set.MultiplyDepthwise(s.sums[i*kernel.PanelColumns:], x, p.pixelStep, p.v.offsets, t.codes, p.width)
			}
			m.end(b, s, t)
		}
	}
	c.end(b, first)
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
