package calib

import (
	"fmt"

	"euryale/qtensor"
)

// RangeEstimator turns a histogram into the range lo … hi that quantized values are to cover, which
// Profile.Params passes to qtensor.NewParams. MinMax returns one. An estimator that clips outliers sums over
// h.Bins, and may take the number of quantized values from s.CodeRange: see the example.
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
	if h == nil || h.count == 0 {
		return 0, 0, fmt.Errorf("calib: MinMax: %w: got no finite value, want at least one", ErrEmpty)
	}
	return h.min, h.max, nil
}

func (minMax) String() string { return "minmax" }
