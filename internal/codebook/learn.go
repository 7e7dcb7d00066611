package codebook

// start returns the levels that learning begins with.
func start(k Kind, bits int) []int8 {
	n := 1 << bits
	levels := make([]int8, n)
	for q := range levels {
		levels[q] = int8(-127 + (254*q+n/3)/(n-1))
	}
	if levels[n-1] = 127; k == Learned {
		levels[n/2-1+n%2] = 0
	}
	return levels
}
