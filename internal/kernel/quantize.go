package kernel

import "math"

// Code is the type of a quantized value or a stored code, before packing.
type Code interface{ int8 | uint8 }

// Affine maps between real values r and quantized values q: r = Scale·(q − Zero), with q in [Low, High].
type Affine struct {
	Scale     float32
	Zero      int32
	Low, High int32
}

// Quantize sets dst[i] = clamp(RNE(src[i]/Scale) + Zero, Low, High): a true float32 division, rounded to
// the nearest integer with ties to even, saturated. src is finite.
func Quantize[C Code](dst []C, src []float32, a Affine) {
	switch d := any(dst).(type) {
	case []int8:
		Current().QuantizeS8(d, src, a)
	case []uint8:
		Current().QuantizeU8(d, src, a)
	}
}

// quantizeGeneric is Quantize for any src, of which it reports whether all are finite: dst has no meaning where they are not.
func quantizeGeneric[C Code](dst []C, src []float32, a Affine) (allFinite bool) {
	allFinite = true
	// The bounds are moved to the other side of the zero point, so that the comparison is made in
	// floating point, where no quotient is too big.
	low, high := float64(a.Low-a.Zero), float64(a.High-a.Zero)
	for i, x := range src {
		dst[i] = C(int32(max(low, min(high, math.RoundToEven(float64(x/a.Scale))))) + a.Zero)
		allFinite = allFinite && x-x == 0
	}
	return allFinite
}

// quantizeIntsGeneric sets dst[i] = clamp(RNE(src[i]/Scale) + Zero, Low, High) − Zero: the values of Quantize
// less their zero point. src is finite.
func quantizeIntsGeneric(dst []int32, src []float32, a Affine) {
	low, high := float64(a.Low-a.Zero), float64(a.High-a.Zero)
	for i, x := range src {
		dst[i] = int32(max(low, min(high, math.RoundToEven(float64(x/a.Scale)))))
	}
}

// Dequantize sets dst[i] = Scale·(src[i] − Zero), rounded once to float32 and saturated to the finite values.
func Dequantize[C Code](dst []float32, src []C, a Affine) {
	switch s := any(src).(type) {
	case []int8:
		Current().DequantizeS8(dst, s, a)
	case []uint8:
		Current().DequantizeU8(dst, s, a)
	}
}

func dequantizeGeneric[C Code](dst []float32, src []C, a Affine) {
	for i, q := range src {
		dst[i] = finite(a.Scale * float32(int32(q)-a.Zero))
	}
}

// finite replaces an infinity by the largest finite number of its sign: the ends of a range near the
// largest float32 round past it.
func finite(x float32) float32 {
	return max(-math.MaxFloat32, min(math.MaxFloat32, x))
}

// MinMax returns the smallest and the largest of src, and the index of its first NaN or infinity, which
// is −1 where all are finite. The range is meaningless where one is not, or where src is empty.
func MinMax(src []float32) (low, high float32, bad int) { return Current().MinMax(src) }

func minMaxGeneric(src []float32) (low, high float32, bad int) {
	low, high = math.MaxFloat32, -math.MaxFloat32
	for i, x := range src {
		if x-x != 0 { // NaN and the infinities alone differ from zero here
			return low, high, i
		}
		if x < low {
			low = x
		}
		if x > high {
			high = x
		}
	}
	return low + 0, high + 0, -1 // +0 for −0, whichever of them came first
}
