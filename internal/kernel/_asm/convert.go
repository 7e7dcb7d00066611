package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// avx2Convert writes what turns whole tensors into quantized values and back, beside the kernels of bytes
// with zero points.
func avx2Convert() {
	avx2MinMaxBlocks()
	avx2QuantizeGrid()
	avx2DequantizeGrid()
	avx2MinMaxColumns()
	avx2QuantizeColumns()
	avx2DequantizeColumns()
	avx2QuantizeGridColumns()
	avx2DequantizeGridColumns()
	avx2EncodeFloat16()
	avx2EncodeBFloat16()
}

func avx2MinMaxBlocks() {
	function("minMaxBlocksAVX2", "low, high, src *float32, blocks, size int, bad *uint32",
		"minMaxBlocksAVX2 works like minMaxBlocksGeneric for blocks > 0 and size > 0, a multiple of 16. It sets bad to other than 0 where a value was not finite.")
	low, high, src, blocks, size, bad := arg("low"), arg("high"), arg("src"), arg("blocks"), arg("size"), arg("bad")
	ends, others := []reg.VecVirtual{YMM(), YMM()}, []reg.VecVirtual{YMM(), YMM()}
	x, odd, zero, n := YMM(), ymm.zero(), ymm.zero(), GP64()
	least := []func(ops ...Op){func(ops ...Op) { VMINPS(ops[0], ops[1], ops[2]) }, func(ops ...Op) { VMAXPS(ops[0], ops[1], ops[2]) }}
	SHLQ(Imm(2), size)
	NEGQ(size)
	loop("blocks", blocks, 1, func() {
		VMOVUPS(at(src, 0), ends[0])
		for _, v := range []reg.VecVirtual{ends[1], others[0], others[1]} {
			VMOVAPS(ends[0], v)
		}
		MOVQ(size, n)
		SUBQ(size, src)
		Label("values")
		for k, ends := range [][]reg.VecVirtual{ends, others} { // so that none waits for the one before
			VMOVUPS(Mem{Base: src, Index: n, Scale: 1, Disp: 32 * k}, x)
			for i, of := range least {
				of(x, ends[i], ends[i])
			}
			VSUBPS(x, x, x) // NaN of what is not finite
			VORPS(x, odd, odd)
		}
		ADDQ(Imm(64), n)
		JNZ(LabelRef("values"))
		for i, of := range least {
			of(others[i], ends[i], ends[i])
			end, half := ends[i].AsX(), x.AsX()
			VEXTRACTF128(Imm(1), ends[i], half)
			of(half, end, end)
			VPERMILPS(Imm(0b11_10), end, half)
			of(half, end, end)
			VPERMILPS(Imm(0b01), end, half)
			of(half, end, end)
			VADDPS(zero.AsX(), end, end) // +0 for −0
			to := []reg.GPVirtual{low, high}[i]
			VMOVSS(end, at(to, 0))
			ADDQ(Imm(4), to)
		}
	})
	mask := GP32()
	VPMOVMSKB(odd, mask)
	MOVL(mask, at(bad, 0))
	VZEROUPPER()
	RET()
}

// toGrid turns real values of float64 into the codes of a grid, four integers in the lower half of x.
func toGrid(x, scale, offset, zero, high reg.VecVirtual) {
	VSUBPD(offset, x, x)
	VDIVPD(scale, x, x)
	VMAXPD(zero, x, x)
	VMINPD(high, x, x)
	VCVTPD2DQY(x, x.AsX())
}

// fromGrid turns four codes of a grid in the lower half of x into real values there.
func fromGrid(x, scale, offset, largest, least reg.VecVirtual) {
	VCVTDQ2PD(x.AsX(), x)
	VMULPD(scale, x, x)
	VADDPD(offset, x, x)
	VCVTPD2PSY(x, x.AsX())
	VMINPS(largest.AsX(), x.AsX(), x.AsX())
	VMAXPS(least.AsX(), x.AsX(), x.AsX())
}

func avx2QuantizeGrid() {
	function("quantizeGridAVX2", "dst *uint8, src *float32, n int, scale, offset, high float64",
		"quantizeGridAVX2 works like quantizeGridGeneric for n > 0, a multiple of 8.")
	dst, src, n := arg("dst"), arg("src"), arg("n")
	scale, offset, high := broadcast("scale", broadcastPD), broadcast("offset", broadcastPD), broadcast("high", broadcastPD)
	zero, x := ymm.zero(), []reg.VecVirtual{YMM(), YMM()}
	loop("values", n, 8, func() {
		for i, v := range x {
			VCVTPS2PD(at(src, 16*i), v)
			toGrid(v, scale, offset, zero, high)
		}
		low := x[0].AsX()
		VPACKUSDW(x[1].AsX(), low, low)
		VPACKUSWB(low, low, low)
		VMOVQ(low, at(dst, 0))
		ADDQ(Imm(32), src)
		ADDQ(Imm(8), dst)
	})
	VZEROUPPER()
	RET()
}

func avx2DequantizeGrid() {
	function("dequantizeGridAVX2", "dst *float32, src *uint8, n int, scale, offset float64",
		"dequantizeGridAVX2 works like dequantizeGridGeneric for n > 0, a multiple of 4.")
	dst, src, n := arg("dst"), arg("src"), arg("n")
	scale, offset := broadcast("scale", broadcastPD), broadcast("offset", broadcastPD)
	largest, least := finites()
	x := YMM()
	loop("codes", n, 4, func() {
		VPMOVZXBD(at(src, 0), x.AsX())
		fromGrid(x, scale, offset, largest, least)
		VMOVUPS(x.AsX(), at(dst, 0))
		ADDQ(Imm(4), src)
		ADDQ(Imm(16), dst)
	})
	VZEROUPPER()
	RET()
}

// avx2EncodeFloat16 is for machines with F16C.
func avx2EncodeFloat16() {
	function("encodeFloat16AVX2", "dst *uint16, src *float32, n int", "encodeFloat16AVX2 works like encodeGeneric for float16 and n > 0, a multiple of 8.")
	dst, src, n := arg("dst"), arg("src"), arg("n")
	x := YMM()
	loop("values", n, 8, func() {
		VMOVUPS(at(src, 0), x)
		VCVTPS2PH(Imm(0), x, at(dst, 0)) // to nearest, ties to even
		ADDQ(Imm(32), src)
		ADDQ(Imm(16), dst)
	})
	VZEROUPPER()
	RET()
}

func avx2EncodeBFloat16() {
	function("encodeBFloat16AVX2", "dst *uint16, src *float32, n int", "encodeBFloat16AVX2 works like encodeGeneric for bfloat16 and n > 0, a multiple of 8.")
	dst, src, n := arg("dst"), arg("src"), arg("n")
	one, under, quiet := constant("ones32", 1), constant("underHalf", 0x7fff), constant("quiet", 0x40)
	x, rounded, nan := YMM(), YMM(), YMM()
	loop("values", n, 8, func() {
		VMOVUPS(at(src, 0), x)
		VCMPPS(Imm(3), x, x, nan) // unordered
		VPADDD(under, x, rounded)
		VPSRLD(Imm(16), x, x)
		quieted := YMM()
		VPAND(one, x, quieted)
		VPADDD(quieted, rounded, rounded)
		VPSRLD(Imm(16), rounded, rounded)
		VPOR(quiet, x, x)
		VPBLENDVB(nan, x, rounded, x)
		VEXTRACTI128(Imm(1), x, rounded.AsX())
		VPACKUSDW(rounded.AsX(), x.AsX(), x.AsX())
		VMOVDQU(x.AsX(), at(dst, 0))
		ADDQ(Imm(32), src)
		ADDQ(Imm(16), dst)
	})
	VZEROUPPER()
	RET()
}
