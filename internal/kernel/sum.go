package kernel

// Sum returns Σ a[p], exactly for up to 2^32 elements of any value.
func Sum(a []int32) (s int64) {
	for _, x := range a {
		s += int64(x)
	}
	return s
}
