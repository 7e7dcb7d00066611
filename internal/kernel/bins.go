package kernel

import "math"

// CountBins adds 1 to bins[⌊x/2^exponent⌋ mod len(bins)] for each x of src, with the kernels in use. There is
// a power of two of bins, up to 2^16. Values are finite, quotients within ±2^24, and the exponent is −149 … 126.
func CountBins(bins []uint64, src []float32, exponent int) { Current().CountBins(bins, src, exponent) }

// countBinsGeneric is CountBins. Quotients of float64 are exact.
func countBinsGeneric(bins []uint64, src []float32, exponent int) {
	perUnit, mask := math.Ldexp(1, -exponent), len(bins)-1
	for _, x := range src {
		bins[int(math.Floor(float64(x)*perUnit))&mask]++
	}
}
