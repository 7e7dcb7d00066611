package kernel

// Dot returns Σ a[p]·b[p], exactly for up to 2^24 elements of any value. b is at least as long as a.
func Dot(a []int32, b []int8) int64 {
	b = b[:len(a)]
	var s0, s1, s2, s3 int64
	for len(a) >= 4 && len(b) >= 4 {
		s0 += int64(a[0]) * int64(b[0])
		s1 += int64(a[1]) * int64(b[1])
		s2 += int64(a[2]) * int64(b[2])
		s3 += int64(a[3]) * int64(b[3])
		a, b = a[4:], b[4:]
	}
	for p, x := range a {
		s0 += int64(x) * int64(b[p])
	}
	return s0 + s1 + s2 + s3
}

// Sum returns Σ a[p], exactly for up to 2^32 elements of any value.
func Sum(a []int32) (s int64) {
	for _, x := range a {
		s += int64(x)
	}
	return s
}

// DotFloat returns Σ a[p]·b[p] in float64, added in order. Every product is exact.
func DotFloat(a, b []float32) (s float64) {
	b = b[:len(a)]
	for p, x := range a {
		s += float64(float64(x) * float64(b[p]))
	}
	return s
}
