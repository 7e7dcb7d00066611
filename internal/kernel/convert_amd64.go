//go:build !purego

package kernel

import (
	"euryale/internal/half"

	"golang.org/x/sys/cpu"
)

func quantizeGridInAVX2(dst []uint8, src []float32, g Grid) {
	dst = dst[:len(src)]
	n := len(src) / 8 * 8
	for first := 0; first < n; first += atOnce {
		quantizeGridAVX2(&dst[first], &src[first], min(atOnce, n-first), float64(g.Scale), float64(g.Offset), float64(g.High))
	}
	quantizeGridGeneric(dst[n:], src[n:], g)
}

func dequantizeGridInAVX2(dst []float32, src []uint8, g Grid) {
	dst = dst[:len(src)]
	n := len(src) / 4 * 4
	for first := 0; first < n; first += atOnce {
		dequantizeGridAVX2(&dst[first], &src[first], min(atOnce, n-first), float64(g.Scale), float64(g.Offset))
	}
	dequantizeGridGeneric(dst[n:], src[n:], g)
}

// minMaxBlocksInAVX2 leaves to the generic function sizes that are no whole vectors, and blocks so long that assembly
// would take too long for one.
func minMaxBlocksInAVX2(low, high, src []float32, size int) (allFinite bool) {
	if size%8 != 0 || size < 8 || size > atOnce {
		return minMaxBlocksBy(minMaxInAVX2, low, high, src, size)
	}
	high, src = high[:len(low)], src[:len(low)*size]
	allFinite = true
	for first, most := 0, atOnce/size; first < len(low); first += most {
		var bad uint32
		minMaxBlocksAVX2(&low[first], &high[first], &src[first*size], min(most, len(low)-first), size, &bad)
		allFinite = allFinite && bad == 0
	}
	return allFinite
}

func encodeInAVX2(dst []uint16, src []float32, f half.Format) {
	dst = dst[:len(src)]
	n := len(src) / 8 * 8
	encode := encodeBFloat16AVX2
	if f.Max == half.MaxFloat16 {
		encode = encodeFloat16AVX2
		if !cpu.X86.HasF16C {
			n = 0
		}
	}
	for first := 0; first < n; first += atOnce {
		encode(&dst[first], &src[first], min(atOnce, n-first))
	}
	encodeGeneric(dst[n:], src[n:], f)
}
