package kernel

import (
	"math"

	"euryale/internal/half"
)

// Grid maps between real numbers and codes: r = Offset + Scale·q, with codes in [0, High].
type Grid struct {
	Scale, Offset float32
	High          int32
}

// QuantizeGrid sets dst[i] = clamp(RNE((src[i] − Offset)/Scale), 0, High), in float64, ties to even,
// saturated, with the kernels in use. src is finite.
func QuantizeGrid(dst []uint8, src []float32, g Grid) { Current().QuantizeGrid(dst, src, g) }

func quantizeGridGeneric(dst []uint8, src []float32, g Grid) {
	scale, offset, high := float64(g.Scale), float64(g.Offset), float64(g.High)
	for i, x := range src {
		r := math.RoundToEven((float64(x) - offset) / scale)
		dst[i] = uint8(max(0, min(high, r)))
	}
}

// DequantizeGrid sets dst[i] = Offset + Scale·src[i], in float64, rounded to float32 and saturated to the
// finite numbers, with the kernels in use. The product of a float32 and a code is exact in float64.
func DequantizeGrid(dst []float32, src []uint8, g Grid) { Current().DequantizeGrid(dst, src, g) }

func dequantizeGridGeneric(dst []float32, src []uint8, g Grid) {
	for i, q := range src {
		dst[i] = finite(float32(float64(g.Offset) + float64(float64(g.Scale)*float64(q))))
	}
}

// minMaxBlocksGeneric sets low[i] and high[i] to the smallest and the largest of the i-th block of src, as MinMax
// does, and reports whether all blocks are finite; the ends are meaningless where one is not. src is len(low) blocks of
// size elements.
func minMaxBlocksGeneric(low, high, src []float32, size int) (allFinite bool) {
	return minMaxBlocksBy(minMaxGeneric, low, high, src, size)
}

// minMaxBlocksBy works like minMaxBlocksGeneric, with a function that works like minMaxGeneric.
func minMaxBlocksBy(minMax func([]float32) (low, high float32, bad int), low, high, src []float32, size int) (allFinite bool) {
	allFinite = true
	for i := range low {
		var bad int
		low[i], high[i], bad = minMax(src[i*size:][:size])
		allFinite = allFinite && bad < 0
	}
	return allFinite
}

// encodeGeneric sets dst[i] to the code of src[i], which may be NaN or an infinity.
func encodeGeneric(dst []uint16, src []float32, f half.Format) {
	dst = dst[:len(src)]
	for i, x := range src {
		dst[i] = f.Encode(x)
	}
}
