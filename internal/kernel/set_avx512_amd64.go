//go:build !purego

package kernel

import (
	"math"
	"unsafe"

	"euryale/internal/isa"
)

// The kernels of AVX-512 with VNNI: products of bytes, and the output stage of most weights. The rest, which takes
// little of the time, is AVX2's.

var avx512Set = func() Set {
	s := avx2Set
	s.Tier, s.Wide = isa.AVX512VNNI, false
	s.Rows, s.Panels = 6*len(multiplyVNNITable), len(multiplyVNNITable[0])
	s.Rate, s.QuantizeRate = 400e9, 5e9
	s.CacheBytes = 512 << 10
	s.QuantizeS8 = quantizeByAVX512(quantizeS8AVX512, quantizeStreamS8AVX512)
	s.QuantizeU8 = quantizeByAVX512(quantizeU8AVX512, quantizeStreamU8AVX512)
	s.MinMax = minMaxInAVX512
	s.SplitFixed = splitFixedInAVX512
	s.Multiply = multiplyInVNNI
	s.MultiplyLanes = multiplyLanesInVNNI
	s.Lanes = lanesInAVX512
	s.MultiplyDepthwise = multiplyDepthwiseInVNNI
	if isa.HasVBMI() {
		s.LookUp = lookUpInVBMI
	}
	s.MultiplyDirect = multiplyDirectInVNNI
	s.MultiplyDirectWide = multiplyDirectWideInVNNI
	s.Direct = directBy(directAVX512)
	s.DirectWide = directWideBy(directWide1AVX512, directWide2AVX512, directWide3AVX512)
	return s
}()

// multiplyDepthwiseInVNNI takes four pixels at a time; the last four reach back.
func multiplyDepthwiseInVNNI(c []int32, x []uint8, step int, offsets []int, b []int8, pixels int) {
	const together = 4
	if pixels < together || len(offsets) > mostTaps {
		multiplyDepthwiseInAVX2(c, x, step, offsets, b, pixels)
		return
	}
	var t taps
	steps, reach := t.set(offsets)
	c, x, b = c[:pixels*PanelColumns], x[:(pixels-1)*step+reach], b[:steps*StepBytes]
	for first, fours := 0, 0; first < pixels; first += together * fours {
		first = min(first, pixels-together)
		fours = min(pixelsAtOnce(steps), pixels-first) / together
		multiplyDepthwiseVNNI(&c[first*PanelColumns], &x[first*step], step, &t[0], steps, &b[0], fours)
	}
}

func lookUpInVBMI(dst, src []uint8, table *[256]uint8) {
	dst = dst[:len(src)]
	for first := 0; first < len(src); first += atOnce {
		n := min(atOnce, len(src)-first)
		lookUpVBMI(&dst[first], &src[first], (n+block-1)/block, ^uint64(0)>>(-n&(block-1)), &table[0])
	}
}

// block is the least that the kernels of numbers take.
const block = 64

// streamedCodes is from how many codes on quantize stores past the caches: 4 MB.
const streamedCodes = 4 << 20

func minMaxInAVX512(src []float32) (low, high float32, bad int) {
	if len(src) < block {
		return minMaxInAVX2(src)
	}
	low, high = math.MaxFloat32, -math.MaxFloat32
	var top float32
	for first, n := 0, len(src); first < n; first += atOnce {
		var lanes [3][4]float32
		first = min(first, n-block)
		minMaxAVX512(&lanes, &src[first], min(atOnce, n-first))
		for i := range lanes[0] {
			low, high, top = min(low, lanes[0][i]), max(high, lanes[1][i]), max(top, lanes[2][i])
		}
	}
	if top-top != 0 {
		return minMaxGeneric(src)
	}
	return low + 0, high + 0, -1
}

type quantizeAsm[C Code] func(dst *C, src *float32, n int, scale, inverse, low, high float32, zero int32)

// quantizeByAVX512 returns Set.QuantizeS8 or QuantizeU8 by assembly, of which stream is for much.
func quantizeByAVX512[C Code](asm, stream quantizeAsm[C]) func(dst []C, src []float32, a Affine) {
	return func(dst []C, src []float32, a Affine) {
		inverse := 1 / a.Scale // imprecise if it is not a normal number, but no quotient passes 4 then
		if len(src) < block || inverse-inverse != 0 {
			quantizeInAVX2(dst, src, a)
			return
		}
		n := len(src)
		dst = dst[:n]
		run := func(asm quantizeAsm[C], first, count int) {
			asm(&dst[first], &src[first], count, a.Scale, inverse, float32(a.Low-a.Zero), float32(a.High-a.Zero), a.Zero)
		}
		first := 0
		if n >= streamedCodes {
			run(asm, 0, block)
			first = int(-uintptr(unsafe.Pointer(&dst[0])) % block)
			for ; n-first >= atOnce; first += atOnce {
				run(stream, first, atOnce)
			}
		}
		for ; first < n; first += atOnce {
			first = min(first, n-block)
			run(asm, first, min(atOnce, n-first))
		}
	}
}

// splitFixedInAVX512 takes a row, which is short enough for one call.
func splitFixedInAVX512(dst []uint8, stride int, src []float32, e int, o Operand) {
	n := len(src)
	if n < block {
		splitFixedGeneric(dst, stride, src, e, o)
		return
	}
	_ = dst[(o.Planes-1)*stride:][:n]
	scale1, scale2, high := fixedFactors(e, 8*o.Planes)
	split := splitFixed3AVX512
	if o.Planes == 2 {
		split = splitFixed2AVX512
	}
	split(&dst[0], stride, &src[0], n, scale1, scale2, -high, high, o.Offset)
}

// Tables of kernels for some rows and panels, less one of each.
type (
	multiplyAsm           func(c *int32, a *uint8, lda int, b *int8, ldb, steps int)
	multiplyDirectAsm     func(dst *float32, stride int, a *uint8, lda int, gaps *int, runs int, b *int8, ldb, steps int, u, v *int32, scales, r, bias *float32, floor float32)
	multiplyDirectWideAsm func(dst *float32, stride int, a *uint8, lda, plane int, gaps *int, runs int, b *int8, ldb, steps int, base float64, u *float64, v *int32, scales *float32, r *float64, bias *float32, floor float32)
)

var multiplyVNNITable = [...][3]multiplyAsm{
	{multiplyU8R1P1VNNI, multiplyU8R1P2VNNI, multiplyU8R1P3VNNI},
	{multiplyU8R2P1VNNI, multiplyU8R2P2VNNI, multiplyU8R2P3VNNI},
	{multiplyU8R3P1VNNI, multiplyU8R3P2VNNI, multiplyU8R3P3VNNI},
	{multiplyU8R4P1VNNI, multiplyU8R4P2VNNI, multiplyU8R4P3VNNI},
	{multiplyU8R5P1VNNI, multiplyU8R5P2VNNI, multiplyU8R5P3VNNI},
	{multiplyU8R6P1VNNI, multiplyU8R6P2VNNI, multiplyU8R6P3VNNI},
	{multiplyU8R7P1VNNI, multiplyU8R7P2VNNI, multiplyU8R7P3VNNI},
	{multiplyU8R8P1VNNI, multiplyU8R8P2VNNI, multiplyU8R8P3VNNI},
}

var multiplyDirectVNNITable = [...][3]multiplyDirectAsm{
	{multiplyDirectR1P1VNNI, multiplyDirectR1P2VNNI, multiplyDirectR1P3VNNI},
	{multiplyDirectR2P1VNNI, multiplyDirectR2P2VNNI, multiplyDirectR2P3VNNI},
	{multiplyDirectR3P1VNNI, multiplyDirectR3P2VNNI, multiplyDirectR3P3VNNI},
	{multiplyDirectR4P1VNNI, multiplyDirectR4P2VNNI, multiplyDirectR4P3VNNI},
	{multiplyDirectR5P1VNNI, multiplyDirectR5P2VNNI, multiplyDirectR5P3VNNI},
	{multiplyDirectR6P1VNNI, multiplyDirectR6P2VNNI, multiplyDirectR6P3VNNI},
	{multiplyDirectR7P1VNNI, multiplyDirectR7P2VNNI, multiplyDirectR7P3VNNI},
	{multiplyDirectR8P1VNNI, multiplyDirectR8P2VNNI, multiplyDirectR8P3VNNI},
}

// multiplyDirectWideVNNITables are for 2 planes and for 3.
var multiplyDirectWideVNNITables = [...][][3]multiplyDirectWideAsm{
	{
		{multiplyDirectWide2R1P1VNNI, multiplyDirectWide2R1P2VNNI, multiplyDirectWide2R1P3VNNI},
		{multiplyDirectWide2R2P1VNNI, multiplyDirectWide2R2P2VNNI, multiplyDirectWide2R2P3VNNI},
		{multiplyDirectWide2R3P1VNNI, multiplyDirectWide2R3P2VNNI, multiplyDirectWide2R3P3VNNI},
		{multiplyDirectWide2R4P1VNNI, multiplyDirectWide2R4P2VNNI, multiplyDirectWide2R4P3VNNI},
	},
	{
		{multiplyDirectWide3R1P1VNNI, multiplyDirectWide3R1P2VNNI, multiplyDirectWide3R1P3VNNI},
		{multiplyDirectWide3R2P1VNNI, multiplyDirectWide3R2P2VNNI, multiplyDirectWide3R2P3VNNI},
	},
}

// multiplyInVNNI takes any number of rows, as many at a time as there are registers for.
func multiplyInVNNI(c []int32, a []uint8, lda int, b []int8, ldb, steps, rows, panels int) {
	const most = len(multiplyVNNITable)
	checkMultiply(c, a, lda, b, ldb, steps, rows, panels)
	for ; rows > most; rows -= most {
		multiplyVNNITable[most-1][panels-1](&c[0], &a[0], lda, &b[0], ldb, steps)
		c, a = c[most*panels*PanelColumns:], a[most*lda:]
	}
	multiplyVNNITable[rows-1][panels-1](&c[0], &a[0], lda, &b[0], ldb, steps)
}

// multiplyDirectInVNNI likewise, as evenly as can be.
func multiplyDirectInVNNI(dst []float32, stride int, a []uint8, lda int, gaps []int, b []int8, ldb, steps, panels int, u, v []int32, scales, r, bias []float32, floor float32, lines, step int) {
	if lines < 1 || lines > 1 && step < 0 {
		panic("kernel: MultiplyDirect: lengths do not go together")
	}
	last := lines - 1
	checkMultiplyDirect(len(dst)-last*len(u)*stride, stride, len(a)-last*step, lda, 0, gaps, len(b), ldb, steps, len(u), panels, 1, len(v), len(scales), len(r), len(bias))
	const most = len(multiplyDirectVNNITable)
	for line := range lines {
		for first, left := 0, (len(u)+most-1)/most; left > 0; left-- {
			rows := (len(u) - first + left - 1) / left
			multiplyDirectVNNITable[rows-1][panels-1](&dst[(line*len(u)+first)*stride], 4*stride, &a[line*step+first*lda], lda, unsafe.SliceData(gaps), len(gaps)+1,
				&b[0], ldb, steps, &u[first], &v[0], &scales[0], &r[first], &bias[0], floor)
			first += rows
		}
	}
}

// multiplyDirectWideInVNNI likewise.
func multiplyDirectWideInVNNI(dst []float32, stride int, a []uint8, lda, plane int, gaps []int, b []int8, ldb, steps, panels, planes int, base float64, u []float64, v []int32, scales []float32, r []float64, bias []float32, floor float32) {
	checkMultiplyDirect(len(dst), stride, len(a), lda, plane, gaps, len(b), ldb, steps, len(u), panels, planes, len(v), len(scales), len(r), len(bias))
	table := multiplyDirectWideVNNITables[planes-2]
	for left := (len(u) + len(table) - 1) / len(table); left > 0; left-- {
		rows := (len(u) + left - 1) / left
		table[rows-1][panels-1](&dst[0], 4*stride, &a[0], lda, plane, unsafe.SliceData(gaps), len(gaps)+1, &b[0], ldb, steps, base, &u[0], &v[0], &scales[0], &r[0], &bias[0], floor)
		if left > 1 {
			dst, a, u, r = dst[rows*stride:], a[rows*lda:], u[rows:], r[rows:]
		}
	}
}

// checkMultiply panics where lengths of byte operands do not go together, a bug of the caller.
func checkMultiply(c []int32, a []uint8, lda int, b []int8, ldb, steps, rows, panels int) {
	if steps < 1 || rows < 1 || panels < 1 || len(c) < rows*panels*PanelColumns || len(a) < (rows-1)*lda+steps*StepDepth || len(b) < (panels-1)*ldb+steps*StepBytes {
		panic("kernel: Multiply: lengths do not go together")
	}
}

// checkMultiplyDirect likewise.
func checkMultiplyDirect(dst, stride, a, lda, plane int, gaps []int, b, ldb, steps, rows, panels, planes, v, scales, r, bias int) {
	columns, runs := panels*PanelColumns, len(gaps)+1
	row := runs * steps * StepDepth
	for _, gap := range gaps {
		row += gap
	}
	if steps < 1 || rows < 1 || panels < 1 || dst < (rows-1)*stride+columns || a < (planes-1)*plane+(rows-1)*lda+row ||
		b < (panels-1)*ldb+runs*steps*StepBytes || v < columns || scales < columns || r < rows || bias < columns {
		panic("kernel: MultiplyDirect: lengths do not go together")
	}
}
