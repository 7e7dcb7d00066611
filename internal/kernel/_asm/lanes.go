package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// avx512Lanes spreads the four codes of 16 windows, which lie step apart: a permutation of words puts those of four windows into
// each quarter of a vector, and one of bytes puts them apart.
func avx512Lanes() {
	function("lanesAVX512", "dst, src *uint8, vectors, step int, words, bytes *uint8, mask uint64",
		"lanesAVX512 works like lanesGeneric for so many vectors of 16 pixels, above 0, which lie step apart. words and bytes say where a\nlane's codes are among those of a vector that mask has bits for.")
	dst, src, vectors, step := arg("dst"), arg("src"), arg("vectors"), arg("step")
	words, bytes, x, mask := ZMM(), ZMM(), ZMM(), K()
	VMOVDQU32(Mem{Base: arg("words")}, words)
	VMOVDQU32(Mem{Base: arg("bytes")}, bytes)
	KMOVQ(arg("mask"), mask)
	loop("vectors", vectors, 1, func() {
		VMOVDQU8_Z(at(src, 0), mask, x)
		VPERMD(x, words, x)
		VPSHUFB(bytes, x, x)
		VMOVDQU32(x, at(dst, 0))
		ADDQ(step, src)
		ADDQ(Imm(64), dst)
	})
	VZEROUPPER()
	RET()
}

// A laneTile is filters×vectors of sums. Of 32 registers, 16 sums, 2 vectors of pixels and 1 of weights leave enough for the output
// stage.
type laneTile struct{ filters, vectors int }

var largestLaneTile = laneTile{8, 2}

// vnniMultiplyLanes repeats the four codes of a filter for 16 pixels.
func vnniMultiplyLanes(t laneTile) {
	name := fmt.Sprintf("multiplyLanesF%dV%dVNNI", t.filters, t.vectors)
	function(name, "dst *float32, stride int, x *uint8, offsets *int, steps int, b *int8, v *int32, scales *float32, r float32, bias *float32, floor float32, last uint16",
		fmt.Sprintf("%s works like multiplyLanesGeneric for %d filters and %d vectors of 16 pixels, with stride in bytes; steps > 0. Of the\nlast vector the pixels are stored that last has bits for.", name, t.filters, t.vectors))
	x, offsets, steps, b := arg("x"), arg("offsets"), arg("steps"), arg("b")
	sums, lanes, codes, offset := make([][]reg.VecVirtual, t.filters), make([]reg.VecVirtual, t.vectors), ZMM(), GP64()
	for j := range sums {
		for range t.vectors {
			sums[j] = append(sums[j], zmm.zero())
		}
	}
	for i := range lanes {
		lanes[i] = ZMM()
	}
	loop("steps", steps, 1, func() {
		MOVQ(at(offsets, 0), offset)
		ADDQ(Imm(8), offsets)
		for i, v := range lanes {
			VMOVDQU32(Mem{Base: x, Index: offset, Scale: 1, Disp: 64 * i}, v)
		}
		for j := range sums {
			VPBROADCASTD(at(b, stepDepth*j), codes)
			for i, v := range lanes {
				VPDPBUSD(codes, v, sums[j][i])
			}
		}
		ADDQ(Imm(stepBytes), b)
	})
	dst, stride, v, scales, bias := arg("dst"), arg("stride"), arg("v"), arg("scales"), arg("bias")
	r, floor, zero, last, bits := zmm.repeat("r"), zmm.repeat("floor"), zmm.zero(), K(), GP32()
	MOVWLZX(param("last"), bits)
	KMOVW(bits, last)
	for j, row := range sums {
		if j > 0 {
			ADDQ(stride, dst)
		}
		for i, y := range row {
			VPSUBD_BCST(at(v, 4*j), y, y)
			VCVTDQ2PS(y, y)
			VMULPS_BCST(at(scales, 4*j), y, y)
			VMULPS(r, y, y)
			VADDPS_BCST(at(bias, 4*j), y, y)
			rise(y, floor)
			VADDPS(zero, y, y) // 0 for −0
			if i == t.vectors-1 {
				VMOVUPS(y, last, at(dst, 64*i))
			} else {
				VMOVUPS(y, at(dst, 64*i))
			}
		}
	}
	VZEROUPPER()
	RET()
}
