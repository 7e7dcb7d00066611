package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// avx2MultiplyDepthwise turns 16 channels of four taps into four taps of each channel, as weights lie, and multiplies them as words.
func avx2MultiplyDepthwise() {
	function("multiplyDepthwiseAVX2", "c *int32, x *uint8, step int, offsets *int, steps int, b *int8, pixels int",
		"multiplyDepthwiseAVX2 works like multiplyDepthwiseGeneric for four offsets in each of the steps; steps, pixels > 0.")
	c, x, step, pixels := arg("c"), arg("x"), arg("step"), arg("pixels")
	sums, taps := make([]reg.VecVirtual, 4), make([]reg.VecVirtual, 4) // of four channels each, twice two taps
	for i := range sums {
		sums[i], taps[i] = YMM(), XMM()
	}
	wide, weights := YMM(), YMM()
	loop("pixels", pixels, 1, func() {
		for _, v := range sums {
			VPXOR(v, v, v)
		}
		offsets, steps, b, offset := arg("offsets"), arg("steps"), arg("b"), GP64()
		loop("steps", steps, 1, func() {
			for i, v := range taps {
				MOVQ(at(offsets, 8*i), offset)
				VMOVDQU(Mem{Base: x, Index: offset, Scale: 1}, v)
			}
			low, high := XMM(), XMM()
			VPUNPCKLBW(taps[1], taps[0], low)
			VPUNPCKHBW(taps[1], taps[0], taps[0])
			VPUNPCKLBW(taps[3], taps[2], high)
			VPUNPCKHBW(taps[3], taps[2], taps[2])
			VPUNPCKLWD(high, low, taps[1])
			VPUNPCKHWD(high, low, low)
			VPUNPCKLWD(taps[2], taps[0], high)
			VPUNPCKHWD(taps[2], taps[0], taps[0])
			for i, v := range []reg.VecVirtual{taps[1], low, high, taps[0]} {
				VPMOVZXBW(v, wide)
				VPMOVSXBW(at(b, 16*i), weights)
				VPMADDWD(weights, wide, wide)
				VPADDD(wide, sums[i], sums[i])
			}
			ADDQ(Imm(32), offsets)
			ADDQ(Imm(stepBytes), b)
		})
		for i := range 2 {
			y := sums[2*i]
			VPHADDD(sums[2*i+1], y, y)
			VPERMQ(Imm(0b11011000), y, y)
			VMOVDQU(y, at(c, 32*i))
		}
		ADDQ(step, x)
		ADDQ(Imm(64), c)
	})
	VZEROUPPER()
	RET()
}
