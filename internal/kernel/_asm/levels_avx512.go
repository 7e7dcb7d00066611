package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Where fields of Levels are that have 16 bits.
const (
	levelWideThresholds = 64
	levelWideWeights    = 104
)

// avx512Noise takes 32 quotients at a time, as integers of 16 bits, and masks those that are past the last.
func avx512Noise(name string, weighted bool) {
	signature := "noise *int64, x *float32, n int, ratio float32, levels *uint8"
	if weighted {
		signature += ", w *uint32"
	}
	function(name, signature, name+" adds to noise what noiseGeneric sets, for n > 0 and levels that are signed.")
	noise, x, n, all := arg("noise"), arg("x"), arg("n"), arg("levels")
	var w reg.GPVirtual
	if weighted {
		w = arg("w")
	}
	ratio, middle, fixed := zmm.repeat("ratio"), zmm.constant("fixedMiddleWord", 0x47000080), zmm.constant("fixedOffsetWord", 0x8000)
	var steps [4]reg.VecVirtual // 8, 4, 2, 1
	for i := range steps {
		steps[i] = zmm.constant(fmt.Sprint("wordsOf", 8>>i), uint32(8>>i)*0x00010001)
	}
	mask, half := K(), [2]reg.OpmaskVirtual{K(), K()}
	left, bits, v := GP64(), GP64(), ZMM()
	var weights [2]weightPair
	Label("blocks")
	MOVQ(U32(32), left)
	CMPQ(n, left)
	CMOVQLT(n, left)
	MOVQ(I32(-1), bits)
	BZHIQ(left, bits, bits)
	KMOVD(bits.As32(), mask)
	KMOVD(bits.As32(), half[0])
	KSHIFTRD(Imm(16), mask, half[1])
	var parts [2]reg.VecVirtual
	for i := range parts {
		p, y := ZMM(), YMM()
		VMOVUPS_Z(at(x, 64*i), half[i], p)
		VMULPS(ratio, p, p)
		VADDPS(middle, p, p)
		VCVTTPS2DQ(p, p)
		VPSUBD(fixed, p, p)
		VPMOVSDW(p, y)
		parts[i] = y
		if weighted {
			weights[i] = weightPair{ZMM(), ZMM()}
			VMOVDQU32_Z(at(w, 64*i), half[i], weights[i].even)
			VPSRLQ(Imm(32), weights[i].even, weights[i].odd)
		}
	}
	VINSERTI64X4(Imm(1), parts[1], parts[0].(reg.Vec).AsZ(), v)
	trial, l := GP64(), GP64()
	XORQ(trial, trial)
	Label("levels")
	MOVQ(Mem{Base: all, Index: trial, Scale: 8}, l)
	d := avx512Nearest(l, v, steps)
	VPSUBW_Z(d, v, mask, d)
	sum, high := avx512Squares(d, weighted, weights), YMM()
	VEXTRACTI64X4(Imm(1), sum, high)
	VPADDQ(sum.AsY(), high, high)
	avx2AddTo(Mem{Base: noise, Index: trial, Scale: 8}, high)
	INCQ(trial)
	CMPQ(trial, Imm(5))
	JNE(LabelRef("levels"))
	ADDQ(U32(128), x)
	if weighted {
		ADDQ(U32(128), w)
	}
	SUBQ(Imm(32), n)
	JG(LabelRef("blocks"))
	VZEROUPPER()
	RET()
}

// A weightPair has weights of 16, and those at odd places at even ones.
type weightPair struct{ even, odd reg.VecVirtual }

// avx512Nearest returns the weights that are nearest to v, times FixedOne, of the levels at l.
func avx512Nearest(l reg.GPVirtual, v reg.VecVirtual, steps [4]reg.VecVirtual) reg.VecVirtual {
	code, table, passed := ZMM(), ZMM(), K()
	for i, step := range steps {
		from := at(l, levelWideThresholds+2*(8>>i-1))
		if i == 0 {
			VPBROADCASTW(from, table)
			VPCMPGTW(table, v, passed)
			VMOVDQU16_Z(step, passed, code)
			continue
		}
		VMOVDQU(from, table.AsY())
		VPERMW(table, code, table)
		VPCMPGTW(table, v, passed)
		VPADDW(step, code, passed, code)
	}
	VMOVDQU(at(l, levelWideWeights), table.AsY())
	VPERMW(table, code, table)
	return table
}

// avx512Squares returns the sum of w·d² in eight integers of 64 bits, w weights, or one.
func avx512Squares(d reg.VecVirtual, weighted bool, weights [2]weightPair) reg.VecVirtual {
	odd := ZMM()
	if !weighted {
		VPMADDWD(d, d, d)
		VPSRLQ(Imm(32), d, odd)
		VPSLLQ(Imm(32), d, d)
		VPSRLQ(Imm(32), d, d)
		VPADDQ(odd, d, d)
		return d
	}
	high, sum := YMM(), ZMM()
	VEXTRACTI64X4(Imm(1), d, high)
	for i, part := range []reg.VecVirtual{d.AsY().(reg.VecVirtual), high} {
		square, odd := ZMM(), ZMM()
		VPMOVSXWD(part, square)
		VPMULLD(square, square, square)
		VPSRLQ(Imm(32), square, odd)
		VPMULUDQ(weights[i].even, square, square)
		VPMULUDQ(weights[i].odd, odd, odd)
		VPADDQ(odd, square, square)
		if i == 0 {
			sum = square
			continue
		}
		VPADDQ(square, sum, sum)
	}
	return sum
}
