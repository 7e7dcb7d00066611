package kernel

// maxWindowsGeneric sets dst[p·n + i] = max_k src[p·step + offsets[k] + i] for so many pixels p and i < n:
// windows of pixels of n quantized values, as max-pooling has them. There is an offset, and none is negative.
func maxWindowsGeneric(dst, src []uint8, offsets []int, n, pixels, step int) {
	for p := range pixels {
		to, from := dst[p*n:][:n], src[p*step:]
		copy(to, from[offsets[0]:])
		for _, offset := range offsets[1:] {
			for i, q := range from[offset:][:n] {
				to[i] = max(to[i], q)
			}
		}
	}
}
