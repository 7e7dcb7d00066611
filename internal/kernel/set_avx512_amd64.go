//go:build !purego

package kernel

import (
	"math"
	"unsafe"

	"euryale/internal/isa"
)

// The kernels of AVX-512 with VNNI: products of bytes, and the output stage of most weights. The rest, which
// takes little of the time, is AVX2's.

var avx512Set = func() *Set {
	s := Set{
		Tier: isa.AVX512VNNI,
		Convert: Convert{
			MinMax:     minMaxInAVX512,
			QuantizeS8: quantizeInAVX512[int8],
			QuantizeU8: quantizeInAVX512[uint8],
		},
		ConvertTensors: ConvertTensors{QuantizeColumns: quantizeColumnsInAVX512, DequantizeColumns: dequantizeColumnsInAVX512},
		LeftPacking:    LeftPacking{SplitFixed: splitFixedInAVX512},
		Product: Product{
			Format: U8, Rows: 8 * vnniRows, Panels: vnniPanels, FewRows: vnniRows, FewPanels: vnniPanels + 1, Depth: StepDepth, Segments: true, CacheBytes: 512 << 10, Rate: 400e9, QuantizeRate: 5e9,
			CodeRows: codeRows, GroupBits: 8, GroupDepth: 1024, NibbleRows: 24,
			Multiply: multiplyInVNNI, MultiplyDequantize: multiplyDequantizeInVNNI, DecodeCodes: decodeBy(&codesVNNI), MultiplyCodes: multiplyCodesInVNNI,
			MultiplyGroups:     multiplyGroupsBy(codeGroupsVNNI, nibbleGroupsVNNI),
			MultiplyWideGroups: multiplyWideGroupsBy(wideGroupsVNNI),
		},
		Floats:      Floats{100e9, multiplyFloatsBy(floatsAVX512), multiplyHalvesBy(&halvesAVX512), multiplyChannelsInAVX512, moveRowsBy([...]asm{moveRows1AVX512, moveRows2AVX512})},
		Convolution: Convolution{true, multiplyPixelsInVNNI, gatherPixelsInAVX512, multiplyDepthwiseInVNNI, requantizeDepthwiseInVNNI},
		Elementwise: Elementwise{AddU8: addU8InAVX512},
		Arithmetic:  arithmeticAVX512,
		Pooling:     poolingAVX512,
		Epilogues:   Epilogues{dequantizeSumsInAVX512, requantizeSumsInAVX512, dequantizePlanesInAVX512},
		GroupEpilogues: GroupEpilogues{
			AccumulateGroup: accumulateBy(accumulateGroupAVX512), AccumulateWideGroup: accumulateWideBy(accumulateWideGroupAVX512),
		},
		Searching: Searching{Noise: noiseInAVX512},
		Counting:  Counting{countBinsBy(16, binNumbersAVX512)},
		Summing:   Summing{AddSquares: addSquaresBy(addSquaresAVX512), AddDifferences: addDifferencesBy(addDifferencesAVX512)},
	}
	if isa.HasVBMI() {
		s.LookUp, s.GatherPixels = lookUpInVBMI, gatherPixelsInVBMI
	}
	return s.above(avx2Set)
}()

func lookUpInVBMI(dst, src []uint8, table *[256]uint8) {
	dst = dst[:len(src)]
	for first := 0; first < len(src); first += atOnce {
		n := min(atOnce, len(src)-first)
		lookUpVBMI(&dst[first], &src[first], (n+block-1)/block, ^uint64(0)>>(-n&(block-1)), &table[0])
	}
}

// block is the fewest elements that the kernels of real values take.
const block = 64

// streamedCodes is from how many elements on quantize stores past the caches: 4 MB.
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

func quantizeInAVX512[C Code](dst []C, src []float32, a Affine) (allFinite bool) {
	low, high := float32(a.Low-a.Zero), float32(a.High-a.Zero)
	round := nearestTo(a.Scale, low, high)
	n := len(src)
	if n < block || !round.valid {
		return quantizeInAVX2(dst, src, a)
	}
	dst = dst[:n]
	raise, flip := raised(isSigned[C]())
	bad, first := false, 0
	run := func(count, stream int) {
		if quantizeAVX512((*uint8)(unsafe.Pointer(&dst[first])), &src[first], count, a.Scale,
			round.lower, round.upper, round.least, round.most, low, high, a.Zero+raise, flip, stream) {
			bad = true
		}
	}
	if n >= streamedCodes {
		run(block, 0)
		first = int(-uintptr(unsafe.Pointer(&dst[0])) % block)
		for ; n-first >= atOnce; first += atOnce {
			run(atOnce, 1)
		}
	}
	for ; first < n; first += atOnce {
		first = min(first, n-block)
		run(min(atOnce, n-first), 0)
	}
	return !bad
}

// addU8InAVX512 takes whole vectors: dst may be an operand, so none reaches back.
func addU8InAVX512(dst, x, y []uint8, ax, ay, a Affine) {
	low, high := float32(a.Low-a.Zero), float32(a.High-a.Zero)
	round, n := nearestTo(a.Scale, low, high), len(dst)/block*block
	if !round.valid {
		n = 0
	}
	x, y = x[:len(dst)], y[:len(dst)]
	for first := 0; first < n; first += atOnce {
		addU8AVX512(&dst[first], &x[first], &y[first], min(atOnce, n-first), ax.Scale, ay.Scale, a.Scale,
			round.lower, round.upper, round.least, round.most, low, high, ax.Zero, ay.Zero, a.Zero)
	}
	addU8InAVX2(dst[n:], x[n:], y[n:], ax, ay, a)
}

// raised returns what makes a quantized value an unsigned byte: what is added to it, and the bits that are
// flipped back in the bytes then.
func raised(signed bool) (raise int32, flip uint32) {
	if signed {
		return 128, 0x80808080
	}
	return 0, 0
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

// The largest tile of a product.
const (
	vnniRows   = 8
	vnniPanels = 3
)

var (
	codeGroupsVNNI   = groupForm{PanelColumns, []groupKernel{{1, 4, []asm{multiplyGroupsR4P1VNNI, multiplyGroupsR4P2VNNI, multiplyGroupsR4P3VNNI}}}}
	nibbleGroupsVNNI = groupForm{PanelColumns, []groupKernel{{1, 1, []asm{multiplyNibblesR1VNNI}}, {2, 2, []asm{multiplyNibblesR2VNNI}}, {4, 8, []asm{multiplyNibblesR8VNNI}}}}
	wideGroupsVNNI   = [2]groupForm{
		{PanelColumns, []groupKernel{{1, 2, []asm{multiply2PlanesR2P1VNNI, multiply2PlanesR2P2VNNI}}}},
		{PanelColumns, []groupKernel{{1, 2, []asm{multiply3PlanesR2P1VNNI, multiply3PlanesR2P2VNNI}}}},
	}
)
