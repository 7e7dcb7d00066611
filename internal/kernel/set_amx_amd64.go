//go:build !purego

package kernel

import "euryale/internal/isa"

// The kernels of AMX: products of tiles; the rest is that of AVX-512.

// Loading a configuration takes as long as a fifth of a tile of 1024 of depth: several tiles share one.
var amxSet = Set{
	Tier: isa.AMX,
	Product: Product{
		Format: U8, Rows: 128, Panels: 2, FewRows: fewRows, Depth: blockSteps * StepDepth, CacheBytes: 1 << 20, Rate: 1500e9, QuantizeRate: 5e9,
		CodeRows: codeRows, GroupBits: 8, GroupDepth: blockSteps*StepDepth - 1, NibbleRows: 24,
		Multiply: multiplyInAMX, MultiplyDequantize: dequantizeAfter(multiplyInAMX, dequantizeSumsInAVX512),
	},
	Convolution: Convolution{PixelVectors: true},
}.above(avx512Set)

// A tile of a has 16 steps of depth, and two have 32 rows.
const blockSteps, tileRows = 16, 32

// blocksAtOnce is how many blocks of 2×2 tiles assembly takes at a time, some 20 µs: it cannot be preempted,
// and the garbage collector waits for it.
const blocksAtOnce = 1 << 10

// fewRows is the most rows for which AVX-512 is as fast as tiles: memory is the limit.
const fewRows = 8

// multiplyInAMX multiplies in whole tiles of 64 of depth, and leaves other depths, few rows and segments to
// AVX-512.
func multiplyInAMX(sums []int32, a *Left, b *Right) {
	if a.Steps%blockSteps != 0 || a.Rows <= fewRows || a.Lines > 1 || len(a.Gaps) > 0 {
		multiplyInVNNI(sums, a, b)
		return
	}
	checkMultiply(sums, a, b, 1)
	eachPlane(a, func(data []uint8, rows int) {
		multiplyRowsInAMX(sums, data, rows, a, b)
		sums = sums[rows*b.Panels*PanelColumns:]
	})
}

func multiplyRowsInAMX(sums []int32, data []uint8, rows int, a *Left, b *Right) {
	blocks, count, rest := a.Steps/blockSteps, rows/tileRows, rows%tileRows
	whole, upper := multiplyU8R32P2AMX, multiplyU8R16P2AMX
	switch {
	case b.Panels == 1:
		whole, upper = multiplyU8R32P1AMX, multiplyU8R16P1AMX
	case rows <= tileRows:
		whole = multiplyU8R32P2StreamAMX
	}
	for count > 0 {
		n := min(count, max(1, blocksAtOnce/blocks))
		whole(&sums[0], &data[0], a.Stride, &b.Codes[0], b.Stride, blocks, n, &tileConfigs[tileRows])
		if count -= n; count == 0 && rest == 0 {
			return
		}
		sums, data = sums[n*tileRows*b.Panels*PanelColumns:], data[n*tileRows*a.Stride:]
	}
	if rest <= fewRows {
		left := Left{Data: data, Rows: rest, Stride: a.Stride, Lines: 1, Planes: 1, Steps: a.Steps}
		multiplyInVNNI(sums, &left, b)
		return
	}
	if rest > 16 {
		upper = whole
	}
	upper(&sums[0], &data[0], a.Stride, &b.Codes[0], b.Stride, blocks, 1, &tileConfigs[rest])
}
