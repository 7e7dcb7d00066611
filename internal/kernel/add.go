package kernel

import "math"

// addU8Generic sets dst[i] = clamp(RNE((rx + ry)/a.Scale) + a.Zero, a.Low, a.High) for rx = ax.Scale·(x[i] −
// ax.Zero) and ry likewise: what Quantize makes of the sum of what Dequantize gives. Each product, the sum
// and the quotient are rounded to float32. No product passes a quarter of the largest float32.
func addU8Generic(dst, x, y []uint8, ax, ay, a Affine) {
	low, high := float64(a.Low-a.Zero), float64(a.High-a.Zero)
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		sum := float32(ax.Scale*float32(int32(x[i])-ax.Zero)) + float32(ay.Scale*float32(int32(y[i])-ay.Zero))
		dst[i] = uint8(int32(max(low, min(high, math.RoundToEven(float64(sum/a.Scale))))) + a.Zero)
	}
}
