package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// avx512QuantizeColumns divides once for each column of four rows, and for all where a quotient is in doubt.
func avx512QuantizeColumns() {
	function("quantizeColumnsAVX512", "dst *uint8, src, columns *float32, n, stride, fours int", "quantizeColumnsAVX512 works like quantizeColumnsGeneric"+fourRowsOf16Doc)
	dst, src, columns := &pointer{arg("dst"), 1, false}, &pointer{arg("src"), 4, false}, &pointer{arg("columns"), 4, true}
	one, below, above := zmm.number("one", 1), zmm.number("below", 1-apartFromInverse), zmm.number("above", 1+apartFromInverse)
	normal, infinite := zmm.number("normal", 0x1p-126), zmm.constant("infinite", 0x7f800000)
	scale, zero, low, high, doubt, doubtful, valid := ZMM(), ZMM(), ZMM(), ZMM(), ZMM(), K(), K()
	round := nearest{ZMM(), ZMM(), ZMM(), ZMM(), ZMM(), shifter()}
	x := four()
	fourRows(16, []*pointer{dst, src, columns}, func(w *columnWalk) {
		VMOVUPS(entry(columns, 0), scale)
		VMOVUPS(entry(columns, 2), low)
		VMOVUPS(entry(columns, 3), high)
		VDIVPS(scale, one, round.other)
		VMULPS(below, round.other, round.lower)
		VMULPS(above, round.other, round.upper)
		VMULPS(scale, low, round.least)
		VMULPS(scale, high, round.most)
		VCMPPS(Imm(29), normal, round.lower, valid) // lower ≥ normal
		VCMPPS(Imm(17), infinite, round.upper, valid, valid)
		VPTERNLOGD_Z(Imm(0xff), doubt, doubt, valid, doubt)
		VPTERNLOGD(Imm(0x55), doubt, doubt, doubt)
		for i, v := range x {
			ahead := w.row(src, i)
			ahead.Disp = valuesAhead
			PREFETCHT0(ahead)
			VMOVUPS(w.row(src, i), v)
			round.round(v, doubt)
		}
		VPTESTMD(doubt, doubt, doubtful)
		KORTESTW(doubtful, doubtful)
		JZ(LabelRef("sure"))
		for i, v := range x {
			VMOVUPS(w.row(src, i), v)
			round.divide(v, scale, low, high, v)
		}
		Label("sure")
		VMOVDQU32(entry(columns, 1), zero)
		round.unshift(zero)
		for i, v := range x {
			VPADDD(zero, v, v)
			VPMOVDB(v, w.row(dst, i))
		}
	}, nil)
}

func avx512DequantizeColumns() {
	function("dequantizeColumnsAVX512", "dst *float32, src *uint8, columns *float32, n, stride, fours int, flip uint32",
		"dequantizeColumnsAVX512 works like dequantizeColumnsGeneric"+fourRowsOf16Doc+" flip is 128 for signed values, 0 for others.")
	dst, src, columns := &pointer{arg("dst"), 4, false}, &pointer{arg("src"), 1, false}, &pointer{arg("columns"), 4, true}
	flip, scale, zero, x := zmm.repeat("flip"), ZMM(), ZMM(), ZMM()
	largest, least := zmm.constant("largest", 0x7f7fffff), zmm.constant("least", 0xff7fffff)
	fourRows(16, []*pointer{dst, src, columns}, func(w *columnWalk) {
		VMOVUPS(entry(columns, 0), scale)
		VPADDD(entry(columns, 1), flip, zero)
		for i := range 4 {
			ahead := w.row(dst, i)
			ahead.Disp = valuesAhead
			PREFETCHT0(ahead)
			VPMOVZXBD(w.row(src, i), x)
			VPXORD(flip, x, x)
			toReal(x, zero, scale, largest, least)
			VMOVUPS(x, w.row(dst, i))
		}
	}, nil)
}
