package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// avx2MaxWindows takes 16 values of a pixel at a time, of which the last reach back.
func avx2MaxWindows() {
	function("maxWindowsAVX2", "dst, src *uint8, offsets *int, count, n, pixels, step int",
		"maxWindowsAVX2 works like maxWindowsGeneric for so many offsets, n ≥ 16 and pixels > 0.")
	dst, src, offsets, count, n, pixels, step := arg("dst"), arg("src"), arg("offsets"), arg("count"), arg("n"), arg("pixels"), arg("step")
	at0, last, from, k, offset := GP64(), GP64(), GP64(), GP64(), GP64()
	x := XMM()
	MOVQ(n, last)
	SUBQ(Imm(16), last)
	loop("pixels", pixels, 1, func() {
		XORQ(at0, at0)
		Label("codes")
		LEAQ(Mem{Base: src, Index: at0, Scale: 1}, from)
		MOVQ(Mem{Base: offsets}, offset)
		VMOVDQU(Mem{Base: from, Index: offset, Scale: 1}, x)
		MOVQ(U32(1), k)
		JMP(LabelRef("enough"))
		Label("windows")
		MOVQ(Mem{Base: offsets, Index: k, Scale: 8}, offset)
		VPMAXUB(Mem{Base: from, Index: offset, Scale: 1}, x, x)
		INCQ(k)
		Label("enough")
		CMPQ(k, count)
		JLT(LabelRef("windows"))
		VMOVDQU(x, Mem{Base: dst, Index: at0, Scale: 1})
		CMPQ(at0, last)
		JEQ(LabelRef("next"))
		ADDQ(Imm(16), at0)
		CMPQ(at0, last)
		CMOVQHI(last, at0)
		JMP(LabelRef("codes"))
		Label("next")
		ADDQ(n, dst)
		ADDQ(step, src)
	})
	VZEROUPPER()
	RET()
}
