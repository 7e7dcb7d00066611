package gemm

import "euryale/internal/kernel"

// grouped is the algorithm for quantized values of a byte and columns of several scales, or with zero points
// or offsets, or of a depth whose sums no int32 holds.
type grouped struct{}

func (grouped) tile(b *block, s *scratch, t tile, rows multiplier) {
	p := b.plan
	acc := s.narrow[:t.rows*t.columns()]
	clear(acc)
	totals, floatTotals := s.totals32[:t.rows], s.floatTotals[:t.rows]
	g32 := &s.group
	*g32 = kernel.Group{Panels: t.panels, Stride: p.listStride(), Zeros: b.left.zeros[t.row:][:t.rows], Totals: totals, FloatTotals: floatTotals}
	for g := range p.w.Groups() {
		if p.totals {
			for i := range totals {
				total := b.left.totals[(t.row+i)*p.w.Groups()+g]
				totals[i], floatTotals[i] = int32(total), float32(total)
			}
		}
		if p.depth > p.operand.Depth {
			dots, group := b.wideGroup(s, t, rows, g)
			kernel.AccumulateRounded(acc, dots, group, floatTotals)
			continue
		}
		sums := s.sums[:len(acc)]
		p.multiply(sums, s, t, rows, g*p.w.GroupDepth(), p.depth)
		g32.Scales, g32.Compensation = ofGroup(p.w.Scales, p, t, g), ofGroup(p.compensation, p, t, g)
		if p.totals {
			g32.ZeroPoints, g32.Offsets = ofGroup(p.zeroPoints, p, t, g), ofGroup(p.offsets, p, t, g)
		}
		p.set.AccumulateGroup(acc, sums, g32)
	}
	b.finish(s, t, acc)
}

// finish turns what the groups of a tile have added up to into the results of a block.
func (b *block) finish(s *scratch, t tile, acc []float32) {
	p := b.plan
	columns := min(t.columns(), p.w.N-t.column())
	dst, stride := b.results(s, t, columns)
	p.set.Finish(dst, stride, columns, acc, b.left.scales32[t.row:][:t.rows], at(p.bias, t), p.floor)
	b.quantize(dst, t, columns)
}

// listStride returns how far apart panels are in lists by column and group.
func (p *matrixPlan) listStride() int { return p.w.Groups() * kernel.PanelColumns }

// ofGroup returns the elements of such a list from those of a group of a tile on.
func ofGroup[T any](list []T, p *matrixPlan, t tile, group int) []T {
	return list[t.panel*p.listStride()+group*kernel.PanelColumns:]
}

// wideGrouped is the algorithm for a fixed point and such columns.
type wideGrouped struct{}

func (wideGrouped) tile(b *block, s *scratch, t tile, rows multiplier) {
	p := b.plan
	acc := s.wide[:t.rows*t.columns()]
	clear(acc)
	for g := range p.w.Groups() {
		dots, group := b.wideGroup(s, t, rows, g)
		p.set.AccumulateWideGroup(acc, dots, group)
	}
	b.finishWide(s, t, acc)
}

// finishWide works like finish for a fixed point.
func (b *block) finishWide(s *scratch, t tile, acc []float64) {
	p := b.plan
	columns := min(t.columns(), p.w.N-t.column())
	dst, stride := b.results(s, t, columns)
	p.set.FinishWide(dst, stride, columns, acc, b.left.scales[t.row:][:t.rows], at(p.bias, t), p.floor)
	b.quantize(dst, t, columns)
}

// wideGroup returns Σ X·q over group g, exactly, with X as the planes of the left operand hold them, and the
// parameters of the group, with which the offset of the planes and the zero points are compensated.
func (b *block) wideGroup(s *scratch, t tile, rows multiplier, g int) (dots []float64, group *kernel.WideGroup) {
	p := b.plan
	dots = s.dots[:t.rows*t.columns()]
	clear(dots)
	begin := g * p.w.GroupDepth()
	for end := begin + p.depth; begin < end; begin += p.operand.Depth {
		p.multiply(s.sums, s, t, rows, begin, min(p.operand.Depth, end-begin))
		for plane := range p.operand.Planes {
			p.set.AddSums(dots, s.sums[plane*len(dots):][:len(dots)], float64(int(1)<<(p.operand.Shift*plane)))
		}
	}
	zeros, totals := s.zeros[:t.rows], s.totals[:t.rows]
	for i := range zeros {
		zeros[i] = float64(b.left.zeros[t.row+i])
		if p.totals {
			totals[i] = float64(b.left.totals[(t.row+i)*p.w.Groups()+g])
		}
	}
	s.wideGroup = kernel.WideGroup{
		Panels: t.panels, Stride: p.listStride(),
		Scales: ofGroup(p.w.Scales, p, t, g), Compensation: ofGroup(p.compensation, p, t, g), Zeros: zeros, Totals: totals,
	}
	if p.totals {
		s.wideGroup.ZeroPoints, s.wideGroup.Offsets = ofGroup(p.zeroPoints, p, t, g), ofGroup(p.offsets, p, t, g)
	}
	return dots, &s.wideGroup
}
