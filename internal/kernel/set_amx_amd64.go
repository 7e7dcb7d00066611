//go:build !purego

package kernel

import "euryale/internal/isa"

// The kernels of AMX: products of tiles; the rest is that of AVX-512.

var amxSet = func() Set {
	s := avx512Set
	s.Tier = isa.AMX
	// Loading a configuration takes as long as a fifth of a tile of 1024 of depth: several tiles share one.
	s.Rows, s.Panels = 128, 2
	s.Depth = blockSteps * StepDepth
	s.CacheBytes = 1 << 20
	s.Rate = 1500e9
	s.Multiply = multiplyInAMX
	s.MultiplyDirect, s.MultiplyDirectWide = nil, nil // tiles leave their sums in memory
	return s
}()

// A tile of a has 16 steps of depth, and two have 32 rows.
const blockSteps, tileRows = 16, 32

// blocksAtOnce is how many blocks of 2×2 tiles assembly takes at a time, some 20 µs: it cannot be preempted, and the
// garbage collector waits for it.
const blocksAtOnce = 1 << 10

// fewRows is the most rows for which AVX-512 is as fast as tiles: memory is the limit.
const fewRows = 8

// multiplyInAMX multiplies in whole tiles of 64 of depth, and leaves other depths and few rows to AVX-512.
func multiplyInAMX(c []int32, a []uint8, lda int, b []int8, ldb, steps, rows, panels int) {
	if steps%blockSteps != 0 || rows <= fewRows {
		multiplyInVNNI(c, a, lda, b, ldb, steps, rows, panels)
		return
	}
	checkMultiply(c, a, lda, b, ldb, steps, rows, panels)
	blocks, count, rest := steps/blockSteps, rows/tileRows, rows%tileRows
	whole, upper := multiplyU8R32P2AMX, multiplyU8R16P2AMX
	switch {
	case panels == 1:
		whole, upper = multiplyU8R32P1AMX, multiplyU8R16P1AMX
	case rows <= tileRows:
		whole = multiplyU8R32P2StreamAMX
	}
	for count > 0 {
		n := min(count, max(1, blocksAtOnce/blocks))
		whole(&c[0], &a[0], lda, &b[0], ldb, blocks, n, &tileConfigs[tileRows])
		if count -= n; count == 0 && rest == 0 {
			return
		}
		c, a = c[n*tileRows*panels*PanelColumns:], a[n*tileRows*lda:]
	}
	if rest <= fewRows {
		multiplyInVNNI(c, a, lda, b, ldb, steps, rest, panels)
		return
	}
	if rest > 16 {
		upper = whole
	}
	upper(&c[0], &a[0], lda, &b[0], ldb, blocks, 1, &tileConfigs[rest])
}
