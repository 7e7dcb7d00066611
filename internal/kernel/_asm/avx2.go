package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// avx2Rows is package kernel's avx2Rows, the most rows of a tile: 10 sums, 4 vectors of weights, 1 of activations and 1 product fill the
// 16 registers.
const avx2Rows = 5

func avx2() {
	avx2Multiply()
	avx2Groups()
	avx2Unpack()
	for bits := 2; bits <= 4; bits += 2 {
		decodeCodes(ymm, bits)
	}
	avx2Multiply2Bits()
	avx2Multiply4Bits()
	avx2SumCodes()
	avx2QuantizeInts()
	avx2QuantizeFixed()
	avx2SubtractZeroPoint()
	avx2SplitS16()
	avx2Quantize()
	avx2Dequantize()
	avx2Convert()
	avx2AddU8()
	avx2LookUp()
	avx2DecodeBFloat16()
	avx2DecodeFloat16()
	dequantizeSums(ymm)
	requantizeSums(ymm)
	dequantizePlanes(ymm)
	avx2AddSums()
	accumulateGroup(ymm)
	accumulateWideGroup(ymm)
	avx2Finish(false)
	avx2Finish(true)
	avx2MaxWindows()
	avx2MultiplyDepthwise()
	for _, t := range transposes {
		avx2Transpose(t.name, t.goType, t.size, t.transpose)
	}
	avx2Interleave3()
	for step := 1; step <= 2; step++ {
		moveRows(ymm, step)
	}
	avx2SplitU8()
	avx2Crossings()
	avx2Walk()
	avx2BinNumbers()
	addSquares(ymm)
	addDifferences(ymm)
	avx2AddRowsOff()
	avx2Noise("noiseAVX2", false)
	avx2Noise("weightedNoiseAVX2", true)
	elementwise(ymm)
	reductions(ymm)
}

// function begins a function, with a doc in lines of up to 107 columns after the slashes. It begins with a cache
// line, so that loops lie in lines the same way whatever is linked before it: that is worth up to a tenth.
func function(name, signature, doc string) {
	TEXT(name, NOSPLIT, "func("+signature+")")
	Pragma("noescape")
	var lines []string
	for _, word := range strings.Fields(doc) {
		last := len(lines) - 1
		if last < 0 || utf8.RuneCountInString(lines[last]+" "+word) > 107 {
			lines = append(lines, word)
		} else {
			lines[last] += " " + word
		}
	}
	Doc(lines...)
	Instruction(&ir.Instruction{Opcode: "PCALIGN", Operands: []Op{Imm(64)}})
}

// arg loads an integer or a pointer.
func arg(name string) reg.GPVirtual { return Load(Param(name), GP64()).(reg.GPVirtual) }

// broadcast returns a vector that repeats an argument of 4 bytes, or of 8.
func broadcast(name string, insert func(ops ...Op)) reg.VecVirtual {
	v := YMM()
	insert(param(name), v)
	return v
}

func broadcastPS(ops ...Op) { VBROADCASTSS(ops[0], ops[1]) }
func broadcastPD(ops ...Op) { VBROADCASTSD(ops[0], ops[1]) }

// constants are those that have been written.
var constants = map[string]Mem{}

// stored returns where 32-bit words are.
func stored(name string, words []uint32) Mem {
	data, ok := constants[name]
	if !ok {
		data = GLOBL(name, RODATA|NOPTR)
		if len(words) == 1 {
			DATA(0, U32(words[0]))
		}
		for i := 0; i+1 < len(words); i += 2 {
			DATA(4*i, U64(words[i])|U64(words[i+1])<<32)
		}
		constants[name] = data
	}
	return data
}

// memory returns where 32-bit words are, repeated to the length of a vector.
func (v vectors) memory(name string, words ...uint32) Mem {
	for len(words) < v.bytes/4 {
		words = append(words, words...)
	}
	return stored(name+"Of"+v.isa, words)
}

// constant returns a vector that repeats 32-bit words: one, four, or as many as it has. They are stored once.
func (v vectors) constant(name string, words ...uint32) reg.VecVirtual {
	data, x := stored(name, words), v.make()
	switch {
	case len(words) == 1:
		VPBROADCASTD(data, x)
	case len(words) == 4 && v.bytes == 64:
		VBROADCASTI32X4(data, x)
	case len(words) == 4:
		VBROADCASTI128(data, x)
	case 4*len(words) == v.bytes:
		v.move(data, x)
	default:
		panic(fmt.Sprintf("constant %s has %d words", name, len(words)))
	}
	return x
}

func constant(name string, words ...uint32) reg.VecVirtual { return ymm.constant(name, words...) }

// loop emits body until count, which is above 0, has been counted down by step.
func loop(name string, count reg.GPVirtual, step int, body func()) {
	Label(name)
	body()
	SUBQ(Imm(uint64(step)), count)
	JNZ(LabelRef(name))
}

// some emits body for each of count, which is from least to most, and then the given label. The jumps over those
// that are not there are foreseen, so one kernel does for all counts.
func some(count reg.GPVirtual, least, most int, behind string, body func(i int)) {
	for i := range most {
		if i >= least {
			CMPQ(count, Imm(uint64(i)))
			JEQ(LabelRef(behind))
		}
		body(i)
	}
	Label(behind)
}

func at(base reg.Register, disp int) Mem { return Mem{Base: base, Disp: disp} }

// avx2Ahead is how far ahead of their use weights are fetched, since for few rows memory is the limit. Of 1, 2
// and 4 KB, 2 and 4 are as fast as reading alone.
const avx2Ahead = 4096

// avx2Multiply widens the 32 bytes of 8 columns to two vectors of 16-bit integers by shifts: the odd ones of
// depth stay where they are, the even ones go up and come back. Each is multiplied by the two of a row that
// go with it, VPMADDWD, into the sums of 8 columns.
func avx2Multiply() {
	function("multiplyS16AVX2", "c *int32, a *uint8, lda int, b *int8, steps, rows int",
		fmt.Sprintf("multiplyS16AVX2 works like multiplyS16Generic for up to %d rows and 1 panel; steps > 0.", avx2Rows))
	c, a, lda, b, steps, rows, lda3 := arg("c"), arg("a"), arg("lda"), arg("b"), arg("steps"), arg("rows"), GP64()
	LEAQ(Mem{Base: lda, Index: lda, Scale: 2}, lda3)
	row := func(i, disp int) Mem {
		m := Mem{Base: a, Disp: disp}
		switch i {
		case 1, 2, 4:
			m.Index, m.Scale = lda, uint8(i)
		case 3:
			m.Index, m.Scale = lda3, 1
		}
		return m
	}
	var sums [avx2Rows][2]reg.VecVirtual
	for i := range sums {
		for h := range sums[i] {
			sums[i][h] = YMM()
			VPXOR(sums[i][h], sums[i][h], sums[i][h])
		}
	}
	var even, odd [2]reg.VecVirtual
	for h := range 2 {
		even[h], odd[h] = YMM(), YMM()
	}
	x, product := YMM(), YMM()
	loop("steps", steps, 1, func() {
		PREFETCHT0(at(b, avx2Ahead))
		for h := range 2 {
			VMOVDQU(at(b, 32*h), odd[h])
			VPSLLW(Imm(8), odd[h], even[h])
			VPSRAW(Imm(8), even[h], even[h])
			VPSRAW(Imm(8), odd[h], odd[h])
		}
		some(rows, 1, avx2Rows, "step", func(i int) {
			for parity, weights := range [][2]reg.VecVirtual{even, odd} {
				VPBROADCASTD(row(i, 4*parity), x)
				VPMADDWD(weights[0], x, product)
				VPMADDWD(weights[1], x, x)
				VPADDD(product, sums[i][0], sums[i][0])
				VPADDD(x, sums[i][1], sums[i][1])
			}
		})
		ADDQ(Imm(8), a)
		ADDQ(Imm(64), b)
	})
	some(rows, 1, avx2Rows, "stored", func(i int) {
		for h := range 2 {
			VMOVDQU(sums[i][h], at(c, 64*i+32*h))
		}
	})
	VZEROUPPER()
	RET()
}

func avx2Unpack() {
	function("unpackAVX2", "dst *int8, src *uint8, n int", "unpackAVX2 works like unpackGeneric for n > 0 bytes of src, a multiple of 64.")
	dst, src, n := arg("dst"), arg("src"), arg("n")
	mask, eight := constant("lowHalves", 0x0f0f0f0f), constant("eights", 0x08080808)
	low, high := YMM(), YMM()
	loop("steps", n, stepBytes, func() {
		for half := 0; half < stepBytes; half += 32 {
			VMOVDQU(at(src, half), low)
			VPSRLW(Imm(4), low, high)
			for i, v := range []reg.VecVirtual{low, high} {
				VPAND(mask, v, v)
				VPSUBB(eight, v, v)
				VMOVDQU(v, at(dst, half+stepBytes*i))
			}
		}
		ADDQ(Imm(stepBytes), src)
		ADDQ(Imm(2*stepBytes), dst)
	})
	VZEROUPPER()
	RET()
}

// toIntegers rounds x, clamped to low and high, to the nearest integers, ties to even. Clamping comes first:
// what an int32 does not hold would become its minimum.
func toIntegers(x, low, high reg.VecVirtual) {
	VMAXPS(low, x, x)
	VMINPS(high, x, x)
	VCVTPS2DQ(x, x)
}

func avx2QuantizeInts() {
	function("quantizeIntsAVX2", "dst *int32, src *float32, n int, scale, low, high float32",
		"quantizeIntsAVX2 sets dst[i] = clamp(RNE(src[i]/scale), low, high) for n > 0, a multiple of 8.")
	dst, src, n := arg("dst"), arg("src"), arg("n")
	scale, low, high := broadcast("scale", broadcastPS), broadcast("low", broadcastPS), broadcast("high", broadcastPS)
	x := YMM()
	loop("values", n, 8, func() {
		VMOVUPS(at(src, 0), x)
		VDIVPS(scale, x, x)
		toIntegers(x, low, high)
		VMOVDQU(x, at(dst, 0))
		ADDQ(Imm(32), src)
		ADDQ(Imm(32), dst)
	})
	VZEROUPPER()
	RET()
}

func avx2QuantizeFixed() {
	function("quantizeFixedAVX2", "dst *int32, src *float32, n int, scale1, scale2, low, high float32",
		"quantizeFixedAVX2 sets dst[i] = clamp(RNE(src[i]·scale1·scale2), low, high) for n > 0, a multiple of 8.")
	dst, src, n := arg("dst"), arg("src"), arg("n")
	scale1, scale2 := broadcast("scale1", broadcastPS), broadcast("scale2", broadcastPS)
	low, high := broadcast("low", broadcastPS), broadcast("high", broadcastPS)
	x := YMM()
	loop("values", n, 8, func() {
		VMOVUPS(at(src, 0), x)
		VMULPS(scale1, x, x)
		VMULPS(scale2, x, x)
		toIntegers(x, low, high)
		VMOVDQU(x, at(dst, 0))
		ADDQ(Imm(32), src)
		ADDQ(Imm(32), dst)
	})
	VZEROUPPER()
	RET()
}

func avx2SubtractZeroPoint() {
	function("subtractZeroPointAVX2", "dst *int32, src *uint8, n int, zero int32", "subtractZeroPointAVX2 works like subtractZeroPointGeneric for n > 0, a multiple of 8.")
	dst, src, n := arg("dst"), arg("src"), arg("n")
	zero := broadcast("zero", broadcastPS)
	x := YMM()
	loop("codes", n, 8, func() {
		VPMOVZXBD(at(src, 0), x)
		VPSUBD(zero, x, x)
		VMOVDQU(x, at(dst, 0))
		ADDQ(Imm(8), src)
		ADDQ(Imm(32), dst)
	})
	VZEROUPPER()
	RET()
}

// order0213 puts the four words of each step into the order of planes of 16-bit integers.
func order0213() reg.VecVirtual {
	return constant("order0213", 0x05040100, 0x07060302, 0x0d0c0908, 0x0f0e0b0a)
}

// narrow16 packs 16 integers from two vectors into one of 16-bit integers in the order of a plane.
func narrow16(lower, upper, order, dst reg.VecVirtual) {
	VPACKSSDW(upper, lower, dst) // the first four of each, then the second four
	VPERMQ(Imm(0b11_01_10_00), dst, dst)
	VPSHUFB(order, dst, dst)
}

func avx2SplitS16() {
	function("splitS16AVX2", "dst *uint8, stride int, x *int32, n, planes int", "splitS16AVX2 works like splitS16Generic for one or two planes and n > 0, a multiple of 16.")
	dst, stride, x, n, planes := arg("dst"), arg("stride"), arg("x"), arg("n"), arg("planes")
	order, low12 := order0213(), constant("low12", 1<<12-1)
	lower, upper, lowerLow, upperLow := YMM(), YMM(), YMM(), YMM()
	split := func(name string, to Mem, before func()) {
		loop(name, n, 16, func() {
			VMOVDQU(at(x, 0), lower)
			VMOVDQU(at(x, 32), upper)
			before()
			narrow16(lower, upper, order, lower)
			VMOVDQU(lower, to)
			ADDQ(Imm(64), x)
			ADDQ(Imm(32), dst)
		})
	}
	CMPQ(planes, Imm(1))
	JNE(LabelRef("two"))
	split("integers", at(dst, 0), func() {})
	VZEROUPPER()
	RET()
	Label("two")
	split("parts", Mem{Base: dst, Index: stride, Scale: 1}, func() {
		VPAND(low12, lower, lowerLow)
		VPAND(low12, upper, upperLow)
		narrow16(lowerLow, upperLow, order, lowerLow)
		VMOVDQU(lowerLow, at(dst, 0))
		VPSRAD(Imm(12), lower, lower)
		VPSRAD(Imm(12), upper, upper)
	})
	VZEROUPPER()
	RET()
}
