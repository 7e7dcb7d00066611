package gemm

import "euryale/internal/kernel"

// pixelVectorized is the algorithm for few channels: vectors hold pixels, and not filters.
type pixelVectorized struct{}

func (pixelVectorized) operandBytes(p *matrixPlan) int { return 4 * p.w.N }
func (pixelVectorized) lines() bool                    { return true }
func (pixelVectorized) panels() bool                   { return false }

// fewChannels reports whether the windows of pixels side by side can be vectors. steps is 0 where columns are
// dilated.
func (v *windows) fewChannels() bool { return v.steps > 0 && v.Channels < kernel.StepDepth }

// run computes whole lines of results, and stores them to dst.
func (pixelVectorized) run(c *convolutionCall, s *scratch, r part) {
	first, pixels := r.firstRow, r.endRow-r.firstRow
	p, m, im := c.plan, c.group(first), &c.images
	n, perSample := m.w.N, p.pixels/p.width
	x := &s.pixels
	*x = kernel.Pixels{Count: p.width, RowStep: p.v.Stride[0] * p.pixelSteps() * p.pixelLine()}
	s.offsets = s.offsets[:0]
	for u := range p.v.Kernel[0] {
		for k := range p.pixelSteps() {
			s.offsets = append(s.offsets, (u*p.v.Dilation[0]*p.pixelSteps()+k)*p.pixelLine())
		}
	}
	x.Offsets = s.offsets
	for line, lines := first/p.width, pixels/p.width; lines > 0; line, lines = line+x.Rows, lines-x.Rows {
		sample, row := line/perSample, line%perSample
		x.Rows = min(lines, perSample-row)
		c.gatherPixels(s, sample, row, x)
		at, count := (im.first+sample)*p.pixels*n, x.Rows*p.width
		if c.dst.Quantized == nil {
			m.multiplyPixels(s, x, im.scales[sample], c.dst.Float[at+row*p.width:], p.pixels)
			continue
		}
		s.results, s.bytes = grow(s.results, n*count), grow(s.bytes, n*count)
		m.multiplyPixels(s, x, im.scales[sample], s.results, count)
		if !p.set.QuantizeU8(s.bytes, s.results, c.dst.Params) {
			place, value := firstBad(s.results, n, count)
			c.bad.note(line*p.width*n+place, value)
			return
		}
		p.set.TransposeU8(c.dst.Quantized[at+row*p.width*n:], n, s.bytes, count, count, n)
	}
}

// firstBad returns the place of the first value that is not finite, by pixels and then by filters, and the
// value.
func firstBad(x []float32, filters, pixels int) (place int, value float32) {
	for i := range pixels {
		for j := range filters {
			if v := x[j*pixels+i]; v-v != 0 {
				return i*filters + j, v
			}
		}
	}
	return 0, 0
}

// pixelLine returns the bytes of a line of the result's pixels, a step of depth of each.
func (p *convolutionPlan) pixelLine() int {
	return (p.width + kernel.PanelColumns - 1) / kernel.PanelColumns * kernel.PanelColumns * kernel.StepDepth
}

// pixelSteps returns the steps of depth of a row of a window.
func (p *convolutionPlan) pixelSteps() int { return p.v.RowDepth() / kernel.StepDepth }

// gatherPixels sets x to the windows of so many lines of results, from the given one of a sample on.
func (c *convolutionCall) gatherPixels(s *scratch, sample, line int, x *kernel.Pixels) {
	p := c.plan
	v, bytes, steps := p.v, p.pixelLine(), p.pixelSteps()
	_, width := v.padded()
	need := (x.Rows-1)*v.Stride[0] + (v.Kernel[0]-1)*v.Dilation[0] + 1
	s.windows = grow(s.windows, need*steps*bytes)
	for y := range need {
		from := (sample-s.view.skip)*p.size + (line*v.Stride[0]+y)*width*v.Channels
		for k := range steps {
			p.set.GatherPixels(s.windows[(y*steps+k)*bytes:], s.view.data[from+k*kernel.StepDepth:], p.pixelStep, p.width)
		}
	}
	x.Data = s.windows
}

// multiplyPixels sets dst, filters stride apart, to the results of lines of a sample.
func (m *matrixPlan) multiplyPixels(s *scratch, x *kernel.Pixels, of integers, dst []float32, stride int) {
	if m.w.Unpacks() {
		s.codes = grow(s.codes, m.w.PanelBytes())
	}
	s.zero, s.scale = [1]int32{of.zero}, [1]float32{of.scale32}
	for panel := range m.w.Panels() {
		t := tile{panel: panel, panels: 1, codes: m.w.Panel(panel, 1, s.codes, m.set)}
		m.epilogue(&s.epilogue, t, s.zero[:], s.scale[:])
		m.set.MultiplyPixels(dst[t.column()*stride:], stride, x, t.codes, &s.epilogue)
	}
}
