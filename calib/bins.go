package calib

import (
	"math"

	"euryale/qtensor"
)

// bins is a histogram laid out for the estimators that clip: the counts of the bins first, first + 1, …, all
// 2^exponent wide.
//
// The ends of a range come nearer to the lower edge of the bin pivot. That is 0 where the scheme represents 0
// exactly: since a range is widened to contain it, data that is never negative is clipped above alone, and
// data that is never positive below alone. Under Uniform it is the median's.
type bins struct {
	counts          []uint64
	first, exponent int
	min, max        float32 // that were observed, with min < max
	pivot           int
	symmetric       bool // the scheme covers −t … t
}

// binsOf returns the bins of h, which holds more than one value, for a scheme of integers.
func binsOf(h *Histogram, s qtensor.Scheme) *bins {
	b := &bins{
		first: binOf(h.min, h.exponent), exponent: h.exponent, min: h.min, max: h.max,
		symmetric: !s.HasZeroPoint() && !s.HasOffset(),
	}
	b.counts = make([]uint64, binOf(h.max, h.exponent)-b.first+1)
	for bin, n := range h.occupied() {
		b.counts[bin-b.first] = n
	}
	if s.HasOffset() {
		b.pivot = b.median()
	}
	return b
}

// median returns the bin that holds the median.
func (b *bins) median() int {
	half, below := (b.count(b.first, b.end())+1)/2, uint64(0)
	for i, n := range b.counts {
		if below += n; below >= half {
			return b.first + i
		}
	}
	return b.first
}

// end returns the number of the bin after the last.
func (b *bins) end() int { return b.first + len(b.counts) }

// at returns how many values are in a bin.
func (b *bins) at(bin int) uint64 { return b.counts[bin-b.first] }

// count returns how many values are in the bins from … to − 1.
func (b *bins) count(from, to int) (n uint64) {
	for _, c := range b.counts[from-b.first : to-b.first] {
		n += c
	}
	return n
}

// edge returns the lower edge of a bin.
func (b *bins) edge(bin int) float64 { return math.Ldexp(float64(bin), b.exponent) }

// span returns the range of the bins from … to − 1, as far as it was observed.
func (b *bins) span(from, to int) (lo, hi float32) {
	return b.within(b.edge(from)), b.within(b.edge(to))
}

// within returns x, or the end of the observed range that it is beyond.
func (b *bins) within(x float64) float32 {
	return positiveZero(max(b.min, min(float32(x), b.max)))
}

// reach returns how many bins there are between the pivot and the end that is farther from it.
func (b *bins) reach() int { return max(b.pivot-b.first, b.end()-b.pivot) }

// window returns the bins from … to − 1 that are within a number of bins from the pivot.
func (b *bins) window(reach int) (from, to int) {
	return max(b.first, b.pivot-reach), min(b.end(), b.pivot+reach)
}
