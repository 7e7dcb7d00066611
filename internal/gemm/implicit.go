package gemm

import "euryale/internal/kernel"

// implicitGEMM multiplies windows in the image itself, as rows in segments: no window is copied.
type implicitGEMM struct{}

func (implicitGEMM) operandBytes(p *matrixPlan) int { return 4 * p.w.N }
func (implicitGEMM) lines() bool                    { return true }
func (implicitGEMM) panels() bool                   { return true }

func (implicitGEMM) run(c *convolutionCall, s *scratch, r part) {
	first, count := r.firstRow, r.endRow-r.firstRow
	b := c.begin(s, first, count)
	b.left.fitScales(b.plan, count)
	c.setScales(b, first)
	s.imageRows = imageRows{c, &s.view, first}
	b.tiles(s, part{0, count, r.firstPanel, r.endPanel}, &s.imageRows, count)
	s.imageRows = imageRows{}
	c.end(b, first)
}

// setScales notes the scales of a task's pixels, or that of the first where all have one.
func (c *convolutionCall) setScales(b *block, first int) {
	rows, pixels := b.rows, c.plan.pixels
	if b.finite {
		rows = 1
	}
	for i := 0; i < rows; {
		of := c.images.scales[(first+i)/pixels]
		for end := min(rows, i+pixels-(first+i)%pixels); i < end; i++ {
			b.left.set(b.plan, i, of)
		}
	}
}

// imageRows is the multiplier of implicitGEMM: row i is the window of pixel first + i of the images at hand.
type imageRows struct {
	c     *convolutionCall
	view  *view
	first int
}

// limit takes whole lines of an image, or part of one.
func (w *imageRows) limit(_ *matrixPlan, row, most int) int {
	v := w.c.plan
	pixel := (w.first + row) % v.pixels
	if toEnd := v.line - pixel%v.line; toEnd < v.line || toEnd > most {
		return min(toEnd, most)
	}
	return min(most/v.width*v.width, v.pixels-pixel)
}

func (w *imageRows) operand(a *kernel.Left, p *matrixPlan, t tile, _, _ int) {
	v, im := w.c.plan, &w.c.images
	rows := min(t.rows, v.line)
	*a = kernel.Left{
		Data: w.view.data[w.view.at(v, w.first+t.row):], Rows: rows, Stride: v.pixelStep, Lines: t.rows / rows, LineStride: v.rowStep,
		Planes: p.operand.Planes, Plane: im.plane(v), Steps: v.v.steps, Gaps: v.v.gaps,
	}
}

// gathered copies the windows of a task to rows, and multiplies those.
type gathered struct{}

func (gathered) operandBytes(p *matrixPlan) int { return p.operand.Planes * p.stride }
func (gathered) lines() bool                    { return false }
func (gathered) panels() bool                   { return false }

func (gathered) run(c *convolutionCall, s *scratch, r part) {
	first, count := r.firstRow, r.endRow-r.firstRow
	b := c.begin(s, first, count)
	p, m, im := c.plan, b.plan, &c.images
	b.left.fit(m, count)
	c.setScales(b, first)
	ints := s.rowOfInts(m.w.K)
	clear(ints)
	for i := range count {
		if p.bytes {
			p.v.moves.gather(b.left.planes[i*m.stride:], s.view.data[s.view.at(p, first+i):])
		} else {
			gather(ints, im.ints[s.view.at(p, first+i):], p.v.segments)
			b.left.split(m, ints, i)
		}
	}
	b.tiles(s, part{0, count, r.firstPanel, r.endPanel}, &b.left, m.cachedRows())
	c.end(b, first)
}
