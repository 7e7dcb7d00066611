package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// valuesAhead is how many bytes ahead of their use real values are fetched.
const valuesAhead = 2048

// affine loads one map of package kernel: its clamp is on the other side of the zero point, as floats.
func affine(maps reg.GPVirtual, scale, zero, low, high reg.VecVirtual) {
	VBROADCASTSS(at(maps, 0), scale)
	VPBROADCASTD(at(maps, 4), zero)
	for i, v := range []reg.VecVirtual{low, high} {
		VPBROADCASTD(at(maps, 8+4*i), v)
		VPSUBD(zero, v, v)
		VCVTDQ2PS(v, v)
	}
	ADDQ(Imm(16), maps)
}

// lowBytes16 keeps the lower byte of words, which makes bytes of signed integers too.
func lowBytes16() reg.VecVirtual { return constant("lowBytes16", 0x00ff00ff) }

func avx2Quantize() {
	function("quantizeAVX2", "dst *uint8, src *float32, maps *uint8, blocks, size int) (bad bool",
		"quantizeAVX2 works like quantizeBlocksGeneric for blocks > 0 and size > 0, a multiple of 32. It returns true where a value is not finite.")
	dst, src, maps, blocks, size := arg("dst"), arg("src"), arg("maps"), arg("blocks"), arg("size")
	scale, zero, low, high := YMM(), YMM(), YMM(), YMM()
	mask, order := lowBytes16(), packedOrder()
	x := []reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}
	nothing, odd, bad, n := YMM(), ymm.zero(), GP8(), GP64()
	loop("blocks", blocks, 1, func() {
		affine(maps, scale, zero, low, high)
		MOVQ(size, n)
		loop("values", n, 32, func() {
			PREFETCHT0(at(src, valuesAhead))
			PREFETCHT0(at(src, valuesAhead+64))
			for i, v := range x {
				VMOVUPS(at(src, 32*i), v)
				VSUBPS(v, v, nothing) // NaN of what is not finite
				VORPS(nothing, odd, odd)
				VDIVPS(scale, v, v)
				toIntegers(v, low, high)
				VPADDD(zero, v, v)
			}
			packCodes(x, mask, order)
			VMOVDQU(x[0], at(dst, 0))
			ADDQ(Imm(128), src)
			ADDQ(Imm(32), dst)
		})
	})
	VPTEST(odd, odd)
	SETNE(bad)
	Store(bad, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// avx2Dequantize takes signed values as unsigned ones with the highest bit flipped. It stores past the caches
// where stream is not 0: what is too big for them would be read first to be overwritten.
func avx2Dequantize() {
	function("dequantizeAVX2", "dst *float32, src *uint8, maps *uint8, blocks, size int, flip uint32, stream int",
		"dequantizeAVX2 works like dequantizeBlocksGeneric for blocks > 0 and size > 0, a multiple of 32. flip is 128 for signed values, 0 for others. Where stream is not 0, dst is at a multiple of 32 bytes.")
	dst, src, maps, blocks, size, stream := arg("dst"), arg("src"), arg("maps"), arg("blocks"), arg("size"), arg("stream")
	flip, scale, zero, n := ymm.repeat("flip"), YMM(), YMM(), GP64()
	largest, least := finites()
	x := []reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}
	loop("blocks", blocks, 1, func() {
		VBROADCASTSS(at(maps, 0), scale)
		VPBROADCASTD(at(maps, 4), zero)
		VPADDD(flip, zero, zero)
		ADDQ(Imm(16), maps)
		MOVQ(size, n)
		Label("codes")
		for i, v := range x {
			VPMOVZXBD(at(src, 8*i), v)
			VPXOR(flip, v, v) // the zero point is by as much higher
			toReal(v, zero, scale, largest, least)
		}
		TESTQ(stream, stream)
		JNZ(LabelRef("past"))
		for i, v := range x {
			VMOVUPS(v, at(dst, 32*i))
		}
		Label("next")
		ADDQ(Imm(32), src)
		ADDQ(Imm(128), dst)
		SUBQ(Imm(32), n)
		JNZ(LabelRef("codes"))
	})
	TESTQ(stream, stream)
	JZ(LabelRef("stored"))
	SFENCE()
	Label("stored")
	VZEROUPPER()
	RET()
	Label("past")
	for i, v := range x {
		VMOVNTPS(v, at(dst, 32*i))
	}
	JMP(LabelRef("next"))
}

// finites returns the ends of the finite values.
func finites() (largest, least reg.VecVirtual) {
	return constant("largest", math.Float32bits(math.MaxFloat32)), constant("least", math.Float32bits(-math.MaxFloat32))
}

// toReal turns quantized values into real ones.
func toReal(x, zero, scale, largest, least reg.VecVirtual) {
	VPSUBD(zero, x, x)
	VCVTDQ2PS(x, x)
	VMULPS(scale, x, x)
	VMINPS(largest, x, x)
	VMAXPS(least, x, x)
}

// avx2AddU8 adds quantized values as real ones.
func avx2AddU8() {
	function("addU8AVX2", "dst, x, y *uint8, n int, scaleX, scaleY, scale, low, high float32, zeroX, zeroY, zero int32",
		"addU8AVX2 sets dst[i] = clamp(RNE((scaleX·(x[i] − zeroX) + scaleY·(y[i] − zeroY))/scale), low, high) + zero, which a byte holds, for n > 0, a multiple of 32.")
	dst, x, y, n := arg("dst"), arg("x"), arg("y"), arg("n")
	terms := []struct {
		from        reg.GPVirtual
		scale, zero reg.VecVirtual
	}{
		{x, broadcast("scaleX", broadcastPS), broadcast("zeroX", broadcastPS)},
		{y, broadcast("scaleY", broadcastPS), broadcast("zeroY", broadcastPS)},
	}
	scale, low, high := broadcast("scale", broadcastPS), broadcast("low", broadcastPS), broadcast("high", broadcastPS)
	zero := broadcast("zero", broadcastPS)
	order := packedOrder()
	sums, term := []reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}, YMM()
	loop("codes", n, 32, func() {
		for i, sum := range sums {
			for j, t := range terms {
				to := []reg.VecVirtual{sum, term}[j]
				VPMOVZXBD(at(t.from, 8*i), to)
				VPSUBD(t.zero, to, to)
				VCVTDQ2PS(to, to)
				VMULPS(t.scale, to, to)
			}
			VADDPS(term, sum, sum)
			VDIVPS(scale, sum, sum)
			toIntegers(sum, low, high)
			VPADDD(zero, sum, sum)
		}
		packBytes(sums, order)
		VMOVDQU(sums[0], at(dst, 0))
		ADDQ(Imm(32), x)
		ADDQ(Imm(32), y)
		ADDQ(Imm(32), dst)
	})
	VZEROUPPER()
	RET()
}

// packedOrder returns the order of the dwords that storeBytes has packed, as packing works within halves of a
// vector.
func packedOrder() reg.VecVirtual { return constant("dwords", 0, 4, 1, 5, 2, 6, 3, 7) }

// packBytes packs 32 dwords, which unsigned bytes hold, into x[0].
func packBytes(x []reg.VecVirtual, order reg.VecVirtual) {
	VPACKSSDW(x[1], x[0], x[0])
	VPACKSSDW(x[3], x[2], x[2])
	VPACKUSWB(x[2], x[0], x[0])
	VPERMD(x[0], order, x[0])
}

// packCodes packs 32 integers, which signed or unsigned bytes hold, into x[0].
func packCodes(x []reg.VecVirtual, mask, order reg.VecVirtual) {
	VPACKSSDW(x[1], x[0], x[0])
	VPACKSSDW(x[3], x[2], x[2])
	VPAND(mask, x[0], x[0])
	VPAND(mask, x[2], x[2])
	VPACKUSWB(x[2], x[0], x[0])
	VPERMD(x[0], order, x[0])
}

// avx2SplitU8 serves the sets that take planes of bytes. It goes through the planes with what is left of the
// integers.
func avx2SplitU8() {
	function("splitU8AVX2", "dst *uint8, stride int, x *int32, n, planes int, offset int32", "splitU8AVX2 works like splitU8Generic for n > 0, a multiple of 32.")
	dst, stride, x, n := arg("dst"), arg("stride"), arg("x"), arg("n")
	offset, mask, order := ymm.repeat("offset"), constant("lowBytes", 0xff), packedOrder()
	to, left := GP64(), GP64()
	v := []reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}
	w := []reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}
	loop("integers", n, 32, func() {
		for i := range v {
			VPADDD(at(x, 32*i), offset, v[i])
		}
		MOVQ(dst, to)
		Load(Param("planes"), left)
		loop("planes", left, 1, func() {
			for i := range v {
				VPAND(mask, v[i], w[i])
				VPSRLD(Imm(8), v[i], v[i])
			}
			packBytes(w, order)
			VMOVDQU(w[0], at(to, 0))
			ADDQ(stride, to)
		})
		ADDQ(Imm(128), x)
		ADDQ(Imm(32), dst)
	})
	VZEROUPPER()
	RET()
}
