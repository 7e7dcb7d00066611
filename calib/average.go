package calib

import (
	"fmt"

	"euryale/qtensor"
)

// AveragingConstant is the averaging constant of the zero MovingAverage, the one that PyTorch's
// MovingAverageMinMaxObserver has by default.
const AveragingConstant = 0.01

// MovingAverage is an exponential moving average of the ranges of batches, as PyTorch's
// MovingAverageMinMaxObserver keeps: m ← (1 − c)·m + c·x, where x is a batch's minimum, or its maximum, and c
// the averaging constant. The first batch sets m. A MovingAverage forgets outliers; unlike a Histogram, it
// depends on the order of the batches and cannot be merged.
//
// The zero MovingAverage has observed nothing and has c = AveragingConstant; a nil one has observed nothing.
// It is not safe for concurrent use.
type MovingAverage struct {
	constant float64 // 0 stands for AveragingConstant
	lo, hi   float64
	seen     bool
}

// NewMovingAverage returns a MovingAverage with averaging constant c. Errors: ErrOption for a c outside (0,
// 1].
func NewMovingAverage(c float64) (*MovingAverage, error) {
	if !(c > 0 && c <= 1) {
		return nil, fmt.Errorf("calib: NewMovingAverage: %w: got %v, want a constant in (0, 1]", ErrOption, c)
	}
	return &MovingAverage{constant: c}, nil
}

// Observe adds a batch. NaN and the infinities are left out; a batch without a finite value changes nothing.
// A nil m panics where it would change.
func (m *MovingAverage) Observe(batch []float32) {
	lo, hi, finite := bounds(batch)
	switch {
	case finite == 0:
		return
	case !m.seen:
		m.lo, m.hi, m.seen = float64(lo), float64(hi), true
		return
	}
	c := m.constant
	if c == 0 {
		c = AveragingConstant
	}
	m.lo = follow(m.lo, float64(lo), c)
	m.hi = follow(m.hi, float64(hi), c)
}

// follow returns (1−c)·m + c·x, which in floating point too is no smaller for a greater m or x: lo ≤ hi stays
// so.
func follow(m, x, c float64) float64 { return float64((1-c)*m) + float64(c*x) }

// Range returns the average minimum and maximum, lo ≤ hi, rounded to float32. Errors: ErrEmpty if no finite
// value was observed.
func (m *MovingAverage) Range() (lo, hi float32, err error) {
	if m == nil || !m.seen {
		return 0, 0, fmt.Errorf("calib: MovingAverage.Range: %w: got no finite value, want at least one", ErrEmpty)
	}
	return float32(m.lo), float32(m.hi), nil
}

// MovingAverageMinMax is the averaging constant of a MovingAverage that ptq.Quantize is to take ranges of, as
// PyTorch's MovingAverageMinMaxObserver does: ptq.Config{Range: calib.MovingAverageMinMax(0.01)}.
//
// It is a RangeEstimator for that, but no Histogram, and so no Profile, knows the order of the batches: Range
// is always an error, ErrEmpty or ErrOption.
type MovingAverageMinMax float64

// Range returns an error: ErrEmpty for a histogram without a finite value, and else ErrOption.
func (c MovingAverageMinMax) Range(h *Histogram, _ qtensor.Scheme) (lo, hi float32, err error) {
	if err := checkSeen("MovingAverageMinMax", h); err != nil {
		return 0, 0, err
	}
	return 0, 0, fmt.Errorf("calib: MovingAverageMinMax: %w: got a Histogram, which has no order of batches, want samples for ptq.Quantize, or Calibrator.MovingAverage", ErrOption)
}

// String returns the name and the constant.
func (c MovingAverageMinMax) String() string { return fmt.Sprintf("moving average %v", float64(c)) }
