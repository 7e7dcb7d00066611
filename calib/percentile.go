package calib

import (
	"fmt"
	"math"

	"euryale/qtensor"
)

// Percentile returns the estimator of the narrowest range of whole bins that leaves out no more than 100 − p
// percent of the values, 0 < p ≤ 100, as ONNX Runtime's percentile calibration does it: half of them below and
// half above under Affine, UInt4, PowerOfTwo and Uniform; the largest magnitudes under Symmetric and Int4.
// Of data that is never negative all are left out above, and of data that is never positive below, unless the
// scheme is Uniform. 99.99 is usual, and 99.999 suits 8 bits. Percentile(100) is MinMax.
//
// A percentile does not look at what is lost: it leaves out that share of any data, outliers that matter too.
//
// Errors of Range: ErrEmpty; ErrOption for another p; qtensor.ErrScheme.
func Percentile(p float64) RangeEstimator { return percentile(p) }

type percentile float64

func (p percentile) String() string { return fmt.Sprintf("percentile %v", float64(p)) }

func (p percentile) Range(h *Histogram, s qtensor.Scheme) (lo, hi float32, err error) {
	if !(p > 0 && p <= 100) {
		return 0, 0, fmt.Errorf("calib: Percentile: %w: got %v, want a percentile in (0, 100]", ErrOption, float64(p))
	}
	return clipped("Percentile", h, s, func(b *bins) (lo, hi float32, err error) {
		most := float64(h.count) * math.Round(1e9*float64(100-p)) / 1e11 // 100 − 99.95 is not quite 0.05
		from, to := b.cutEnds(most)
		if b.symmetric {
			from, to = b.cutMagnitudes(most)
		}
		lo, hi = b.span(from, to)
		return lo, hi, nil
	})
}

// cutEnds returns the bins that are left where no more than most values are cut off, half of them at either
// end that is not at the pivot.
func (b *bins) cutEnds(most float64) (from, to int) {
	from, to = b.first, b.end()
	below, above := float64(b.min) < b.edge(b.pivot), float64(b.max) > b.edge(b.pivot)
	if below && above {
		most /= 2
	}
	for n := b.at(from); below && float64(n) <= most && from < to-1; n += b.at(from) {
		from++
	}
	for n := b.at(to - 1); above && float64(n) <= most && from < to-1; n += b.at(to - 1) {
		to--
	}
	return from, to
}

// cutMagnitudes returns the bins that are left where no more than most values are cut off, those farthest from
// the pivot.
func (b *bins) cutMagnitudes(most float64) (from, to int) {
	from, to = b.first, b.end()
	var cut uint64
	for reach := b.reach() - 1; ; reach-- {
		nextFrom, nextTo := b.window(reach)
		if nextFrom >= nextTo {
			return from, to
		}
		cut += b.count(from, nextFrom) + b.count(nextTo, to)
		if float64(cut) > most {
			return from, to
		}
		from, to = nextFrom, nextTo
	}
}
