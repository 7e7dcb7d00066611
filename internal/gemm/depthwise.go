package gemm

import (
	"slices"

	"euryale/internal/kernel"
	"euryale/internal/pack"
)

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
	if b.finite {
		c.requantize(b, s, r)
		c.end(b, first)
		return
	}
	s.fit(p.set)
	for panel := r.firstPanel; panel < r.endPanel; panel++ {
		t := tile{panel: panel, panels: 1, codes: m.w.Panel(panel, 1, s.codes, p.set)}
		for ; t.row < count; t.row += t.rows {
			x, pixels := s.view.windows(p, p.begins, first+t.row, min(p.set.Rows*p.set.Panels, count-t.row))
			t.rows = len(pixels)
			p.set.MultiplyDepthwise(s.sums, x[t.column():], pixels, p.v.offsets, t.codes)
			m.end(b, s, t)
		}
	}
	c.end(b, first)
}

// requantize computes pixels whose results are quantized, without sums in memory.
func (c *convolutionCall) requantize(b *block, s *scratch, r part) {
	p, m, begins, folds := c.plan, b.plan, c.plan.begins, 1
	if p.folded != nil {
		m, begins = p.folded, p.foldedBegins
		folds = len(p.begins) / len(begins)
	}
	first, count := r.firstRow/folds, (r.endRow-r.firstRow)/folds
	for panel := r.firstPanel; panel < r.endPanel; panel++ {
		t := tile{panel: panel, panels: 1, codes: m.w.Panel(panel, 1, s.codes, p.set)}
		m.epilogue(&s.epilogue, t, b.left.zeros[:1], b.left.scales32[:1])
		for ; t.row < count; t.row += t.rows {
			x, pixels := s.view.windows(p, begins, first+t.row, count-t.row)
			t.rows = len(pixels)
			dst := b.target.Quantized[t.row*m.w.N+t.column():]
			p.set.RequantizeDepthwise(dst, m.w.N, x[t.column():], pixels, p.v.offsets, t.codes, &s.epilogue, b.target.Params)
		}
	}
}

// windows returns the image that a pixel of the result is of, and where in it the windows of so many pixels
// begin, or of those that the image has; begins has those of an image.
func (v view) windows(p *convolutionPlan, begins []int, pixel, count int) (image []uint8, some []int) {
	sample, pixel := pixel/len(begins), pixel%len(begins)
	return v.data[(sample-v.skip)*p.size:], begins[pixel:min(pixel+count, len(begins))]
}

// planDepthwise notes where windows begin. Where a panel has room for the channels of several pixels, which
// lie side by side, they are folded into one pixel of as many channels.
func (p *convolutionPlan) planDepthwise(a Arithmetic, out Output) {
	p.begins = make([]int, p.pixels)
	for i := range p.begins {
		p.begins[i] = i/p.width*p.rowStep + i%p.width*p.pixelStep
	}
	m := p.groups[0]
	n := m.w.N
	folds := max(1, kernel.PanelColumns/n)
	if folds == 1 || kernel.PanelColumns%n != 0 || p.pixelStep != n || p.width%folds != 0 || !m.isDense() {
		return
	}
	w := pack.Matrix{K: m.w.K, N: kernel.PanelColumns, Group: m.w.K, Scales: slices.Repeat(m.w.Scales[:n], folds), Depthwise: true}
	out.Bias = slices.Repeat(out.Bias, folds)
	p.folded = newMatrixPlan(p.set, kernel.U8, pack.New(w, slices.Repeat(m.w.Codes(), folds), 8), a, out)
	for i := 0; i < p.pixels; i += folds {
		p.foldedBegins = append(p.foldedBegins, p.begins[i])
	}
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
