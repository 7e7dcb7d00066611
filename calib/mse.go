package calib

import "euryale/qtensor"

// MSE returns the estimator of the range that minimises the mean squared error of quantizing, clipping and
// rounding together:
//
//	E[(x − Q(x))²] = Σ n[b]·mean of (x − Q(x))² over bin b / Σ n[b]
//
// where n[b] values are spread evenly over bin b, and Q quantizes with the qtensor.NewParams of the range. The
// candidates are the observed range, and those whose ends come nearer to 0 by 4% a time, 200 times: both ends
// at one distance first, then each end by itself while that loses less. Under Uniform the ends come nearer to
// the median in place of 0. An end that is not beyond 0, as of data that is never negative, stays.
//
// Errors of Range: ErrEmpty; qtensor.ErrScheme. Source: the MSE calibration of TensorRT's
// pytorch-quantization, for ranges of two ends and from the levels of the scheme.
func MSE() RangeEstimator { return mse{} }

type mse struct{}

func (mse) String() string { return "mse" }

func (mse) Range(h *Histogram, s qtensor.Scheme) (lo, hi float32, err error) {
	return clipped("MSE", h, s, func(b *bins) (lo, hi float32, err error) {
		f := newSearch(b, s)
		f.shrinkEnds()
		return f.lo, f.hi, f.err
	})
}

// Candidates of MSE: the last is 1/3400 of the range, little more than a bin.
const (
	mseCandidates = 200
	mseRatio      = 0.96
)

// shrinkEnds tries the candidates. It ends because every round behind the first has found a range that loses
// less, among as many as there are pairs of ends.
func (f *search) shrinkEnds() {
	pivot := float64(f.within(f.edge(f.pivot)))
	below, above := pivot-float64(f.min), float64(f.max)-pivot
	reach := max(below, above)
	f.shrink(func(c float64) (lo, hi float64) { return pivot - float64(c*reach), pivot + float64(c*reach) })
	if f.symmetric || below <= 0 || above <= 0 {
		return
	}
	low := func(c float64) (lo, hi float64) { return pivot - float64(c*below), float64(f.hi) }
	high := func(c float64) (lo, hi float64) { return float64(f.lo), pivot + float64(c*above) }
	for f.shrink(low) || f.shrink(high) {
	}
}

// shrink tries the ranges of a path, from 1 down, and reports whether one of them loses less than all before.
func (f *search) shrink(path func(c float64) (lo, hi float64)) bool {
	before, c := f.loss, 1.0
	for range mseCandidates {
		if !f.try(path(c)) {
			break
		}
		c *= mseRatio
	}
	return f.loss < before
}
