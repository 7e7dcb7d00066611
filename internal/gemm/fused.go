package gemm

import "euryale/internal/kernel"

// fuses reports whether there is a kernel that goes through all groups of the weight in one call, with
// results in registers, and is faster than grouped. For a fixed point it takes two codes a byte, and groups
// whose sums an int32 holds.
func (p *matrixPlan) fuses() bool {
	w, bits := p.w, p.arithmetic.Bits
	if w.Group > p.set.GroupDepth {
		return false
	}
	if bits > 0 {
		return w.Nibbles(0, 1) != nil && w.Group <= 1<<(33-bits-w.Bits())
	}
	return w.Bits() <= p.set.GroupBits
}

// fusedGroups is the algorithm of grouped for short groups.
type fusedGroups struct{}

func (fusedGroups) tile(b *block, s *scratch, t tile, _ multiplier) {
	acc := s.narrow[:t.rows*t.columns()]
	clear(acc)
	b.groups(s, t)
	b.plan.set.MultiplyGroups(acc, &s.left, &s.groups)
	b.finish(s, t, acc)
}

// wideFusedGroups is that of wideGrouped.
type wideFusedGroups struct{}

func (wideFusedGroups) tile(b *block, s *scratch, t tile, _ multiplier) {
	acc := s.wide[:t.rows*t.columns()]
	clear(acc)
	b.groups(s, t)
	b.plan.set.MultiplyWideGroups(acc, &s.left, &s.groups)
	b.finishWide(s, t, acc)
}

// groups sets the operands of a tile, over all groups of depth.
func (b *block) groups(s *scratch, t tile) {
	p, w := b.plan, b.plan.w
	s.groups = kernel.Groups{
		Codes: t.codes, Panels: t.panels, Count: w.Groups(), Steps: w.GroupDepth() / kernel.StepDepth,
		Scales: ofGroup(w.Scales, p, t, 0), Compensation: ofGroup(p.compensation, p, t, 0),
		Zeros: b.left.zeros[t.row:],
	}
	if t.codes == nil {
		s.groups.Nibbles = w.Nibbles(t.panel, t.panels)
	}
	if p.totals {
		s.groups.Totals, s.groups.TotalStride = b.left.totals[t.row*w.Groups():], w.Groups()
	}
	if w.Zeros != nil {
		s.groups.ZeroPoints = ofGroup(w.Zeros, p, t, 0)
	}
	if w.Offsets != nil {
		s.groups.Offsets = ofGroup(w.Offsets, p, t, 0)
	}
	b.left.operand(&s.left, p, t, 0, w.Depth())
}
