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
	function("multiplyDepthwiseAVX2", "c *int32, x *uint8, pixels *int, count int, offsets *int, steps int, b *int8",
		"multiplyDepthwiseAVX2 works like multiplyDepthwiseGeneric for four offsets in each of the steps; steps, count > 0.")
	c, x, pixels, count, pixel := arg("c"), arg("x"), arg("pixels"), arg("count"), GP64()
	var sums, taps [4]reg.VecVirtual // of four channels each, twice two taps
	for i := range sums {
		sums[i], taps[i] = YMM(), XMM()
	}
	wide, weights := YMM(), YMM()
	loop("pixels", count, 1, func() {
		for _, v := range sums {
			VPXOR(v, v, v)
		}
		MOVQ(at(pixels, 0), pixel)
		ADDQ(x, pixel)
		offsets, steps, b, offset := arg("offsets"), arg("steps"), arg("b"), GP64()
		loop("steps", steps, 1, func() {
			for i, v := range taps {
				MOVQ(at(offsets, 8*i), offset)
				VMOVDQU(Mem{Base: pixel, Index: offset, Scale: 1}, v)
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
		ADDQ(Imm(8), pixels)
		ADDQ(Imm(64), c)
	})
	VZEROUPPER()
	RET()
}

// depthwiseFields is kernel.depthwiseTile.
var depthwiseFields = []string{
	"x", "pixels", "fours", "steps", "b", "dst", "stride", "columns", "compensation", "scales", "bias",
	"rowScale", "zeroPoint", "scale", "low", "high", "zero", "lower", "upper", "least", "most", "doubt", "taps",
}

// vnniDepthwise emits, for every four pixels, their sums, each pixel in a quarter of four vectors that are of
// four channels each, and then end, which stores them at dst, rows stride apart; start comes first. taps are
// free for end to use.
func vnniDepthwise(t record, start func(), end func(sums, taps [4]reg.VecVirtual, dst, stride reg.GPVirtual)) {
	dst, stride, pixels := t.load("dst"), t.load("stride"), t.load("pixels")
	sums, taps := four(), four()
	var quarters [4]reg.OpmaskVirtual // of vectors
	for i := 1; i < 4; i++ {
		ones := GP32()
		quarters[i] = K()
		MOVL(U32(0xf<<(4*i)), ones)
		KMOVW(ones, quarters[i])
	}
	start()
	Label("fours")
	for _, v := range sums {
		VPXORD(v, v, v)
	}
	var at4 [4]reg.GPVirtual
	for i := range at4 {
		at4[i] = GP64()
		MOVQ(at(pixels, 8*i), at4[i])
		ADDQ(t.at("x"), at4[i])
	}
	offsets, steps, b, offset := GP64(), t.load("steps"), t.load("b"), GP64()
	LEAQ(t.at("taps"), offsets)
	low, high, weights := ZMM(), ZMM(), ZMM()
	loop("steps", steps, 1, func() {
		for i, v := range taps {
			MOVQ(at(offsets, 8*i), offset)
			tap := func(pixel int) Mem { return Mem{Base: at4[pixel], Index: offset, Scale: 1} }
			VMOVDQU32(tap(0), v.AsX())
			for pixel := 1; pixel < 4; pixel++ {
				VBROADCASTI32X4(tap(pixel), quarters[pixel], v)
			}
		}
		for i, v := range interleaveTaps(taps, low, high) {
			VBROADCASTI32X4(at(b, 16*i), weights)
			VPDPBUSD(weights, v, sums[i])
		}
		ADDQ(Imm(32), offsets)
		ADDQ(Imm(stepBytes), b)
	})
	end(sums, taps, dst, stride)
	LEAQ(Mem{Base: dst, Index: stride, Scale: 4}, dst)
	ADDQ(Imm(32), pixels)
	DECQ(t.at("fours"))
	JNZ(LabelRef("fours"))
	VZEROUPPER()
	RET()
}

// vnniMultiplyDepthwise stores the sums.
func vnniMultiplyDepthwise() {
	function("multiplyDepthwiseVNNI", "t *uint8",
		"multiplyDepthwiseVNNI works like multiplyDepthwiseGeneric for four offsets in each of the steps and pixels by fours.")
	vnniDepthwise(record{arg("t"), depthwiseFields}, func() {}, func(sums, _ [4]reg.VecVirtual, dst, stride reg.GPVirtual) {
		to := GP64()
		MOVQ(dst, to)
		for pixel := range 4 {
			for i, v := range sums {
				VEXTRACTI32X4(Imm(uint64(pixel)), v, at(to, 16*i))
			}
			ADDQ(stride, to)
		}
	})
}

// vnniRequantizeDepthwise goes on to quantized values as requantizeSums does, and divides four pixels whose
// rounding is in doubt.
func vnniRequantizeDepthwise() {
	function("requantizeDepthwiseVNNI", "t *uint8",
		"requantizeDepthwiseVNNI works like requantizeDepthwiseGeneric for four offsets in each of the steps and pixels by fours.")
	t := record{arg("t"), depthwiseFields}
	compensation, scale, bias, rowScale, zero := four(), four(), four(), ZMM(), ZMM()
	var n nearest
	doubt, doubtful, mask := ZMM(), K(), K()
	start := func() {
		lists := []reg.GPVirtual{t.load("compensation"), t.load("scales"), t.load("bias")}
		factor := t.repeat(zmm, "zeroPoint")
		for i := range 4 {
			VBROADCASTI32X4(at(lists[0], 16*i), compensation[i])
			VPMULLD(factor, compensation[i], compensation[i])
			VBROADCASTF32X4(at(lists[1], 16*i), scale[i])
			VBROADCASTF32X4(at(lists[2], 16*i), bias[i])
		}
		for _, v := range []struct {
			x    reg.VecVirtual
			name string
		}{{rowScale, "rowScale"}, {zero, "zero"}} {
			VBROADCASTSS(t.at(v.name), v.x)
		}
		n = newNearest(t.repeat)
		n.unshift(zero)
		KMOVW(t.at("columns"), mask)
	}
	vnniDepthwise(t, start, func(sums, taps [4]reg.VecVirtual, dst, stride reg.GPVirtual) {
		VBROADCASTSS(t.at("doubt"), doubt)
		for i, y := range sums {
			VPSUBD(compensation[i], y, y)
			VCVTDQ2PS(y, y)
			VMULPS(scale[i], y, y)
			VMULPS(rowScale, y, y)
			VADDPS(bias[i], y, y)
			VMOVAPS(y, taps[i])
			n.round(taps[i], doubt)
		}
		VPTESTMD(doubt, doubt, doubtful)
		KORTESTW(doubtful, doubtful)
		JZ(LabelRef("sure"))
		low, high := t.repeat(zmm, "low"), t.repeat(zmm, "high")
		VBROADCASTSS(t.at("scale"), n.other)
		for i, y := range sums {
			n.divide(y, n.other, low, high, taps[i])
		}
		Label("sure")
		for _, y := range taps {
			VPADDD(zero, y, y)
		}
		VPACKSSDW(taps[1], taps[0], taps[0])
		VPACKSSDW(taps[3], taps[2], taps[2])
		VPACKUSWB(taps[2], taps[0], taps[0])
		to := GP64()
		MOVQ(dst, to)
		for pixel := range 4 {
			if pixel > 0 {
				VEXTRACTI32X4(Imm(uint64(pixel)), taps[0], taps[pixel].AsX())
			}
			VMOVDQU8(taps[pixel].AsX(), mask, at(to, 0))
			ADDQ(stride, to)
		}
	})
}
