package calib

import "euryale/qtensor"

// HistogramL2 returns the estimator that minimises the L2 norm of the quantization error as PyTorch's
// HistogramObserver does: of the two ends of the observed range, step by step, the one is moved that gets
// farther by leaving out another 1/100,000 of the values. The range that loses least of all on this way, by
// the error that MSE minimises too, is the estimate. PyTorch ends where the loss first grows.
//
// An end stops at 0, and under Uniform at the median.
//
// Errors of Range: ErrEmpty; qtensor.ErrScheme. Source: torch.ao.quantization.HistogramObserver,
// _non_linear_param_search.
func HistogramL2() RangeEstimator { return histogramL2{} }

type histogramL2 struct{}

func (histogramL2) String() string { return "histogram-l2" }

func (histogramL2) Range(h *Histogram, s qtensor.Scheme) (lo, hi float32, err error) {
	return clipped("HistogramL2", h, s, func(b *bins) (lo, hi float32, err error) {
		f := newSearch(b, s)
		step := max(1, h.count/100_000)
		from, to := b.first, b.end()
		for {
			nextFrom, nextTo := b.skipUp(from, step), b.skipDown(to, step)
			switch {
			case nextFrom == from && nextTo == to:
				return f.lo, f.hi, f.err
			case nextFrom-from > to-nextTo:
				from = nextFrom
			default:
				to = nextTo
			}
			if !f.try(b.edge(from), b.edge(to)) {
				return f.lo, f.hi, f.err
			}
		}
	})
}

// skipUp returns where a range begins that leaves out a number of values more than from, and the empty bins
// behind them: at most at the pivot.
func (b *bins) skipUp(from int, values uint64) int {
	for n := uint64(0); from < b.pivot && (n < values || b.at(from) == 0); from++ {
		n += b.at(from)
	}
	return from
}

// skipDown returns where a range ends that leaves out a number of values more than to, and the empty bins
// behind them: at least at the pivot.
func (b *bins) skipDown(to int, values uint64) int {
	for n := uint64(0); to > max(b.pivot, b.first+1) && (n < values || b.at(to-1) == 0); to-- {
		n += b.at(to - 1)
	}
	return to
}
