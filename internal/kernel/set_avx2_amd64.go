//go:build !purego

package kernel

import (
	"crypto/subtle"
	"math"
	"slices"
	"unsafe"

	"euryale/internal/half"
	"euryale/internal/isa"

	"golang.org/x/sys/cpu"
)

// The kernels of AVX2. Each Go function here checks lengths, leaves to the generic function what is not a
// whole vector, and the rest to assembly.

var avx2Set = Set{
	Tier:    isa.AVX2,
	Convert: Convert{minMaxInAVX2, quantizeInAVX2[int8], quantizeInAVX2[uint8], dequantizeInAVX2[int8], dequantizeInAVX2[uint8], decodeInAVX2},
	ConvertTensors: ConvertTensors{
		quantizeGridInAVX2, dequantizeGridInAVX2, minMaxBlocksInAVX2, encodeInAVX2, quantizeBlocksInAVX2, dequantizeBlocksInAVX2,
		minMaxColumnsInAVX2, quantizeColumnsInAVX2, dequantizeColumnsInAVX2, quantizeGridColumnsInAVX2, dequantizeGridColumnsInAVX2,
	},
	LeftPacking: LeftPacking{quantizeIntsInAVX2, quantizeFixedInAVX2, subtractZeroPointInAVX2, splitU8InAVX2, splitS16InAVX2, splitFixedInAVX2},
	Product: Product{
		Format: S16, Rows: 12 * avx2Rows, Panels: 1, Depth: StepDepth, CacheBytes: 256 << 10, Rate: 80e9, QuantizeRate: 1e9,
		CodeRows: 2, GroupBits: 4, GroupDepth: 1024, NibbleRows: 2,
		Multiply: multiplyInAVX2, MultiplyDequantize: dequantizeAfter(multiplyInAVX2, dequantizeSumsInAVX2), Unpack: unpackInAVX2,
		DecodeCodes: decodeBy(&codesAVX2), MultiplyCodes: multiplyCodesInAVX2,
		MultiplyGroups: multiplyGroupsBy(codeGroupsAVX2, nibbleGroupsAVX2), MultiplyWideGroups: multiplyWideGroupsBy(wideGroupsAVX2),
	},
	Floats:         Floats{50e9, multiplyFloatsBy(floatsAVX2), multiplyHalvesBy(&halvesAVX2), multiplyChannelsInAVX2, moveRowsBy([...]asm{moveRows1AVX2, moveRows2AVX2})},
	Convolution:    Convolution{MultiplyDepthwise: multiplyDepthwiseInAVX2, RequantizeDepthwise: requantizeDepthwiseInAVX2},
	Elementwise:    Elementwise{maxWindowsInAVX2, addU8InAVX2, lookUpInAVX2, transposeBy(transposeAVX2), transposeU8InAVX2},
	Arithmetic:     arithmeticAVX2,
	Pooling:        poolingAVX2,
	Epilogues:      Epilogues{dequantizeSumsInAVX2, requantizeSumsInAVX2, dequantizePlanesInAVX2},
	GroupEpilogues: GroupEpilogues{addSumsInAVX2, accumulateBy(accumulateGroupAVX2), accumulateWideBy(accumulateWideGroupAVX2), finishInAVX2, finishWideInAVX2},
	Searching:      Searching{noiseInAVX2, crossingsInAVX2, walkInAVX2},
	Counting:       Counting{countBinsBy(8, binNumbersInAVX2)},
	Summing:        Summing{addSquaresBy(addSquaresAVX2), addDifferencesBy(addDifferencesAVX2), addRowsOffInAVX2},
}.above(&generic)

var (
	codeGroupsAVX2   = groupForm{PanelColumns, []groupKernel{{1, 1, []asm{multiplyGroupsR1P1AVX2}}, {2, 2, []asm{multiplyGroupsR2P1AVX2}}}}
	nibbleGroupsAVX2 = groupForm{PanelColumns, []groupKernel{{1, 1, []asm{multiplyNibblesR1AVX2}}, {2, 2, []asm{multiplyNibblesR2AVX2}}}}
	wideGroupsAVX2   = [2]groupForm{
		{PanelColumns / 2, []groupKernel{{1, 2, []asm{multiply2PlanesR2P1AVX2}}}},
		{PanelColumns / 2, []groupKernel{{1, 2, []asm{multiply3PlanesR2P1AVX2}}}},
	}
)

// avx2Rows is the most rows of a tile.
const avx2Rows = 5

// multiplyInAVX2 takes any number of rows of a panel, as many at a time as there are registers for.
func multiplyInAVX2(sums []int32, a *Left, b *Right) {
	checkMultiply(sums, a, b, 2)
	if b.Panels > 1 || a.Lines > 1 || len(a.Gaps) > 0 {
		multiplyS16Generic(sums, a, b)
		return
	}
	eachPlane(a, func(data []uint8, rows int) {
		for rows > 0 {
			n := min(avx2Rows, rows)
			multiplyS16AVX2(&sums[0], &data[0], a.Stride, &b.Codes[0], a.Steps, n)
			if rows -= n; rows > 0 {
				data = data[n*a.Stride:]
			}
			sums = sums[n*PanelColumns:]
		}
	})
}

// eachPlane calls do for the rows of each plane, or for all of them at once where planes follow one another
// as rows do.
func eachPlane(a *Left, do func(data []uint8, rows int)) {
	if a.Planes > 1 && a.Plane == a.Rows*a.Stride {
		do(a.Data, a.Planes*a.Rows)
		return
	}
	for p := range a.Planes {
		do(a.Data[p*a.Plane:], a.Rows)
	}
}

func maxWindowsInAVX2(dst, src []uint8, offsets []int, n, pixels, step int) {
	if n < 16 || pixels < 1 {
		maxWindowsGeneric(dst, src, offsets, n, pixels, step)
		return
	}
	_, _ = dst[:pixels*n], src[:(pixels-1)*step+slices.Max(offsets)+n]
	maxWindowsAVX2(&dst[0], &src[0], &offsets[0], len(offsets), n, pixels, step)
}

func addU8InAVX2(dst, x, y []uint8, ax, ay, a Affine) {
	x, y = x[:len(dst)], y[:len(dst)]
	n := len(dst) / 32 * 32
	low, high := float32(a.Low-a.Zero), float32(a.High-a.Zero)
	for first := 0; first < n; first += atOnce {
		addU8AVX2(&dst[first], &x[first], &y[first], min(atOnce, n-first), ax.Scale, ay.Scale, a.Scale, low, high, ax.Zero, ay.Zero, a.Zero)
	}
	addU8Generic(dst[n:], x[n:], y[n:], ax, ay, a)
}

func lookUpInAVX2(dst, src []uint8, table *[256]uint8) {
	dst = dst[:len(src)]
	n := len(src) / 64 * 64
	if n > 0 {
		differences := *table
		for half := 0; half < len(table); half += 128 {
			subtle.XORBytes(differences[half+16:half+128], table[half+16:half+128], table[half:])
		}
		for first := 0; first < n; first += atOnce {
			lookUpAVX2(&dst[first], &src[first], min(atOnce, n-first), &differences[0])
		}
	}
	lookUpGeneric(dst[n:], src[n:], table)
}

func unpackInAVX2(dst []int8, src []uint8) {
	if n := len(src) / StepBytes * StepBytes; n > 0 {
		dst = dst[:2*n]
		unpackAVX2(&dst[0], &src[0], n)
	}
}

func decodeInAVX2(dst []float32, src []uint16, f half.Format) {
	dst = dst[:len(src)]
	n := len(src) / 8 * 8
	switch {
	case n == 0:
	case f.Max == half.MaxBFloat16:
		decodeBFloat16AVX2(&dst[0], &src[0], n)
	case cpu.X86.HasF16C:
		decodeFloat16AVX2(&dst[0], &src[0], n)
	default:
		n = 0
	}
	decodeGeneric(dst[n:], src[n:], f)
}

func minMaxInAVX2(src []float32) (low, high float32, bad int) {
	n := len(src) / 16 * 16
	low, high, bad = minMaxGeneric(src[n:])
	for first := 0; first < n; first += atOnce {
		var least, most float32
		var odd uint32
		minMaxBlocksAVX2(&least, &most, &src[first], 1, min(atOnce, n-first), &odd)
		if bad >= 0 || odd != 0 {
			return minMaxGeneric(src)
		}
		low, high = min(low, least), max(high, most)
	}
	return low, high, bad
}

func quantizeIntsInAVX2(dst []int32, src []float32, a Affine) {
	dst = dst[:len(src)]
	n := len(src) / 8 * 8
	if n > 0 {
		quantizeIntsAVX2(&dst[0], &src[0], n, a.Scale, float32(a.Low-a.Zero), float32(a.High-a.Zero))
	}
	quantizeIntsGeneric(dst[n:], src[n:], a)
}

func quantizeFixedInAVX2(dst []int32, src []float32, e, bits int) {
	dst = dst[:len(src)]
	n := len(src) / 8 * 8
	if n > 0 {
		scale1, scale2, high := fixedFactors(e, bits)
		quantizeFixedAVX2(&dst[0], &src[0], n, scale1, scale2, -high, high)
	}
	quantizeFixedGeneric(dst[n:], src[n:], e, bits)
}

// fixedFactors returns factors of 2^e, and the largest integer of some bits. 2^e may be beyond a float32; its
// halves are not. A product with the first that is not exact is so small that it becomes 0.
func fixedFactors(e, bits int) (scale1, scale2, high float32) {
	return float32(math.Ldexp(1, e/2)), float32(math.Ldexp(1, e-e/2)), float32(int32(1)<<(bits-1) - 1)
}

func subtractZeroPointInAVX2(dst []int32, src []uint8, zero int32) {
	dst = dst[:len(src)]
	n := len(src) / 8 * 8
	if n > 0 {
		subtractZeroPointAVX2(&dst[0], &src[0], n, zero)
	}
	subtractZeroPointGeneric(dst[n:], src[n:], zero)
}

func splitS16InAVX2(dst []uint8, stride int, x []int32, planes int) {
	n := len(x) / 16 * 16
	if n > 0 {
		_ = dst[(planes-1)*stride:][:2*n]
		splitS16AVX2(&dst[0], stride, &x[0], n, planes)
	}
	splitS16Generic(dst[2*n:], stride, x[n:], planes)
}

func splitU8InAVX2(dst []uint8, stride int, x []int32, planes int, offset int32) {
	n := len(x) / 32 * 32
	if n > 0 {
		_ = dst[(planes-1)*stride:][:n]
		splitU8AVX2(&dst[0], stride, &x[0], n, planes, offset)
	}
	splitU8Generic(dst[n:], stride, x[n:], planes, offset)
}

func quantizeInAVX2[C Code](dst []C, src []float32, a Affine) (allFinite bool) {
	dst = dst[:len(src)]
	n := len(src) / 32 * 32
	bad := false
	for first := 0; first < n; first += atOnce {
		if quantizeAVX2((*uint8)(unsafe.Pointer(&dst[first])), &src[first], a.asm(), 1, min(atOnce, n-first)) {
			bad = true
		}
	}
	return quantizeGeneric(dst[n:], src[n:], a) && !bad
}

// asm returns the first of some maps for assembly.
func (a *Affine) asm() *uint8 { return (*uint8)(unsafe.Pointer(a)) }

// flipped returns the bits of a byte that make a quantized value unsigned.
func flipped(signed bool) uint32 {
	if signed {
		return 128
	}
	return 0
}

// atOnce is how many elements assembly takes at a time where callers give whole tensors: it cannot be
// preempted, and the garbage collector waits for it.
const atOnce = 1 << 16

// streamed is from how many elements on dequantize stores past the caches: 4 MB.
const streamed = 1 << 20

func dequantizeInAVX2[C Code](dst []float32, src []C, a Affine) {
	dst = dst[:len(src)]
	stream := len(src) >= streamed
	if stream {
		head := int(-uintptr(unsafe.Pointer(&dst[0])) % 32 / 4)
		dequantizeGeneric(dst[:head], src[:head], a)
		dst, src = dst[head:], src[head:]
	}
	n := len(src) / 32 * 32
	past := 0
	if stream {
		past = 1
	}
	flip := flipped(isSigned[C]())
	for first := 0; first < n; first += atOnce {
		dequantizeAVX2(&dst[first], (*uint8)(unsafe.Pointer(&src[first])), a.asm(), 1, min(atOnce, n-first), flip, past)
	}
	dequantizeGeneric(dst[n:], src[n:], a)
}

// transposeU8InAVX2 has a kernel for three rows of its own, since images often have three channels.
func transposeU8InAVX2(dst []uint8, stride int, src []uint8, n, columns, rows int) {
	if rows != 3 || stride != 3 || columns < 16 {
		transposeU8Blocks(dst, stride, src, n, columns, rows)
		return
	}
	dst, src = dst[:3*columns], src[:2*n+columns]
	interleave3AVX2(&dst[0], &src[0], n, columns/16*16)
	if columns%16 > 0 {
		interleave3AVX2(&dst[3*(columns-16)], &src[columns-16], n, 16)
	}
}

var transposeU8Blocks = transposeBy(transposeU8AVX2)

// transposeBy returns a kernel that transposes by assembly for blocks of 8×8, of which the last reach back.
func transposeBy[T float32 | uint8](asm func(dst *T, stride int, src *T, n, columns, rows int)) func(dst []T, stride int, src []T, n, columns, rows int) {
	size := int(unsafe.Sizeof(T(0)))
	return func(dst []T, stride int, src []T, n, columns, rows int) {
		if columns < 8 || rows < 8 {
			transposeGeneric(dst, stride, src, n, columns, rows)
			return
		}
		blocks := func(column, row, columns, rows int) {
			asm(&dst[column*stride+row], size*stride, &src[row*n+column], size*n, columns, rows)
		}
		_, _ = dst[:(columns-1)*stride+rows], src[:(rows-1)*n+columns]
		blocks(0, 0, columns/8*8, rows/8*8)
		if rows%8 > 0 {
			blocks(0, rows-8, columns/8*8, 8)
		}
		if columns%8 > 0 {
			blocks(columns-8, 0, 8, rows/8*8)
		}
		if rows%8 > 0 && columns%8 > 0 {
			blocks(columns-8, rows-8, 8, 8)
		}
	}
}
