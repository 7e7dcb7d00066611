package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func avx512() {
	avx512MinMax()
	for _, c := range []codeType{signedByte, unsignedByte} {
		avx512Quantize(c, false)
		avx512Quantize(c, true)
	}
	for planes := 2; planes <= 3; planes++ {
		avx512SplitFixed(planes)
	}
	direct(zmm)
	for planes := 1; planes <= 3; planes++ {
		directWide(zmm, planes)
	}
	vnni()
	avx512Lanes()
	vnniMultiplyDepthwise()
	vbmiLookUp()
}

// four returns vectors that do not wait for one another.
func four() (v [4]reg.VecVirtual) {
	for i := range v {
		v[i] = ZMM()
	}
	return v
}

// A walk goes through numbers in blocks of 64, of which there is one at least. The last block reaches back where the
// numbers are no multiple of that.
type walk struct {
	pointers, last []reg.GPVirtual
	strides        []int
}

// walkFrom begins a walk over n numbers of some bytes at each pointer.
func walkFrom(n reg.GPVirtual, pointers []reg.GPVirtual, sizes ...int) *walk {
	w := &walk{pointers: pointers}
	for i, p := range pointers {
		last, stride := GP64(), 64*sizes[i]
		LEAQ(Mem{Base: p, Index: n, Scale: uint8(sizes[i]), Disp: -stride}, last)
		w.last, w.strides = append(w.last, last), append(w.strides, stride)
	}
	Label("blocks")
	return w
}

// next goes on to the next block, or behind this if there is none.
func (w *walk) next() {
	CMPQ(w.pointers[0], w.last[0])
	JEQ(LabelRef("done"))
	for i, p := range w.pointers {
		ADDQ(U32(w.strides[i]), p)
		CMPQ(p, w.last[i])
		CMOVQHI(w.last[i], p)
	}
	JMP(LabelRef("blocks"))
	Label("done")
}

func avx512MinMax() {
	function("minMaxAVX512", "lanes *[3][4]float32, src *float32, n int",
		"minMaxAVX512 sets lanes[0] and lanes[1] to the smallest and largest of some of src each, and lanes[2] to the largest\nmagnitude, as an integer of its bits, for n ≥ 64.")
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
	w := walkFrom(n, []reg.GPVirtual{src}, 4)
	for i, v := range x {
		PREFETCHT0(at(src, numbersAhead+64*i))
		VMOVUPS(at(src, 64*i), v)
		VMINPS(v, low[i], low[i])
		VMAXPS(v, high[i], high[i])
		VPANDD(magnitude, v, v)
		VPMAXUD(v, top[i], top[i])
	}
	w.next()
	for i, of := range []struct {
		x    [4]reg.VecVirtual
		more func(ops ...Op)
	}{
		{low, func(ops ...Op) { VMINPS(ops...) }},
		{high, func(ops ...Op) { VMAXPS(ops...) }},
		{top, func(ops ...Op) { VPMAXUD(ops...) }},
	} {
		v, other := of.x[0], of.x[1]
		of.more(of.x[2], v, v)
		of.more(of.x[3], other, other)
		of.more(other, v, v)
		VEXTRACTF64X4(Imm(1), v, other.AsY())
		of.more(other.AsY(), v.AsY(), v.AsY())
		VEXTRACTF64X2(Imm(1), v.AsY(), other.AsX())
		of.more(other.AsX(), v.AsX(), v.AsX())
		VMOVUPS(v.AsX(), at(lanes, 16*i))
	}
	VZEROUPPER()
	RET()
}

// doubt is how far from the middle between two integers a quotient, at most 255, decides its rounding. A product with the
// rounded inverse is within 2^−15 of the quotient, and the quotient rounded to a float32 within 2^−16.
const doubt = 0x1p-14

// avx512Quantize multiplies by the inverse of the scale, and divides where a product is in doubt. It stores past the caches
// where stream is set.
func avx512Quantize(c codeType, stream bool) {
	name, where, store := "quantize"+c.name+"AVX512", "n ≥ 64", VMOVDQU32
	if stream {
		name, where = "quantizeStream"+c.name+"AVX512", "n > 0, a multiple of 64, and dst at one"
		store = func(ops ...Op) { VMOVNTDQ(ops[0], ops[1]) }
	}
	function(name, "dst *"+c.goType+", src *float32, n int, scale, inverse, low, high float32, zero int32",
		name+" sets dst[i] = clamp(RNE(src[i]/scale), low, high) + zero, which a byte holds, for "+where+",\nand inverse = 1/scale, finite.")
	dst, src, n := arg("dst"), arg("src"), arg("n")
	scale, inverse, low, high, zero := zmm.repeat("scale"), zmm.repeat("inverse"), zmm.repeat("low"), zmm.repeat("high"), zmm.repeat("zero")
	middle, order := zmm.constant("middle", math.Float32bits(0.5-doubt)), zmm.constant("everyFourth", everyFourth...)
	x, rest, farthest, doubtful := four(), ZMM(), ZMM(), K()
	w := walkFrom(n, []reg.GPVirtual{src, dst}, 4, 1)
	VPXORD(farthest, farthest, farthest)
	for i, v := range x {
		VMULPS(at(src, 64*i), inverse, v)
		VMAXPS(low, v, v)
		VMINPS(high, v, v)
		VREDUCEPS(Imm(0), v, rest)                      // less the nearest integer
		VRANGEPS(Imm(0b1011), rest, farthest, farthest) // the greater magnitude
		VCVTPS2DQ(v, v)
	}
	VCMPPS(Imm(13), middle, farthest, doubtful) // at least
	KORTESTW(doubtful, doubtful)
	JNZ(LabelRef("divide"))
	Label("store")
	for _, v := range x {
		VPADDD(zero, v, v)
	}
	VPACKSSDW(x[1], x[0], x[0])
	VPACKSSDW(x[3], x[2], x[2])
	c.narrow(x[2], x[0], x[0])
	VPERMD(x[0], order, x[0])
	store(x[0], at(dst, 0))
	w.next()
	if stream {
		SFENCE()
	}
	VZEROUPPER()
	RET()
	Label("divide")
	for i, v := range x {
		VMOVUPS(at(src, 64*i), v)
		VDIVPS(scale, v, v)
		toIntegers(v, low, high)
	}
	JMP(LabelRef("store"))
}

// avx512SplitFixed puts the bytes of four integers in a lane of 128 bits side by side, and then lanes.
func avx512SplitFixed(planes int) {
	name := fmt.Sprintf("splitFixed%dAVX512", planes)
	function(name, "dst *uint8, stride int, src *float32, n int, scale1, scale2, low, high float32, offset int32",
		name+" works like quantizeFixedGeneric, for a clamp to low and high, and then splitU8Generic for n ≥ 64.")
	dst, stride, src, n := arg("dst"), arg("stride"), arg("src"), arg("n")
	scale1, scale2, low, high, offset := zmm.repeat("scale1"), zmm.repeat("scale2"), zmm.repeat("low"), zmm.repeat("high"), zmm.repeat("offset")
	bytes := zmm.constant("bytes", 0x0c080400, 0x0d090501, 0x0e0a0602, 0x0f0b0703)
	first := zmm.constant("planes01", 0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29)
	x := four()
	w := walkFrom(n, []reg.GPVirtual{src, dst}, 4, 1)
	for i, v := range x {
		VMULPS(at(src, 64*i), scale1, v)
		VMULPS(scale2, v, v)
		toIntegers(v, low, high)
		VPADDD(offset, v, v)
		VPSHUFB(bytes, v, v)
	}
	store := func(v reg.VecVirtual, p int) {
		m := at(dst, 0)
		if p > 0 {
			m.Index, m.Scale = stride, uint8(p)
		}
		VMOVDQU32(v, m)
	}
	y, z := ZMM(), ZMM()
	if planes > 2 {
		second := zmm.constant("planes23", 2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31)
		VMOVDQU32(second, y)
		VPERMI2D(x[1], x[0], y)
		VPERMI2D(x[3], x[2], second)
		VINSERTI64X4(Imm(1), second.AsY(), y, y)
		store(y, 2)
	}
	VPERMT2D(x[1], first, x[0])
	VPERMT2D(x[3], first, x[2])
	VINSERTI64X4(Imm(1), x[2].AsY(), x[0], z)
	store(z, 0)
	VSHUFI64X2(Imm(0b11_10_11_10), x[2], x[0], z)
	store(z, 1)
	w.next()
	VZEROUPPER()
	RET()
}

// everyFourth undoes packing, which works within lanes of 128 bits, as an order of dwords.
var everyFourth = []uint32{0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15}
