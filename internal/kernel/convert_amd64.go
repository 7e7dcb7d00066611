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

func quantizeBlocksInAVX2(dst []uint8, src []float32, maps []Affine, size int) {
	n := size / 32 * 32
	if n == 0 || n > atOnce {
		quantizeBlocksGeneric(dst, src, maps, size)
		return
	}
	for i, a := range maps {
		dst, src := dst[i*size:][:size], src[i*size:][:size]
		low, high := float32(a.Low-a.Zero), float32(a.High-a.Zero)
		raise, flip := raised(a.Low < 0)
		quantizeAVX2(&dst[0], &src[0], n, a.Scale, low, high, a.Zero+raise, flip)
		if n < size {
			quantizeGeneric(dst[n:], src[n:], a)
		}
	}
}

func dequantizeBlocksInAVX2(dst []float32, src []uint8, maps []Affine, size int) {
	n := size / 32 * 32
	if n == 0 || n > atOnce {
		dequantizeBlocksGeneric(dst, src, maps, size)
		return
	}
	for i, a := range maps {
		dst, src := dst[i*size:][:size], src[i*size:][:size]
		raise, flip := raised(a.Low < 0)
		dequantizeAVX2(&dst[0], &src[0], n, a.Scale, a.Zero+raise, flip&0xff, 0)
		if n < size {
			dequantizeBlocksGeneric(dst[n:], src[n:], maps[i:i+1], size-n)
		}
	}
}

func quantizeColumnsInAVX2(dst []uint8, src []float32, c *Columns, n, stride, rows int) {
	if n < LeastColumns || rows < 1 || c.mixed {
		quantizeColumnsGeneric(dst, src, c, n, stride, rows)
		return
	}
	last := (rows-1)*stride + n
	dst, src = dst[:last], src[:last]
	columns := func(first, n int) {
		quantizeColumnsAVX2(&dst[first], &src[first], &c.inverse[first], n, stride, rows, c.low[0], c.high[0])
	}
	columns(0, n/8*8)
	if n%8 > 0 {
		columns(n-8, 8)
	}
}

func dequantizeColumnsInAVX2(dst []float32, src []uint8, c *Columns, n, stride, rows int) {
	if n < LeastColumns || rows < 1 {
		dequantizeColumnsGeneric(dst, src, c, n, stride, rows)
		return
	}
	last := (rows-1)*stride + n
	dst, src = dst[:last], src[:last]
	shift := 0
	if c.signed {
		shift = 24
	}
	columns := func(first, n int) {
		dequantizeColumnsAVX2(&dst[first], &src[first], &c.inverse[first], n, stride, rows, shift)
	}
	columns(0, n/8*8)
	if n%8 > 0 {
		columns(n-8, 8)
	}
}

func minMaxColumnsInAVX2(low, high, src []float32, stride, rows int) (allFinite bool) {
	n := len(low)
	if n < LeastColumns || rows < 1 {
		return minMaxColumnsGeneric(low, high, src, stride, rows)
	}
	high, src = high[:n], src[:(rows-1)*stride+n]
	var bad uint32
	columns := func(first, n int) {
		minMaxColumnsAVX2(&low[first], &high[first], &src[first], n, stride, rows, &bad)
	}
	columns(0, n/8*8)
	if n%8 > 0 {
		columns(n-8, 8)
	}
	return bad == 0
}
