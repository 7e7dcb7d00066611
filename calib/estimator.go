package calib

import (
	"fmt"

	"euryale/qtensor"
)

// RangeEstimator turns a histogram into the range lo … hi that quantized values are to cover, which
// Profile.Params passes to qtensor.NewParams. MinMax covers all that was observed; Percentile, MSE, Entropy
// and HistogramL2 clip, where that makes the steps between quantized values smaller. An estimator of one's
// own sums over h.Bins, and may take the number of quantized values from s.CodeRange: see the example.
type RangeEstimator interface {
	// Range returns finite lo ≤ hi. A histogram without a finite value, or a nil one, is an error that wraps
	// ErrEmpty. Range neither changes h nor keeps it.
	Range(h *Histogram, s qtensor.Scheme) (lo, hi float32, err error)
	// String returns the estimator's name and settings.
	String() string
}

// MinMax returns the estimator whose range is from the smallest to the largest finite value, as PyTorch's
// MinMaxObserver has it: nothing is clipped.
func MinMax() RangeEstimator { return minMax{} }

type minMax struct{}

func (minMax) Range(h *Histogram, _ qtensor.Scheme) (lo, hi float32, err error) {
	return h.Min(), h.Max(), checkSeen("MinMax", h)
}

func (minMax) String() string { return "minmax" }

// checkSeen reports a histogram that no estimator makes a range of.
func checkSeen(estimator string, h *Histogram) error {
	if h.Count() == 0 {
		return fmt.Errorf("calib: %s: %w: got no finite value, want at least one", estimator, ErrEmpty)
	}
	return nil
}

// clipped returns the range that choose finds within the observed one, for the Range of the estimator of a
// name. Nothing is chosen where nothing could be clipped: for one value, and for a scheme without a range.
func clipped(
	name string, h *Histogram, s qtensor.Scheme, choose func(*bins) (lo, hi float32, err error),
) (lo, hi float32, err error) {
	if err := checkSeen(name, h); err != nil {
		return 0, 0, err
	}
	if err := s.Validate(); err != nil {
		return 0, 0, fmt.Errorf("calib: %s: %w", name, err)
	}
	if h.min == h.max || s.IsFloat() {
		return h.min, h.max, nil
	}
	if lo, hi, err = choose(binsOf(h, s)); err != nil {
		return 0, 0, fmt.Errorf("calib: %s: %w", name, err)
	}
	return lo, hi, nil
}
