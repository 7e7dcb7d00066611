package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func avx512() {
	avx512MinMax()
	for _, c := range []codeType{signedByte, unsignedByte} {
		avx512Quantize(c)
	}
	direct(zmm)
	for planes := 1; planes <= 3; planes++ {
		directWide(zmm, planes)
	}
	vnni()
}

// four returns vectors that do not wait for one another.
func four() (v [4]reg.VecVirtual) {
	for i := range v {
		v[i] = ZMM()
	}
	return v
}

func avx512MinMax() {
	function("minMaxAVX512", "lanes *[3][16]float32, src *float32, n int",
		"minMaxAVX512 sets lanes[0] and lanes[1] to the smallest and largest of src in each lane of 16, and lanes[2] to the\nlargest magnitude, as an integer of its bits, for n > 0, a multiple of 64.")
	lanes, src, n := arg("lanes"), arg("src"), arg("n")
	low, high, top, x := four(), four(), four(), four()
	magnitude := ZMM()
	VPTERNLOGD(Imm(0xff), magnitude, magnitude, magnitude)
	VPSRLD(Imm(1), magnitude, magnitude)
	for i := range low {
		VMOVUPS(at(src, 64*i), low[i])
		VMOVAPS(low[i], high[i])
		VPXORD(top[i], top[i], top[i])
	}
	loop("numbers", n, 64, func() {
		for i, v := range x {
			VMOVUPS(at(src, 64*i), v)
			VMINPS(v, low[i], low[i])
			VMAXPS(v, high[i], high[i])
			VPANDD(magnitude, v, v)
			VPMAXUD(v, top[i], top[i])
		}
		ADDQ(U32(256), src)
	})
	for distance := 2; distance > 0; distance /= 2 {
		for i := range distance {
			VMINPS(low[i+distance], low[i], low[i])
			VMAXPS(high[i+distance], high[i], high[i])
			VPMAXUD(top[i+distance], top[i], top[i])
		}
	}
	for i, v := range []reg.VecVirtual{low[0], high[0], top[0]} {
		VMOVUPS(v, at(lanes, 64*i))
	}
	VZEROUPPER()
	RET()
}

func avx512Quantize(c codeType) {
	name := "quantize" + c.name + "AVX512"
	function(name, "dst *"+c.goType+", src *float32, n int, scale, low, high float32, zero int32",
		name+" sets dst[i] = clamp(RNE(src[i]/scale), low, high) + zero, which a byte holds, for n > 0, a multiple of 64.")
	dst, src, n := arg("dst"), arg("src"), arg("n")
	scale, low, high, zero := zmm.repeat("scale"), zmm.repeat("low"), zmm.repeat("high"), zmm.repeat("zero")
	loop("numbers", n, 64, func() {
		for i, v := range four() {
			VMOVUPS(at(src, 64*i), v)
			PREFETCHT0(at(src, numbersAhead+64*i))
			VDIVPS(scale, v, v)
			toIntegers(v, low, high)
			VPADDD(zero, v, v)
			VPMOVDB(v, at(dst, 16*i))
		}
		ADDQ(U32(256), src)
		ADDQ(Imm(64), dst)
	})
	VZEROUPPER()
	RET()
}
