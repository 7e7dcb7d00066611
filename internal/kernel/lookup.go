package kernel

// lookUpGeneric sets dst[i] = table[src[i]]: a function of quantized values. dst may be src.
func lookUpGeneric(dst, src []uint8, table *[256]uint8) {
	dst = dst[:len(src)]
	for i, q := range src {
		dst[i] = table[q]
	}
}
