package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

const binNumbersSignature = "dst *uint16, src *float32, n int, perUnit float32, mask uint32) (count int"

// avx2BinNumbers has quotients of negative values end below 0 where they round to it. What it makes of −0
// does not matter.
func avx2BinNumbers() {
	function("binNumbersAVX2", "places *[256]uint64, "+binNumbersSignature,
		"binNumbersAVX2 sets dst, from its beginning, to ⌊x·perUnit⌋ & mask for each x of src that is not 0, and returns how many there are. n > 0 is a multiple of 8, mask < 2^16, perUnit a power of two and no subnormal. It may write all of dst, n numbers. places has the places of the bits that are set in a byte, ascending, each in a byte.")
	dst, src, n, count, bits := arg("dst"), arg("src"), arg("n"), GP64(), GP64()
	perUnit, mask, places := ymm.repeat("perUnit"), ymm.repeat("mask"), arg("places")
	zero, infinity, below := ymm.zero(), constant("infinity", 0x7f800000), constant("belowZero", 0x80800000)
	x, number, filled, most := YMM(), YMM(), YMM(), YMM()
	XORL(count.As32(), count.As32())
	loop("values", n, 8, func() {
		VMOVUPS(at(src, 0), x)
		VMULPS(perUnit, x, number)
		VBLENDVPS(x, below, infinity, most)
		VMINPS(most, number, number)
		VROUNDPS(Imm(9), number, number) // down
		VCVTTPS2DQ(number, number)
		VPAND(mask, number, number)
		VCMPPS(Imm(4), zero, x, filled) // ≠
		VMOVMSKPS(filled, bits.As32())
		VPMOVZXBD(Mem{Base: places, Index: bits, Scale: 8}, filled)
		VPERMD(number, filled, number)
		VEXTRACTI128(Imm(1), number, filled.AsX())
		VPACKUSDW(filled.AsX(), number.AsX(), number.AsX())
		VMOVDQU(number.AsX(), Mem{Base: dst, Index: count, Scale: 2})
		POPCNTL(bits.As32(), bits.As32())
		ADDQ(bits, count)
		ADDQ(Imm(32), src)
	})
	Store(count, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// avx512BinNumbers rounds down both times: what is below 0 stays there.
func avx512BinNumbers() {
	function("binNumbersAVX512", binNumbersSignature,
		"binNumbersAVX512 sets dst, from its beginning, to ⌊x·perUnit⌋ & mask for each x of src that is not 0, and returns how many there are. n > 0 is a multiple of 16, mask < 2^16, perUnit a power of two and no subnormal. It may write all of dst, n numbers.")
	dst, src, n, count, bits := arg("dst"), arg("src"), arg("n"), GP64(), GP64()
	perUnit, mask, zero := zmm.repeat("perUnit"), zmm.repeat("mask"), zmm.zero()
	x, number, filled := ZMM(), ZMM(), K()
	XORL(count.As32(), count.As32())
	loop("values", n, 16, func() {
		VMOVUPS(at(src, 0), x)
		VCMPPS(Imm(4), zero, x, filled) // ≠
		VMULPS_RD_SAE(perUnit, x, number)
		VCVTPS2DQ_RD_SAE(number, number)
		VPANDD(mask, number, number)
		VPCOMPRESSD_Z(number, filled, number)
		VPMOVDW(number, number.AsY())
		VMOVDQU(number.AsY(), Mem{Base: dst, Index: count, Scale: 2})
		KMOVW(filled, bits.As32())
		POPCNTL(bits.As32(), bits.As32())
		ADDQ(bits, count)
		ADDQ(Imm(64), src)
	})
	Store(count, ReturnIndex(0))
	VZEROUPPER()
	RET()
}
