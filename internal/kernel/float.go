package kernel

import "euryale/internal/half"

// decodeGeneric sets dst[i] to the value of src[i] in the format, exactly. It is finite.
func decodeGeneric(dst []float32, src []uint16, f half.Format) {
	dst = dst[:len(src)]
	for i, c := range src {
		dst[i] = f.Decode(c)
	}
}
