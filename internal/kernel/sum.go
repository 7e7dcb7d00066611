package kernel

import "encoding/binary"

// Sum returns Σ a[p], exactly for up to 2^32 elements of any value.
func Sum(a []int32) (s int64) {
	for _, x := range a {
		s += int64(x)
	}
	return s
}

// SumBytes returns Σ a[p], eight at a time.
func SumBytes(a []uint8) (s int64) {
	const even, ones = 0x00ff00ff00ff00ff, 0x0001000100010001
	for ; len(a) >= 8; a = a[8:] {
		x := binary.LittleEndian.Uint64(a)
		s += int64((x&even + x>>8&even) * ones >> 48) // four sums of two, of which the highest becomes that of all
	}
	for _, x := range a {
		s += int64(x)
	}
	return s
}
