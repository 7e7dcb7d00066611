package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// avx512GatherPixels spreads the four bytes of 16 windows, which lie step apart: a permutation of words puts
// those of four windows into each quarter of a vector, and one of bytes puts them apart.
func avx512GatherPixels() {
	function("gatherPixelsAVX512", "dst, src *uint8, vectors, step int, words, bytes *uint8, mask uint64",
		"gatherPixelsAVX512 works like gatherPixelsGeneric for so many vectors of 16 pixels, above 0, which lie step apart. words and bytes say where a lane's bytes are among those of a vector that mask has bits for.")
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

// vbmiGatherPixels takes bytes of two vectors anywhere.
func vbmiGatherPixels() {
	function("gatherPixelsVBMI", "dst, src *uint8, vectors, step int, indices *uint8, low, high uint64",
		"gatherPixelsVBMI works like gatherPixelsGeneric for so many vectors of 16 pixels, above 0, which lie step apart. indices say where a lane's bytes are among those of two vectors that low and high have bits for.")
	dst, src, vectors, step := arg("dst"), arg("src"), arg("vectors"), arg("step")
	indices, x, y, low, high := ZMM(), ZMM(), ZMM(), K(), K()
	VMOVDQU32(Mem{Base: arg("indices")}, indices)
	KMOVQ(arg("low"), low)
	KMOVQ(arg("high"), high)
	loop("vectors", vectors, 1, func() {
		VMOVDQU8_Z(at(src, 0), low, x)
		VMOVDQU8_Z(at(src, 64), high, y)
		VPERMT2B(y, indices, x)
		VMOVDQU32(x, at(dst, 0))
		ADDQ(step, src)
		ADDQ(Imm(64), dst)
	})
	VZEROUPPER()
	RET()
}

// Tiles of up to 8 filters by 2 vectors of pixels, 2 vectors of pixels and 1 of weights leave enough
// registers for the epilogue. pixelFilters is that of package kernel.
const (
	pixelFilters = 8
	pixelVectors = 2
)

// pixelFields is kernel.pixelTile.
var pixelFields = []string{"dst", "stride", "dst2", "x", "x2", "filters", "offsets", "steps", "b", "compensation", "scales", "bias", "rowScale", "floor", "mask", "mask2"}

// vnniMultiplyPixels repeats the four codes of a filter for 16 pixels. The second vector of pixels is
// anywhere, as are its results.
func vnniMultiplyPixels() {
	function("multiplyPixelsVNNI", "t *uint8", fmt.Sprintf(
		"multiplyPixelsVNNI works like multiplyPixelsGeneric for up to %d filters and two vectors of 16 pixels, of which the pixels are stored that mask and mask2 have bits for.", pixelFilters))
	t := record{arg("t"), pixelFields}
	x, filters, offsets, left, b := []reg.GPVirtual{t.load("x"), t.load("x2")}, t.load("filters"), t.load("offsets"), t.load("steps"), t.load("b")
	var sums [pixelFilters][pixelVectors]reg.VecVirtual
	pixels, codes, offset := [pixelVectors]reg.VecVirtual{ZMM(), ZMM()}, ZMM(), GP64()
	for j := range sums {
		for i := range pixels {
			sums[j][i] = zmm.zero()
		}
	}
	steps := func(name string, least, most int) {
		loop(name, left, 1, func() {
			MOVQ(at(offsets, 0), offset)
			ADDQ(Imm(8), offsets)
			for i, v := range pixels {
				VMOVDQU32(Mem{Base: x[i], Index: offset, Scale: 1}, v)
			}
			some(filters, least, most, name+"Step", func(j int) {
				VPBROADCASTD(at(b, stepDepth*j), codes)
				for i, v := range pixels {
					VPDPBUSD(codes, v, sums[j][i])
				}
			})
			ADDQ(Imm(stepBytes), b)
		})
	}
	CMPQ(filters, Imm(pixelFilters/2))
	JLE(LabelRef("few"))
	steps("many", pixelFilters/2+1, pixelFilters)
	JMP(LabelRef("summed"))
	steps("few", 1, pixelFilters/2)
	Label("summed")
	compensation, scales, bias := t.load("compensation"), t.load("scales"), t.load("bias")
	dst, stride := []reg.GPVirtual{t.load("dst"), t.load("dst2")}, t.load("stride")
	rowScale, floor, masks := t.repeat(zmm, "rowScale"), t.repeat(zmm, "floor"), []reg.OpmaskVirtual{K(), K()}
	KMOVW(t.at("mask"), masks[0])
	KMOVW(t.at("mask2"), masks[1])
	some(filters, 1, pixelFilters, "stored", func(j int) {
		for i, y := range sums[j] {
			VPSUBD_BCST(at(compensation, 4*j), y, y)
			VCVTDQ2PS(y, y)
			VMULPS_BCST(at(scales, 4*j), y, y)
			VMULPS(rowScale, y, y)
			VADDPS_BCST(at(bias, 4*j), y, y)
			rise(y, floor)
			VMOVUPS(y, masks[i], at(dst[i], 0))
			ADDQ(stride, dst[i])
		}
	})
	VZEROUPPER()
	RET()
}
