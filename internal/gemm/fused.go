package gemm

import "euryale/internal/kernel"

// fusedGroups is the algorithm of grouped for short groups: one call of a kernel goes through all of them, and
// keeps results in registers. Of few rows it reads two codes a byte as they are.
type fusedGroups struct{}

// fuses reports whether there is a kernel for the groups of the weight, which is faster than grouped.
func (p *matrixPlan) fuses() bool {
	return p.w.Bits() <= p.set.GroupBits && p.w.Group <= p.set.GroupDepth
}

func (fusedGroups) tile(b *block, s *scratch, t tile, _ multiplier) {
	p, w := b.plan, b.plan.w
	acc := s.narrow[:t.rows*t.columns()]
	clear(acc)
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
		if w.Zeros != nil {
			s.groups.ZeroPoints = ofGroup(w.Zeros, p, t, 0)
		}
		if w.Offsets != nil {
			s.groups.Offsets = ofGroup(w.Offsets, p, t, 0)
		}
	}
	b.left.operand(&s.left, p, t, 0, w.Depth())
	p.set.MultiplyGroups(acc, &s.left, &s.groups)
	b.finish(s, t, acc)
}
