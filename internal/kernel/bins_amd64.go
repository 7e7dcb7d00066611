//go:build !purego

package kernel

import (
	"math"
	"unsafe"
)

// The kernels that count have assembly make numbers of bins, and leave zeros out: they may be half of all
// values, and one addition to a bin waits for the one before.
const (
	fewNumbers    = 64 // fewer take longer than the generic loop
	numbersAtOnce = 1 << 10
	leastExponent = -127 // 2^127 is a float32
)

// countBinsBy returns the kernel that has assembly make the numbers of so many values at a time.
func countBinsBy(
	together int, binNumbers func(dst *uint16, src *float32, n int, perUnit float32, mask uint32) (count int),
) func(bins []uint64, src []float32, exponent int) {
	return func(bins []uint64, src []float32, exponent int) {
		if len(src) < fewNumbers || exponent < leastExponent {
			countBinsGeneric(bins, src, exponent)
			return
		}
		perUnit, mask := float32(math.Ldexp(1, -exponent)), uint32(len(bins)-1)
		var numbers [numbersAtOnce]uint16
		for len(src) >= together {
			n := min(numbersAtOnce, len(src)/together*together)
			count := binNumbers((*uint16)(unsafe.Pointer(hidden(&numbers))), &src[0], n, perUnit, mask)
			countNumbers(bins, numbers[:count], n)
			src = src[n:]
		}
		countBinsGeneric(bins, src, exponent)
	}
}

// setBits is, for each byte, the places of the bits that are set in it, ascending, each in a byte.
var setBits = func() (places [256]uint64) {
	for b := range places {
		n := 0
		for bit := range 8 {
			if b>>bit&1 == 1 {
				places[b] |= uint64(bit) << n
				n += 8
			}
		}
	}
	return places
}()

func binNumbersInAVX2(dst *uint16, src *float32, n int, perUnit float32, mask uint32) (count int) {
	return binNumbersAVX2(&setBits, dst, src, n, perUnit, mask)
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
