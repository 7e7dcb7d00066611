//go:build !purego

package kernel

import "math"

// The kernels that count have assembly make numbers of bins, and leave zeros out: they may be half of all values, and
// one addition to a bin waits for the one before.
const (
	fewNumbers    = 64 // fewer take longer than the generic loop
	numbersAtOnce = 1 << 10
	leastExponent = -127 // 2^127 is a float32
)

func countBinsInAVX2(bins []uint64, src []float32, exponent int) {
	const together = 8
	if len(src) < fewNumbers || exponent < leastExponent {
		countBinsGeneric(bins, src, exponent)
		return
	}
	perUnit, mask := float32(math.Ldexp(1, -exponent)), uint32(len(bins)-1)
	var numbers [numbersAtOnce]uint16
	for len(src) >= together {
		n := min(numbersAtOnce, len(src)/together*together)
		countNumbers(bins, numbers[:binNumbersAVX2(&numbers[0], &src[0], n, perUnit, mask)], n)
		src = src[n:]
	}
	countBinsGeneric(bins, src, exponent)
}

func countBinsInAVX512(bins []uint64, src []float32, exponent int) {
	const together = 16
	if len(src) < fewNumbers || exponent < leastExponent {
		countBinsGeneric(bins, src, exponent)
		return
	}
	perUnit, mask := float32(math.Ldexp(1, -exponent)), uint32(len(bins)-1)
	var numbers [numbersAtOnce]uint16
	for len(src) >= together {
		n := min(numbersAtOnce, len(src)/together*together)
		countNumbers(bins, numbers[:binNumbersAVX512(&numbers[0], &src[0], n, perUnit, mask)], n)
		src = src[n:]
	}
	countBinsGeneric(bins, src, exponent)
}

// countNumbers adds 1 to the bin of each number, and 1 to that of 0 for each of n values that has none.
func countNumbers(bins []uint64, numbers []uint16, n int) {
	bins[0] += uint64(n - len(numbers))
	for ; len(numbers) >= 4; numbers = numbers[4:] {
		bins[numbers[0]]++
		bins[numbers[1]]++
		bins[numbers[2]]++
		bins[numbers[3]]++
	}
	for _, bin := range numbers {
		bins[bin]++
	}
}
