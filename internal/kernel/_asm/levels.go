package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Where fields of Levels are.
const (
	levelThresholds = 0
	levelOdd        = 24
	levelWeights    = 48
)

// avx2Noise takes 32 quotients at a time. VPSHUFB looks up by codes, which a binary search finds.
func avx2Noise(name string, weighted bool) {
	signature := "noise *int64, x *float32, blocks int, ratio float32, levels *uint8"
	if weighted {
		signature += ", w *uint32"
	}
	function(name, signature, name+" adds to noise what noiseGeneric sets, for so many times 32 quotients, above 0, and levels that are signed.")
	noise, x, blocks, all := arg("noise"), arg("x"), arg("blocks"), arg("levels")
	var w reg.GPVirtual
	if weighted {
		w = arg("w")
	}
	ratio := ymm.repeat("ratio")
	middle, fixed := ymm.memory("fixedMiddle", 0x47000080), ymm.memory("fixedOffset", 0x8000)
	zero := ymm.zero()
	v, floor, nearest := [2]reg.VecVirtual{YMM(), YMM()}, YMM(), YMM()
	loop("blocks", blocks, 1, func() {
		for i := range v {
			pair := [2]reg.VecVirtual{YMM(), YMM()}
			for j, p := range pair {
				VMULPS(at(x, 64*i+32*j), ratio, p)
				VADDPS(middle, p, p)
				VCVTTPS2DQ(p, p)
				VPSUBD(fixed, p, p)
			}
			VPACKSSDW(pair[1], pair[0], v[i])
		}
		halves := func(to reg.VecVirtual, add bool) {
			pair := [2]reg.VecVirtual{YMM(), YMM()}
			for i, p := range pair {
				if add {
					VPADDSW(ymm.memory("fixedHalf", 64<<16|64), v[i], p)
					VPSRAW(Imm(7), p, p)
				} else {
					VPSRAW(Imm(7), v[i], p)
				}
			}
			VPACKSSWB(pair[1], pair[0], to)
		}
		halves(floor, false)
		halves(nearest, true)
		trial, l := GP64(), GP64()
		XORQ(trial, trial)
		Label("levels")
		MOVQ(Mem{Base: all, Index: trial, Scale: 8}, l)
		weight := avx2Nearest(l, floor, nearest)
		sum := avx2Squares(v, weight, zero, w)
		avx2AddTo(Mem{Base: noise, Index: trial, Scale: 8}, sum)
		INCQ(trial)
		CMPQ(trial, Imm(5))
		JNE(LabelRef("levels"))
		ADDQ(U32(128), x)
		if weighted {
			ADDQ(U32(128), w)
		}
	})
	VZEROUPPER()
	RET()
}

// avx2Nearest returns the weights that are nearest, of the levels at l.
func avx2Nearest(l reg.GPVirtual, floor, nearest reg.VecVirtual) reg.VecVirtual {
	code, threshold, odd, passed := YMM(), YMM(), YMM(), YMM()
	for step := 8; step > 0; step /= 2 {
		if step == 8 {
			VPBROADCASTB(at(l, levelThresholds+step-1), threshold)
			VPBROADCASTB(at(l, levelOdd+step-1), odd)
		} else {
			VBROADCASTI128(at(l, levelThresholds+step-1), threshold)
			VBROADCASTI128(at(l, levelOdd+step-1), odd)
			VPSHUFB(code, threshold, threshold)
			VPSHUFB(code, odd, odd)
		}
		VPBLENDVB(odd, nearest, floor, odd)
		VPCMPGTB(threshold, odd, passed)
		bits := ymm.memory(fmt.Sprint("bytesOf", step), uint32(step)*0x01010101)
		if step == 8 {
			VPAND(bits, passed, code)
		} else {
			VPAND(bits, passed, passed)
			VPOR(passed, code, code)
		}
	}
	weights := YMM()
	VBROADCASTI128(at(l, levelWeights), weights)
	VPSHUFB(code, weights, weights)
	return weights
}

// avx2Squares returns the sum of w·(v − weight)² in four integers of 64 bits, w a pointer, or one.
func avx2Squares(v [2]reg.VecVirtual, weight, zero reg.VecVirtual, w reg.GPVirtual) reg.VecVirtual {
	sum, first := YMM(), true
	add := func(x reg.VecVirtual) {
		if first {
			sum, first = x, false
			return
		}
		VPADDQ(x, sum, sum)
	}
	for i, unpack := range []func(ops ...Op){func(o ...Op) { VPUNPCKLBW(o[0], o[1], o[2]) }, func(o ...Op) { VPUNPCKHBW(o[0], o[1], o[2]) }} {
		d := YMM()
		unpack(weight, zero, d)
		VPSRAW(Imm(1), d, d)
		VPSUBW(d, v[i], d)
		if w == nil {
			odd := YMM()
			VPMADDWD(d, d, d)
			VPSRLQ(Imm(32), d, odd)
			VPBLENDD(Imm(0x55), d, zero, d)
			add(d)
			add(odd)
			continue
		}
		low, high := YMM(), YMM()
		VPMULLW(d, d, low)
		VPMULHW(d, d, high)
		VPUNPCKLWD(high, low, d)
		VPUNPCKHWD(high, low, low)
		for j, square := range []reg.VecVirtual{d, low} {
			odd, weights := YMM(), YMM()
			VPSRLQ(Imm(32), square, odd)
			VMOVDQU(at(w, 64*i+32*j), weights)
			VPMULUDQ(weights, square, square)
			VPSRLQ(Imm(32), weights, weights)
			VPMULUDQ(weights, odd, odd)
			add(square)
			add(odd)
		}
	}
	return sum
}

// avx2AddTo adds the sum of four integers of 64 bits to one in memory.
func avx2AddTo(to Mem, x reg.VecVirtual) {
	high, total := XMM(), GP64()
	VEXTRACTI128(Imm(1), x, high)
	VPADDQ(x.AsX(), high, high)
	VPEXTRQ(Imm(1), high, total)
	ADDQ(total, to)
	VMOVQ(high, total)
	ADDQ(total, to)
}
