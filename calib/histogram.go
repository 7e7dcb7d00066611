package calib

import (
	"iter"
	"math"
	"math/bits"
)

// maxBins is how many bins a Histogram has at most: twice what entropy calibration asks for.
const maxBins = 4096

// Histogram counts the finite values of a tensor in at most 4096 bins, beside their minimum and maximum, and
// counts NaN and infinities. Observe adds values, and Merge adds another Histogram. The zero Histogram is
// empty and ready for use.
//
// All bins are 2^e wide, with edges at integer multiples of that. e is the smallest exponent for which no
// more than 4096 bins reach from the minimum to the maximum, and for which they are no narrower than the gap
// between the largest magnitude and the next float32. Where the range grows, e grows, and whole bins merge
// into one. So a Histogram depends on the values alone: not on their order, on how they were cut into
// batches, or on which of several merged histograms saw them.
//
// A Histogram takes up to 32 KiB, however much it observes; one that was read from JSON takes up to 96 KiB
// until something is added. It is not safe for concurrent use: give each goroutine its own, and Merge them.
// To copy one, Merge it into an empty one: an assignment shares the bins. A nil Histogram is empty, and
// adding to it panics.
type Histogram struct {
	min, max         float32 // of the finite values; never −0; 0 where there are none
	exponent         int
	count, nonFinite uint64
	// bins counts the values of bin number b, those in [b·2^exponent, (b+1)·2^exponent), at index b modulo
	// its length, the smallest power of two that is no less than the number of bins from min to max.
	bins []uint64
	// runs is in place of bins in a histogram that was read, until something is added: those of
	// histogramJSON.
	runs [][]int64
}

// Observe adds values. NaN and the infinities are counted by NonFinite alone. It allocates only where the
// range grows. A nil h panics.
func (h *Histogram) Observe(values []float32) {
	for len(values) > 0 {
		n := min(len(values), atOnce)
		h.observe(values[:n])
		values = values[n:]
	}
}

// Merge adds what other counted; a nil other is empty. A nil h panics, unless other is nil too.
func (h *Histogram) Merge(other *Histogram) {
	if other == nil {
		return
	}
	h.nonFinite += other.nonFinite
	if other.count == 0 {
		return
	}
	h.unpack()
	h.cover(other.min, other.max)
	h.add(other)
	h.count += other.count
}

// Count returns how many finite values were observed.
func (h *Histogram) Count() uint64 { return h.orEmpty().count }

// NonFinite returns how many NaN and infinities were observed.
func (h *Histogram) NonFinite() uint64 { return h.orEmpty().nonFinite }

// Min returns the smallest finite value that was observed, and 0 where none was.
func (h *Histogram) Min() float32 { return h.orEmpty().min }

// Max returns the largest finite value that was observed, and 0 where none was.
func (h *Histogram) Max() float32 { return h.orEmpty().max }

// orEmpty returns h, and an empty Histogram for nil.
func (h *Histogram) orEmpty() *Histogram {
	if h == nil {
		return new(Histogram)
	}
	return h
}

// Bin is a bin of a Histogram, with the number of values in [Low, High). Its edges are exact.
type Bin struct {
	Low, High float64
	Count     uint64
}

// Bins returns the bins in ascending order and without gaps, from the one that holds Min to the one that
// holds Max; some between them may be empty. If no finite value was observed, there are none.
func (h *Histogram) Bins() iter.Seq[Bin] {
	return func(yield func(Bin) bool) {
		if h.Count() == 0 {
			return
		}
		next := binOf(h.min, h.exponent)
		for bin, n := range h.occupied() {
			for ; next <= bin; next++ {
				b := Bin{Low: math.Ldexp(float64(next), h.exponent), High: math.Ldexp(float64(next+1), h.exponent)}
				if next == bin {
					b.Count = n
				}
				if !yield(b) {
					return
				}
			}
		}
	}
}

// cover widens the range of h to contain lo and hi, and keeps its counts.
func (h *Histogram) cover(lo, hi float32) {
	if h.count > 0 {
		if h.min <= lo && hi <= h.max {
			return
		}
		lo, hi = min(lo, h.min), max(hi, h.max)
		if e := exponentFor(lo, hi); e == h.exponent && binsFor(lo, hi, e) == len(h.bins) {
			h.min, h.max = positiveZero(lo), positiveZero(hi) // the further bins are empty, and have places
			return
		}
	}
	old := *h
	h.span(lo, hi)
	if old.count > 0 {
		h.add(&old)
	}
}

// span gives h empty bins from lo to hi, and that range.
func (h *Histogram) span(lo, hi float32) {
	h.min, h.max = positiveZero(lo), positiveZero(hi)
	h.exponent = exponentFor(lo, hi)
	h.bins = make([]uint64, binsFor(lo, hi, h.exponent))
}

// binsFor returns the length of bins for a range.
func binsFor(lo, hi float32, exponent int) int {
	return 1 << bits.Len(uint(binOf(hi, exponent)-binOf(lo, exponent)))
}

// unpack gives a histogram that was read bins in place of runs.
func (h *Histogram) unpack() {
	if h.runs == nil {
		return
	}
	packed := *h
	h.span(h.min, h.max)
	h.runs = nil
	h.add(&packed)
}

// add adds the bins of from, which h covers.
func (h *Histogram) add(from *Histogram) {
	coarser := h.exponent - from.exponent
	for bin, n := range from.occupied() {
		h.bins[bin>>coarser&(len(h.bins)-1)] += n
	}
}

// occupied returns the numbers of the bins that are not empty, ascending, and their counts. h is not empty.
func (h *Histogram) occupied() iter.Seq2[int, uint64] {
	return func(yield func(int, uint64) bool) {
		for _, run := range h.runs {
			for k, n := range run[1:] {
				if !yield(int(run[0])+k, uint64(n)) {
					return
				}
			}
		}
		if h.runs != nil {
			return
		}
		for bin := binOf(h.min, h.exponent); bin <= binOf(h.max, h.exponent); bin++ {
			if n := h.bins[bin&(len(h.bins)-1)]; n > 0 && !yield(bin, n) {
				return
			}
		}
	}
}

// exponentFor returns the smallest e ≥ ⌊log2 m⌋ − 23, where m is the largest magnitude in [lo, hi], for which
// no more than maxBins bins reach from lo to hi. e is between −149 and 117.
func exponentFor(lo, hi float32) int {
	e := -149 // all that are smaller than the smallest normal number are multiples of 2^−149
	if m := max(-lo, hi); m > 0 {
		_, above := math.Frexp(float64(m)) // 2^(above−1) ≤ m < 2^above
		e = max(e, above-24)
	}
	for binOf(hi, e)-binOf(lo, e) >= maxBins {
		e++
	}
	return e
}

// binOf returns ⌊x/2^exponent⌋, exactly: within ±2^24 for the exponents of exponentFor.
func binOf(x float32, exponent int) int {
	return int(math.Floor(math.Ldexp(float64(x), -exponent)))
}
