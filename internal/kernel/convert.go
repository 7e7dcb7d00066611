package kernel

import (
	"math"
	"unsafe"

	"euryale/internal/half"
)

// Grid maps between real values r and quantized values q: r = Offset + Scale·q, with q in [0, High].
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
// finite values, with the kernels in use. The product is exact in float64.
func DequantizeGrid(dst []float32, src []uint8, g Grid) { Current().DequantizeGrid(dst, src, g) }

func dequantizeGridGeneric(dst []float32, src []uint8, g Grid) {
	for i, q := range src {
		dst[i] = finite(float32(float64(g.Offset) + float64(float64(g.Scale)*float64(q))))
	}
}

// minMaxBlocksGeneric sets low[i] and high[i] to the smallest and the largest of the i-th block of src, as
// MinMax does, and reports whether all blocks are finite; the ends are meaningless where one is not. src is
// len(low) blocks of size elements.
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

// encodeGeneric sets dst[i] to the bits of src[i] in the format, rounded. src[i] may be NaN or an infinity.
func encodeGeneric(dst []uint16, src []float32, f half.Format) {
	dst = dst[:len(src)]
	for i, x := range src {
		dst[i] = f.Encode(x)
	}
}

// quantizeBlocksGeneric quantizes blocks of size elements by a map each, as Quantize does. Values of a map
// whose Low is below 0 are stored in two's complement.
func quantizeBlocksGeneric(dst []uint8, src []float32, maps []Affine, size int) {
	for i, a := range maps {
		quantizeGeneric(dst[i*size:][:size], src[i*size:][:size], a)
	}
}

// dequantizeBlocksGeneric undoes quantizeBlocksGeneric, as Dequantize does.
func dequantizeBlocksGeneric(dst []float32, src []uint8, maps []Affine, size int) {
	for i, a := range maps {
		dst, src := dst[i*size:][:size], src[i*size:][:size]
		if a.Low < 0 {
			dequantizeGeneric(dst, asSigned(src), a)
		} else {
			dequantizeGeneric(dst, src, a)
		}
	}
}

// asSigned returns bytes as two's complement, in the same memory.
func asSigned(x []uint8) []int8 {
	return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}
