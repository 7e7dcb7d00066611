package gemm

import "euryale/internal/kernel"

// taps returns where the codes of a window are, from its first on, for filters that have a channel each.
func (v Conv) taps() (offsets []int) {
	_, width := v.padded()
	for y := range v.Kernel[0] {
		for x := range v.Kernel[1] {
			offsets = append(offsets, (y*v.Dilation[0]*width+x*v.Dilation[1])*v.Channels)
		}
	}
	return offsets
}

// depthwiseCost is about how many products with a row that columns share take as long as one with a channel of their own.
const depthwiseCost = 12

// depthwiseRows computes the call's rows, which are whole rows of results: a panel of channels after the other, a row of pixels at a time.
func (c *call) depthwiseRows(im *images, s *scratch) {
	const n = kernel.PanelColumns
	s.fit(c.set)
	if c.w.Unpacks() {
		s.codes = grow(s.codes, c.set.Panels*c.w.PanelBytes())
	}
	s.sums, s.numbers32 = grow(s.sums, im.width*n), grow(s.numbers32, im.width*n)
	s.scales32, s.ints32 = fillTo(s.scales32, float32(im.scales[0]), im.width), fillTo(s.ints32, im.offsets[0], im.width) // as all images'
	for panel := range c.w.Panels() {
		t := tile{panel: panel, panels: 1}
		codes := c.w.Panel(panel, 1, s.codes, c.set.Unpack)
		totals, scales, bias := at(c.w.Sums(), t, 0), at(c.w.Scales, t, 0), c.bias(s, t)
		columns := min(n, c.n-panel*n)
		for row := 0; row < c.rows; row += im.width {
			c.set.MultiplyDepthwise(s.sums, im.bytes[im.at(c.first+row)+panel*n:], im.pixelStep, im.v.offsets, codes, im.width)
			dst := c.dst[row*c.n+panel*n:]
			if columns == n {
				c.set.Direct(dst, c.n, s.sums, s.ints32, totals, scales, s.scales32, bias, c.floor)
				continue
			}
			c.set.Direct(s.numbers32, n, s.sums, s.ints32, totals, scales, s.scales32, bias, c.floor)
			if columns == n/2 { // as often in first layers: no call for each pixel
				for i := range im.width {
					*(*[n / 2]float32)(dst[i*c.n:]) = [n / 2]float32(s.numbers32[i*n:])
				}
				continue
			}
			for i := range im.width {
				copy(dst[i*c.n:][:columns], s.numbers32[i*n:])
			}
		}
	}
}
