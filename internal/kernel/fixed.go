package kernel

import "math"

// FixedOf returns the exponent e of the fixed-point map x = X·2^−e under which magnitudes up to largest
// become integers of the given bits, sign included: largest·2^e is in [2^(bits−2), 2^(bits−1)). It is 0 for
// largest = 0.
func FixedOf(largest float32, bits int) int {
	if largest == 0 {
		return 0
	}
	_, exponent := math.Frexp(float64(largest)) // largest in [2^(exponent−1), 2^exponent)
	return bits - 1 - exponent
}

// quantizeFixedGeneric sets dst[i] = RNE(src[i]·2^e), ties to even, saturated at ±(2^(bits−1) − 1). The
// product is exact: a step is 2^−e and the error at most half of it, under a whole one where a value
// saturates. src is finite.
func quantizeFixedGeneric(dst []int32, src []float32, e, bits int) {
	scale, high := math.Ldexp(1, e), float64(int32(1)<<(bits-1)-1)
	for i, x := range src {
		r := math.RoundToEven(float64(x) * scale)
		dst[i] = int32(max(-high, min(high, r)))
	}
}

// splitFixedGeneric is quantizeFixedGeneric, for as many bits as the planes have, and then splitU8Generic.
func splitFixedGeneric(dst []uint8, stride int, src []float32, e int, o Operand) {
	var ints [64]int32
	for first := 0; first < len(src); first += len(ints) {
		x := ints[:min(len(ints), len(src)-first)]
		quantizeFixedGeneric(x, src[first:][:len(x)], e, 8*o.Planes)
		splitU8Generic(dst[first:], stride, x, o.Planes, o.Offset)
	}
}
