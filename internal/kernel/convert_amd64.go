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

// minMaxBlocksInAVX2 leaves to the generic function sizes that are no whole vectors, and blocks so long that
// assembly would take too long for one.
func minMaxBlocksInAVX2(low, high, src []float32, size int) (allFinite bool) {
	if size%16 != 0 || size < 16 || size > atOnce {
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

func quantizeBlocksInAVX2(dst []uint8, src []float32, maps []Affine, size int) {
	dst, src = dst[:len(maps)*size], src[:len(maps)*size]
	eachBlock(maps, size, func(at int, maps []Affine, n int) {
		quantizeAVX2(&dst[at], &src[at], maps[0].asm(), len(maps), n)
	}, func(begin, end int, maps []Affine) {
		quantizeBlocksGeneric(dst[begin:end], src[begin:end], maps, end-begin)
	})
}

func dequantizeBlocksInAVX2(dst []float32, src []uint8, maps []Affine, size int) {
	dst, src = dst[:len(maps)*size], src[:len(maps)*size]
	eachBlock(maps, size, func(at int, maps []Affine, n int) {
		dequantizeAVX2(&dst[at], &src[at], maps[0].asm(), len(maps), n, flipped(maps[0].Low < 0), 0)
	}, func(begin, end int, maps []Affine) {
		dequantizeBlocksGeneric(dst[begin:end], src[begin:end], maps, end-begin)
	})
}

// eachBlock calls asm for n elements, a multiple of 32, from a place on of each of some blocks: of several blocks
// only where that is all of them. It calls rest for what is left of a block.
func eachBlock(maps []Affine, size int, asm func(at int, maps []Affine, n int), rest func(begin, end int, maps []Affine)) {
	n := size / 32 * 32
	most := 1
	if n == size {
		most = max(1, atOnce/max(1, size))
	} else if n > atOnce {
		n = 0
	}
	for first := 0; first < len(maps); first += most {
		some := maps[first:min(first+most, len(maps))]
		if n > 0 {
			asm(first*size, some, n)
		}
		if n < size {
			rest(first*size+n, (first+1)*size, some)
		}
	}
}
