package calib

import (
	"math"
	"sync"

	"euryale/internal/kernel"
)

// atOnce is how many values are taken at a time: they stay in the first cache from their range to their bins.
const atOnce = 2048

// observe adds 1 to atOnce values.
func (h *Histogram) observe(values []float32) {
	s, lo, hi := finiteOf(values)
	h.nonFinite += uint64(len(values) - len(s.values))
	if len(s.values) > 0 {
		h.unpack()
		h.cover(lo, hi)
		h.count += uint64(len(s.values))
		h.addValues(s.values, lo, hi)
	}
	s.free()
}

// addValues adds finite values to the bins, which have places for lo and hi, the smallest and the largest.
func (h *Histogram) addValues(values []float32, lo, hi float32) {
	if lo == hi {
		h.bins[binOf(lo, h.exponent)&(len(h.bins)-1)] += uint64(len(values))
		return
	}
	kernel.CountBins(h.bins, values, h.exponent)
}

// bounds returns the smallest and the largest finite value, 0 for −0, and how many are finite.
func bounds(values []float32) (lo, hi float32, finite int) {
	lo, hi = math.MaxFloat32, -math.MaxFloat32
	for len(values) > 0 {
		n := min(len(values), atOnce)
		s, least, most := finiteOf(values[:n])
		lo, hi, finite = min(lo, least), max(hi, most), finite+len(s.values)
		s.free()
		values = values[n:]
	}
	return lo, hi, finite
}

// finites are finite values: those of a caller, or copies.
type finites struct {
	values []float32
	copies *[atOnce]float32 // nil where there are none
}

var copies = sync.Pool{New: func() any { return new([atOnce]float32) }}

// finiteOf returns the finite ones of up to atOnce values, and the smallest and the largest of them, 0 for −0.
func finiteOf(values []float32) (f finites, lo, hi float32) {
	lo, hi, bad := kernel.MinMax(values)
	if bad < 0 {
		return finites{values: values}, lo, hi
	}
	f.copies = copies.Get().(*[atOnce]float32)
	n := 0
	for _, x := range values { // no branches, which would be foretold wrongly
		f.copies[n] = x
		n += int((math.Float32bits(x)&^(1<<31) - infinityBits) >> 31)
	}
	f.values = f.copies[:n]
	lo, hi, _ = kernel.MinMax(f.values)
	return f, lo, hi
}

// infinityBits are those of +Inf: those of smaller magnitudes are smaller, and those of NaN are not.
const infinityBits = 0xff << 23

// free ends the use of the values.
func (f finites) free() {
	if f.copies != nil {
		copies.Put(f.copies)
	}
}

// positiveZero returns x, and 0 for −0: otherwise it would show which zero came first.
func positiveZero(x float32) float32 {
	if x == 0 {
		return 0
	}
	return x
}
