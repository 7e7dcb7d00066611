package calib

import "euryale/qtensor"

// search looks for the range that loses least: the expectation of (x − Q(x))², rounding and clipping, where Q
// quantizes with the parameters of the range, and the values of a bin are spread evenly over it.
type search struct {
	*bins
	scheme qtensor.Scheme
	edges  []float64 // of bin i: edges[i] and edges[i+1], of the outer bins as far as they were observed

	lo, hi float32 // the best range of those that were tried
	loss   float64
	err    error
}

// newSearch returns a search that has tried the observed range.
func newSearch(b *bins, s qtensor.Scheme) *search {
	f := &search{bins: b, scheme: s, edges: make([]float64, len(b.counts)+1), lo: b.min, hi: b.max}
	for i := range f.edges {
		f.edges[i] = max(float64(b.min), min(b.edge(b.first+i), float64(b.max)))
	}
	l, err := levelsOf(s, f.lo, f.hi)
	if err != nil {
		f.err = err
		return f
	}
	f.loss, _ = f.lossOf(l)
	return f
}

// try makes lo … hi, as far as it was observed, the best range if it loses less. It returns false where a
// range inside of it cannot: what is clipped loses too much by itself.
func (f *search) try(lo, hi float64) bool {
	if f.symmetric {
		t := max(-lo, hi)
		lo, hi = -t, t
	}
	l, h := f.within(lo), f.within(hi)
	if l >= h { // no range, whose scale would be 1
		return false
	}
	levels, err := levelsOf(f.scheme, l, h)
	if err != nil {
		f.err = err
		return false
	}
	loss, clipped := f.lossOf(levels)
	if loss < f.loss {
		f.lo, f.hi, f.loss = l, h, loss
	}
	return clipped < f.loss
}

// lossOf returns the sum of expected squared errors, and the part of it that is in bins beyond the levels.
func (f *search) lossOf(l levels) (loss, clipped float64) {
	from := l.position(f.edges[0])
	before := l.integral(from)
	for i, n := range f.counts {
		to := l.position(f.edges[i+1])
		after := l.integral(to)
		if n > 0 {
			mean := l.squared(from)
			if to > from {
				mean = (after - before) / (to - from)
			}
			e := float64(float64(n) * mean)
			loss += e
			if to <= l.low || from >= l.high {
				clipped += e
			}
		}
		from, before = to, after
	}
	unit := float64(l.step * l.step)
	return loss * unit, clipped * unit
}
