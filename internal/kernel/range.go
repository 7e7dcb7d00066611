package kernel

import "math"

// Step returns (hi − lo)/steps in float32, or through float64 where hi − lo passes the largest float32.
func Step(lo, hi float32, steps int32) float32 {
	step := (hi - lo) / float32(steps)
	if math.IsInf(float64(step), 1) {
		step = float32((float64(hi) - float64(lo)) / float64(steps))
	}
	return step
}

// ZeroPoint returns min(RNE(−lo/scale), high), the quantized value of 0 in a range that starts at lo ≤ 0, as
// a true float32 division rounded to nearest, ties to even.
func ZeroPoint(lo, scale float32, high int32) int32 {
	return int32(min(math.RoundToEven(float64(-lo/scale)), float64(high)))
}

// MinScale is the least magnitude of a scale: the smallest normal float32.
const MinScale = 0x1p-126

// AffineOf returns the affine map of the range [lo, hi], widened to contain 0, onto 0 to high:
// Scale = (hi − lo)/high, at least MinScale, or 1 where that rounds to 0; Zero = RNE(−lo/Scale).
func AffineOf(lo, hi float32, high int32) Affine {
	lo, hi = min(lo, 0), max(hi, 0)
	a := Affine{Scale: Step(lo, hi, high), High: high}
	if a.Scale == 0 {
		a.Scale = 1
	}
	a.Scale = max(a.Scale, MinScale)
	a.Zero = ZeroPoint(lo, a.Scale, high)
	return a
}
