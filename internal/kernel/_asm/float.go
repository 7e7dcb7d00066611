package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
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

func avx2MultiplyFloat(rows int) {
	name := fmt.Sprintf("multiplyFloatR%dAVX2", rows)
	function(name, "d *float64, x *float32, ldx int, w *float32, k int",
		fmt.Sprintf("%s works like multiplyFloatGeneric for %d rows, with ldx in bytes; k > 0.", name, rows))
	d, x, ldx, w, k := arg("d"), arg("x"), arg("ldx"), arg("w"), arg("k")
	const parts = 4 // of 16 columns
	sums := make([][parts]reg.VecVirtual, rows)
	for i := range sums {
		for j := range sums[i] {
			sums[i][j] = ymm.zero()
		}
	}
	var values [parts]reg.VecVirtual
	for j := range values {
		values[j] = YMM()
	}
	v, product := YMM(), YMM()
	loop("depth", k, 1, func() {
		for j, n := range values {
			VCVTPS2PD(at(w, 16*j), n)
		}
		for i := range rows {
			m := at(x, 0)
			if i > 0 {
				m.Index, m.Scale = ldx, uint8(i)
			}
			VBROADCASTSS(m, v.AsX())
			VCVTPS2PD(v.AsX(), v)
			for j, n := range values {
				VMULPD(n, v, product)
				VADDPD(product, sums[i][j], sums[i][j])
			}
		}
		ADDQ(Imm(4), x)
		ADDQ(Imm(64), w)
	})
	for i := range sums {
		for j, s := range sums[i] {
			VMOVUPD(s, at(d, 128*i+32*j))
		}
	}
	VZEROUPPER()
	RET()
}
