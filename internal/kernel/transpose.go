package kernel

// transposeGeneric sets dst[j·stride + i] = src[i·n + j] for so many columns j and rows i.
func transposeGeneric[T float32 | uint8](dst []T, stride int, src []T, n, columns, rows int) {
	for j := range columns {
		to := dst[j*stride:][:rows]
		for i := range to {
			to[i] = src[i*n+j]
		}
	}
}
