package calib

import (
	"fmt"

	"euryale/qtensor"
)

// Rule turns what was seen into the range that codes shall cover: its parameters are then
// qtensor.NewParams's. A rule may choose by the scheme, whose number of codes decides what clipping is worth.
type Rule interface {
	// Range returns finite lo ≤ hi. A histogram without a finite value, or a nil one, is an error that wraps
	// ErrEmpty. h is for reading, and until Range returns: it may be the caller's own.
	Range(h *Histogram, s qtensor.Scheme) (lo, hi float32, err error)
	// String returns the rule's name and settings.
	String() string
}

// MinMax returns the rule whose range is from the smallest to the largest finite value: nothing is clipped.
func MinMax() Rule { return minMax{} }

type minMax struct{}

func (minMax) Range(h *Histogram, _ qtensor.Scheme) (lo, hi float32, err error) {
	if h == nil || h.count == 0 {
		return 0, 0, fmt.Errorf("calib: MinMax: %w: got no finite value, want at least one", ErrEmpty)
	}
	return h.min, h.max, nil
}

func (minMax) String() string { return "minmax" }
