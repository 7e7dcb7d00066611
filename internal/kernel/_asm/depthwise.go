package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// interleaveTaps returns vectors of four channels each, with four taps of each channel, of vectors of 16
// channels of a tap, which it overwrites. low and high are for use.
func interleaveTaps(taps [4]reg.VecVirtual, low, high reg.VecVirtual) [4]reg.VecVirtual {
	VPUNPCKLBW(taps[1], taps[0], low)
	VPUNPCKHBW(taps[1], taps[0], taps[0])
	VPUNPCKLBW(taps[3], taps[2], high)
	VPUNPCKHBW(taps[3], taps[2], taps[2])
	VPUNPCKLWD(high, low, taps[1])
	VPUNPCKHWD(high, low, low)
	VPUNPCKLWD(taps[2], taps[0], high)
	VPUNPCKHWD(taps[2], taps[0], taps[0])
	return [4]reg.VecVirtual{taps[1], low, high, taps[0]}
}

// avx2MultiplyDepthwise turns 16 channels of four taps into four taps of each channel, as weights lie, and
// multiplies them as words.
func avx2MultiplyDepthwise() {
	function("multiplyDepthwiseAVX2", "c *int32, x *uint8, step int, offsets *int, steps int, b *int8, pixels int",
		"multiplyDepthwiseAVX2 works like multiplyDepthwiseGeneric for four offsets in each of the steps; steps, pixels > 0.")
	c, x, step, pixels := arg("c"), arg("x"), arg("step"), arg("pixels")
	var sums, taps [4]reg.VecVirtual // of four channels each, twice two taps
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
			channels := interleaveTaps(taps, XMM(), XMM())
			for i, v := range channels {
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

// vnniMultiplyDepthwise does so for four pixels at a time, each in a quarter of a vector.
func vnniMultiplyDepthwise() {
	function("multiplyDepthwiseVNNI", "c *int32, x *uint8, step int, offsets *int, steps int, b *int8, fours int",
		"multiplyDepthwiseVNNI works like multiplyDepthwiseGeneric for four offsets in each of the steps and four times fours pixels; steps, fours > 0.")
	c, x, step, fours := arg("c"), arg("x"), arg("step"), arg("fours")
	sums, taps := four(), four() // sums are of four channels each
	loop("fours", fours, 1, func() {
		for _, v := range sums {
			VPXORD(v, v, v)
		}
		offsets, steps, b, pixel := arg("offsets"), arg("steps"), arg("b"), GP64()
		loop("steps", steps, 1, func() {
			for i, v := range taps {
				MOVQ(at(offsets, 8*i), pixel)
				ADDQ(x, pixel)
				VMOVDQU(at(pixel, 0), v.AsX())
				VINSERTI32X4(Imm(1), Mem{Base: pixel, Index: step, Scale: 1}, v, v)
				VINSERTI32X4(Imm(2), Mem{Base: pixel, Index: step, Scale: 2}, v, v)
				ADDQ(step, pixel)
				VINSERTI32X4(Imm(3), Mem{Base: pixel, Index: step, Scale: 2}, v, v)
			}
			channels, weights := interleaveTaps(taps, ZMM(), ZMM()), ZMM()
			for i, v := range channels {
				VBROADCASTI32X4(at(b, 16*i), weights)
				VPDPBUSD(weights, v, sums[i])
			}
			ADDQ(Imm(32), offsets)
			ADDQ(Imm(stepBytes), b)
		})
		for i, v := range sums {
			VMOVDQU(v.AsX(), at(c, 16*i))
			for p := 1; p < 4; p++ {
				VEXTRACTI32X4(Imm(uint64(p)), v, at(c, 64*p+16*i))
			}
		}
		LEAQ(Mem{Base: x, Index: step, Scale: 4}, x)
		ADDQ(U32(256), c)
	})
	VZEROUPPER()
	RET()
}
