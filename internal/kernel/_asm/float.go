package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

func avx2DecodeBFloat16() {
	function("decodeBFloat16AVX2", "dst *float32, src *uint16, n int", "decodeBFloat16AVX2 works like decodeGeneric for bfloat16 and n > 0, a multiple of 8.")
	dst, src, n := arg("dst"), arg("src"), arg("n")
	x := YMM()
	loop("codes", n, 8, func() {
		VPMOVZXWD(at(src, 0), x)
		VPSLLD(Imm(16), x, x)
		VMOVDQU(x, at(dst, 0))
		ADDQ(Imm(16), src)
		ADDQ(Imm(32), dst)
	})
	VZEROUPPER()
	RET()
}

// avx2DecodeFloat16 is for machines with F16C.
func avx2DecodeFloat16() {
	function("decodeFloat16AVX2", "dst *float32, src *uint16, n int", "decodeFloat16AVX2 works like decodeGeneric for float16, finite values, and n > 0, a multiple of 8.")
	dst, src, n := arg("dst"), arg("src"), arg("n")
	x := YMM()
	loop("codes", n, 8, func() {
		VCVTPH2PS(at(src, 0), x)
		VMOVUPS(x, at(dst, 0))
		ADDQ(Imm(16), src)
		ADDQ(Imm(32), dst)
	})
	VZEROUPPER()
	RET()
}
