package calib

import (
	"math"

	"euryale/qtensor"
)

// levels are the real values origin + step·k, for the integers k from low to high, that a scheme of integers
// quantizes to.
//
// Here and in what is summed over levels, explicit conversions keep products from being fused with sums:
// machines would choose ranges that differ.
type levels struct{ origin, step, low, high float64 }

// levelsOf returns the levels of a scheme with the parameters for a range.
func levelsOf(s qtensor.Scheme, lo, hi float32) (levels, error) {
	p, err := qtensor.NewParams(s, []float32{lo}, []float32{hi})
	if err != nil {
		return levels{}, err
	}
	low, high := s.CodeRange()
	l := levels{0, float64(p.Scales[0]), float64(low), float64(high)}
	switch {
	case s.HasOffset():
		l.origin = float64(p.Offsets[0])
	case s.HasZeroPoint():
		l.low -= float64(p.ZeroPoints[0])
		l.high -= float64(p.ZeroPoints[0])
	}
	return l, nil
}

// position returns where x lies, in steps from the origin.
func (l levels) position(x float64) float64 { return (x - l.origin) / l.step }

// nearest returns the k of the level nearest to a position, ties to even.
func (l levels) nearest(position float64) float64 {
	return max(l.low, min(math.RoundToEven(position), l.high))
}

// squared returns the squared error, in steps, of a position.
func (l levels) squared(position float64) float64 {
	d := position - l.nearest(position)
	return d * d
}

// integral returns the integral of squared from 0 to a position: 1/12 for each level passed, and the cube of
// the distance to the nearest over 3.
func (l levels) integral(position float64) float64 {
	k := l.nearest(position)
	d := position - k
	return k/12 + float64(float64(d*d)*d)/3
}
