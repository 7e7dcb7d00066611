package gemm

import "euryale/internal/kernel"

// A grid cuts the result into parts, for threads to take: so many down the rows and so many across the panels, as even as
// tiles of rows and panels allow.
type grid struct{ down, across int }

func (g grid) count() int { return g.down * g.across }

// partsPerThread is how many parts there are for a thread: one that comes late takes fewer.
const partsPerThread = 4

// grid splits over the columns first, since threads then share no weights, and over rows where columns are few.
func (c *call) grid() grid {
	want := 1
	if c.threads > 1 {
		want = partsPerThread * c.threads
	}
	tiles := (c.w.Panels() + c.set.Panels - 1) / c.set.Panels
	g := grid{down: 1, across: min(tiles, want)}
	if g.across < want {
		g.down = min(c.rowTiles(), (want+g.across-1)/g.across)
	}
	return g
}

func (c *call) rowTiles() int { return (c.rows + c.set.Rows - 1) / c.set.Rows }

// share returns where piece i of n things in so many even pieces begins and ends.
func share(n, pieces, i int) (begin, end int) { return i * n / pieces, (i + 1) * n / pieces }

// tiles computes a part of the result: for rows that the second cache holds, all panels.
func (c *call) tiles(part int, s *scratch) {
	firstRow, endRow := share(c.rowTiles(), c.parts.down, part/c.parts.across)
	firstRow, endRow = firstRow*c.set.Rows, min(endRow*c.set.Rows, c.rows)
	firstPanel, endPanel := share(c.w.Panels(), c.parts.across, part%c.parts.across)
	step := c.set.Rows
	cached := max(1, c.set.CacheBytes/(c.operand.Planes*c.stride*step)) * step
	if c.inPlace {
		cached = c.rows // windows overlap
	}
	s.fit(c.set)
	if c.w.Unpacks() {
		s.codes = grow(s.codes, c.set.Panels*c.w.PanelBytes())
	}
	for begin := firstRow; begin < endRow; begin += cached {
		end := min(begin+cached, endRow)
		for panel, panels := firstPanel, 0; panel < endPanel; panel += panels {
			if panels = min(c.set.Panels, endPanel-panel); endPanel-panel == panels+1 {
				panels = (panels + 1) / 2 // one panel alone is slow
			}
			t := tile{panel: panel, panels: panels, codes: c.w.Panel(panel, panels, s.codes, c.set.Unpack)}
			if c.inPlace && c.arithmetic.Bits == 0 && !c.overhangs(t) {
				c.lines(s, t, begin, end)
				continue
			}
			for i := begin; i < end; i += t.rows {
				t.row, t.rows = i, c.tileRows(i, end)
				if c.arithmetic.Bits > 0 {
					c.fixedTile(s, t)
				} else {
					c.byteTile(s, t)
				}
			}
		}
	}
}

// A tile is a piece of the result that kernels make at once.
type tile struct {
	row, rows     int
	panel, panels int
	codes         []int8 // of its panels
}

func (t tile) columns() int { return t.panels * kernel.PanelColumns }

// fixedTile computes a tile for a fixed point.
func (c *call) fixedTile(s *scratch, t tile) {
	w, n := c.w, t.columns()
	size, u, scales := t.rows*n, s.numbers[:t.rows], c.scales[t.row:][:t.rows]
	dst, stride := c.result(s, t)
	if c.simple {
		c.offsetsOf(u, t)
		base := float64(int(1) << c.operand.Shift)
		if fused := c.set.MultiplyDirectWide; fused != nil {
			a, in := c.operandsOf(t)
			fused(dst, stride, a, in.stride, in.plane, in.gaps, t.codes, c.w.PanelBytes(), in.steps, t.panels, c.operand.Planes, base,
				u, c.columnSums(s, t, 0), at(w.Scales, t, 0), scales, c.bias(s, t), c.floor)
			c.place(s, t)
			return
		}
		c.products(s.sums, t, 0, c.depth)
		c.set.DirectWide(dst, stride, s.sums, c.operand.Planes, base, u, c.columnSums(s, t, 0), at(w.Scales, t, 0), scales, c.bias(s, t), c.floor)
		c.place(s, t)
		return
	}
	sums, dots := s.wide[:size], s.dots[:size]
	clear(sums)
	for g := range w.Groups() {
		c.exactDots(s, dots, t, g)
		c.set.ScaleWide(sums, dots, at(w.Scales, t, g*w.Columns()))
		if w.Offsets != nil {
			c.totalsOf(u, t, g)
			c.set.OffsetWide(sums, u, at(w.Offsets, t, g*w.Columns()))
		}
	}
	c.set.FinishWide(dst, stride, sums, scales, c.bias(s, t), c.floor)
	c.place(s, t)
}

// byteTile computes a tile for codes of a byte.
func (c *call) byteTile(s *scratch, t tile) {
	w, n := c.w, t.columns()
	size, scales := t.rows*n, s.scales32[:t.rows]
	for i := range scales {
		scales[i] = float32(c.scales[t.row+i])
	}
	dst, stride := c.result(s, t)
	if c.simple {
		if fused := c.set.MultiplyDirect; fused != nil {
			a, in := c.operandsOf(t)
			fused(dst, stride, a, in.stride, in.gaps, t.codes, c.w.PanelBytes(), in.steps, t.panels,
				c.offsets[t.row:][:t.rows], c.columnSums(s, t, 0), at(w.Scales, t, 0), scales, c.bias(s, t), c.floor, 1, 0)
			c.place(s, t)
			return
		}
		c.product(s.sums[:size], t, 0, 0, c.depth)
		c.set.Direct(dst, stride, s.sums, c.offsets[t.row:][:t.rows], c.columnSums(s, t, 0), at(w.Scales, t, 0), scales, c.bias(s, t), c.floor)
		c.place(s, t)
		return
	}
	sums := s.narrow[:size]
	clear(sums)
	for g := range w.Groups() {
		c.scaleGroup(s, sums, t, g)
		if w.Offsets != nil {
			u := s.floats[:t.rows]
			for i := range u {
				u[i] = float32(c.totals[(t.row+i)*w.Groups()+g])
			}
			c.set.Offset(sums, u, at(w.Offsets, t, g*w.Columns()))
		}
	}
	c.set.Finish(dst, stride, sums, scales, c.bias(s, t), c.floor)
	c.place(s, t)
}

// lines computes the rows of some panels, for codes of a byte, of windows that lie in place: a line is a row of pixels, and those of
// an image go together.
func (c *call) lines(s *scratch, t tile, begin, end int) {
	im := c.shared
	sums, scales, bias := c.columnSums(s, t, 0), at(c.w.Scales, t, 0), c.bias(s, t)
	for i, lines := begin, 0; i < end; i += lines * im.width {
		pixel := (c.first + i) % im.pixels
		lines = min(end-i, im.pixels-pixel) / im.width
		sample := (c.first + i) / im.pixels
		s.scales32 = fillTo(s.scales32, float32(im.scales[sample]), im.width)
		s.ints32 = fillTo(s.ints32, im.offsets[sample], im.width)
		c.set.MultiplyDirect(c.dst[i*c.n+t.panel*kernel.PanelColumns:], c.n, im.bytes[im.at(c.first+i):], im.pixelStep, im.v.gaps, t.codes, c.w.PanelBytes(), im.v.steps, t.panels,
			s.ints32, sums, scales, s.scales32, bias, c.floor, lines, im.rowStep)
	}
}

// fillTo returns a slice of length n that repeats x, in s's memory if that is enough.
func fillTo[T any](s []T, x T, n int) []T {
	s = grow(s, n)
	for i := range s {
		s[i] = x
	}
	return s
}

// scaleGroup adds s·Σ X·(q − z) over group g, for codes of a byte.
func (c *call) scaleGroup(s *scratch, sums []float32, t tile, g int) {
	w, scales := c.w, at(c.w.Scales, t, g*c.w.Columns())
	if c.depth > c.operand.Depth {
		dots := s.dots[:len(sums)]
		c.exactDots(s, dots, t, g)
		kernel.ScaleRounded(sums, dots, scales)
		return
	}
	dots := s.sums[:len(sums)]
	c.product(dots, t, 0, g*w.GroupDepth(), c.depth)
	if !c.set.Wide {
		c.set.Correct(dots, c.offsets[t.row:][:t.rows], c.columnSums(s, t, g))
	}
	if w.Zeros != nil {
		u := s.ints32[:t.rows]
		for i := range u {
			u[i] = int32(c.totals[(t.row+i)*w.Groups()+g])
		}
		c.set.Correct(dots, u, at(w.Zeros, t, g*w.Columns()))
	}
	c.set.Scale(sums, dots, scales)
}

// exactDots sets dots to Σ X·(q − z) over group g.
func (c *call) exactDots(s *scratch, dots []float64, t tile, g int) {
	w := c.w
	u := s.numbers[:t.rows]
	clear(dots)
	for begin, end := g*w.GroupDepth(), g*w.GroupDepth()+c.depth; begin < end; begin += c.operand.Depth {
		c.products(s.sums, t, begin, min(c.operand.Depth, end-begin))
		for p := range c.operand.Planes {
			c.set.Accumulate(dots, s.sums[p*len(dots):][:len(dots)], float64(int(1)<<(c.operand.Shift*p)))
		}
	}
	if !c.set.Wide {
		c.offsetsOf(u, t)
		c.set.CorrectWide(dots, u, c.columnSums(s, t, g))
	}
	if w.Zeros != nil {
		c.totalsOf(u, t, g)
		c.set.CorrectWide(dots, u, at(w.Zeros, t, g*w.Columns()))
	}
}

// products sets sums to the products of all planes, one after the other, as product does.
func (c *call) products(sums []int32, t tile, begin, depth int) {
	if t.rows == c.rows { // planes follow one another as rows do
		t.rows *= c.operand.Planes
		c.product(sums, t, 0, begin, depth)
		return
	}
	for p := range c.operand.Planes {
		c.product(sums[p*t.rows*t.columns():], t, p, begin, depth)
	}
}

// product sets sums to plane p of a tile's rows times its codes, over depth from begin on.
func (c *call) product(sums []int32, t tile, p, begin, depth int) {
	c.set.Multiply(sums, c.rowsOf(t, p, begin), c.stride, t.codes[begin*kernel.PanelColumns:], c.w.PanelBytes(), depth/kernel.StepDepth, t.rows, t.panels)
}

// rowsOf returns plane p of a tile's rows, from a depth on.
func (c *call) rowsOf(t tile, p, begin int) []uint8 {
	return c.planes[(p*c.rows+t.row)*c.stride+begin*c.set.ElementBytes():]
}

// tileRows returns how many rows the tile that begins at row i has: those of windows that lie in place are of one row of pixels.
func (c *call) tileRows(i, end int) int {
	rows := min(c.set.Rows, end-i)
	if c.inPlace {
		rows = min(rows, c.shared.width-(c.first+i)%c.shared.width)
	}
	return rows
}

// layout is how the operands of a tile lie: rows and planes apart, and rows in runs of steps with gaps between them.
type layout struct {
	stride, plane, steps int
	gaps                 []int
}

// operandsOf returns a tile's operands, over all depth.
func (c *call) operandsOf(t tile) ([]uint8, layout) {
	if !c.inPlace {
		return c.rowsOf(t, 0, 0), layout{stride: c.stride, plane: c.rows * c.stride, steps: c.depth / kernel.StepDepth}
	}
	im := c.shared
	return im.bytes[im.at(c.first+t.row):], layout{im.pixelStep, im.plane(), im.v.steps, im.v.gaps}
}

// at returns what a list holds for a tile's columns, in the group that begins at first.
func at[T any](list []T, t tile, first int) []T {
	return list[first+t.panel*kernel.PanelColumns:][:t.columns()]
}

// columnSums returns what the offset of unsigned planes multiplies: the sums of a tile's columns over group g, or
// zeros for planes that have none.
func (c *call) columnSums(s *scratch, t tile, g int) []int32 {
	if c.set.Wide {
		return s.zeros[:t.columns()]
	}
	return at(c.w.Sums(), t, g*c.w.Columns())
}

// offsetsOf sets u to the offset of each row of a tile.
func (c *call) offsetsOf(u []float64, t tile) {
	for i := range u {
		u[i] = float64(c.offsets[t.row+i])
	}
}

// totalsOf sets u to Σ X over group g, for each row of a tile.
func (c *call) totalsOf(u []float64, t tile, g int) {
	for i := range u {
		u[i] = float64(c.totals[(t.row+i)*c.w.Groups()+g])
	}
}

// result returns where a tile's results go, and how far rows are apart: into dst, or into scratch memory where
// the last panel reaches beyond it.
func (c *call) result(s *scratch, t tile) (dst []float32, stride int) {
	if c.overhangs(t) {
		return s.result[:t.rows*t.columns()], t.columns()
	}
	return c.dst[t.row*c.n+t.panel*kernel.PanelColumns:], c.n
}

func (c *call) overhangs(t tile) bool {
	return (t.panel+t.panels)*kernel.PanelColumns > c.n
}

// place copies to dst what result sent to scratch memory.
func (c *call) place(s *scratch, t tile) {
	if !c.overhangs(t) {
		return
	}
	first, n := t.panel*kernel.PanelColumns, t.columns()
	for i := range t.rows {
		copy(c.dst[(t.row+i)*c.n+first:(t.row+i+1)*c.n], s.result[i*n:])
	}
}

// bias returns the bias of a tile's columns, filled up with zeros.
func (c *call) bias(s *scratch, t tile) []float32 {
	n := t.columns()
	if c.out.Bias != nil && !c.overhangs(t) {
		return c.out.Bias[t.panel*kernel.PanelColumns:][:n]
	}
	clear(s.bias[:n])
	if c.out.Bias != nil {
		copy(s.bias[:n], c.out.Bias[t.panel*kernel.PanelColumns:])
	}
	return s.bias[:n]
}
