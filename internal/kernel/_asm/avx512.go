package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func avx512() {
	avx512MinMax()
	avx512Quantize()
	for planes := 2; planes <= 3; planes++ {
		avx512SplitFixed(planes)
	}
	vnni()
	vnniGroups()
	for bits := 2; bits <= 4; bits += 2 {
		decodeCodes(zmm, bits)
		for _, n := range vnniCodeRows {
			vnniMultiplyCodes(bits, n.rows, n.groups)
		}
	}
	dequantizeSums(zmm)
	requantizeSums(zmm)
	dequantizePlanes(zmm)
	accumulateGroup(zmm)
	accumulateWideGroup(zmm)
	avx512GatherPixels()
	vbmiGatherPixels()
	vnniMultiplyPixels()
	avx512QuantizeColumns()
	avx512DequantizeColumns()
	avx512AddU8()
	vnniMultiplyDepthwise()
	vnniRequantizeDepthwise()
	vbmiLookUp()
	elementwise(zmm)
	reductions(zmm)
	for step := 1; step <= 2; step++ {
		moveRows(zmm, step)
	}
	avx512BinNumbers()
	addSquares(zmm)
	addDifferences(zmm)
	avx512Noise("noiseAVX512", false)
	avx512Noise("weightedNoiseAVX512", true)
}

// four returns vectors that do not wait for one another.
func four() (v [4]reg.VecVirtual) {
	for i := range v {
		v[i] = ZMM()
	}
	return v
}

// A walk goes through elements in blocks of 64, of which there is one at least. The last block reaches back
// where the count is no multiple of 64.
type walk struct {
	pointers, last []reg.GPVirtual
	strides        []int
}

// walkFrom begins a walk over n elements of some bytes at each pointer.
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
		"minMaxAVX512 sets lanes[0] and lanes[1] to the smallest and largest of some of src each, and lanes[2] to the largest magnitude, as an integer of its bits, for n ≥ 64.")
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
		PREFETCHT0(at(src, valuesAhead+64*i))
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

// nearest rounds quotients without dividing: it multiplies by an inverse of the scale that is too small for
// certain, and by one that is too large. Where both products round to the same integer, so does the quotient,
// which is between them. Fused with the addition of 1.5·2^23, products round to integers, ties to even, that
// their lower bits hold.
type nearest struct{ lower, upper, least, most, other, shifter reg.VecVirtual }

// apartFromInverse is how far from the inverse both are, relatively: apart of nearestTo.
const apartFromInverse = 0x1p-21

func newNearest(repeat func(v vectors, name string) reg.VecVirtual) nearest {
	return nearest{repeat(zmm, "lower"), repeat(zmm, "upper"), repeat(zmm, "least"), repeat(zmm, "most"), ZMM(), shifter()}
}

// shifter returns a vector that repeats 1.5·2^23: a sum with it is rounded to an integer.
func shifter() reg.VecVirtual { return zmm.number("shifter", 3<<22) }

// round sets x to integers and the bits of the shifter, and bits of doubt where they may be wrong. Clamping comes
// first: the sums are to stay where float32 holds all integers and no more.
func (n nearest) round(x, doubt reg.VecVirtual) {
	VMAXPS(n.least, x, x)
	VMINPS(n.most, x, x)
	VMOVAPS(n.shifter, n.other)
	VFMADD231PS(n.upper, x, n.other)
	VFMADD213PS(n.shifter, n.lower, x)
	VPTERNLOGD(Imm(0b11110110), n.other, x, doubt) // doubt or x exclusive-or other
}

// divide sets y to what round makes of x where nothing is in doubt.
func (n nearest) divide(x, scale, low, high, y reg.VecVirtual) {
	VDIVPS(scale, x, y)
	VMAXPS(low, y, y)
	VMINPS(high, y, y)
	VADDPS(n.shifter, y, y)
}

// unshift takes the bits of the shifter off a zero point, which is added to integers.
func (n nearest) unshift(zero reg.VecVirtual) { VPSUBD(n.shifter, zero, zero) }

// avx512Quantize divides where quotients are in doubt. It makes unsigned bytes; signed ones are those with
// the highest bit flipped. It stores past the caches where stream is not 0.
func avx512Quantize() {
	function("quantizeAVX512", "dst *uint8, src *float32, n int, scale, lower, upper, least, most, low, high float32, zero int32, flip uint32, stream int) (bad bool",
		"quantizeAVX512 sets dst[i] = (clamp(RNE(src[i]/scale), low, high) + zero) ⊕ flip, which a byte holds before, for n ≥ 64. lower and upper are around 1/scale, and least and most the clamp times scale. Where stream is not 0, n is a multiple of 64, and dst is at one. It returns true where a value is not finite.")
	dst, src, n, stream := arg("dst"), arg("src"), arg("n"), arg("stream")
	scale, low, high, zero, flip := zmm.repeat("scale"), zmm.repeat("low"), zmm.repeat("high"), zmm.repeat("zero"), zmm.repeat("flip")
	round, order := newNearest(func(v vectors, name string) reg.VecVirtual { return v.repeat(name) }), zmm.constant("everyFourth", everyFourth...)
	round.unshift(zero)
	x, doubt, doubtful, odd, odds, bad := four(), ZMM(), K(), K(), K(), GP8()
	KXORW(odds, odds, odds)
	w := walkFrom(n, []reg.GPVirtual{src, dst}, 4, 1)
	VPXORD(doubt, doubt, doubt)
	for i, v := range x {
		VMOVUPS(at(src, 64*i), v)
		VFPCLASSPSZ(Imm(0b10011001), v, odd) // NaN and infinities
		KORW(odd, odds, odds)
		round.round(v, doubt)
	}
	VPTESTMD(doubt, doubt, doubtful)
	KORTESTW(doubtful, doubtful)
	JNZ(LabelRef("divide"))
	Label("store")
	for _, v := range x {
		VPADDD(zero, v, v)
	}
	VPACKSSDW(x[1], x[0], x[0])
	VPACKSSDW(x[3], x[2], x[2])
	VPACKUSWB(x[2], x[0], x[0])
	VPERMD(x[0], order, x[0])
	VPXORD(flip, x[0], x[0])
	TESTQ(stream, stream)
	JNZ(LabelRef("past"))
	VMOVDQU32(x[0], at(dst, 0))
	Label("next")
	w.next()
	TESTQ(stream, stream)
	JZ(LabelRef("stored"))
	SFENCE()
	Label("stored")
	KORTESTW(odds, odds)
	SETNE(bad)
	Store(bad, ReturnIndex(0))
	VZEROUPPER()
	RET()
	Label("past")
	VMOVNTDQ(x[0], at(dst, 0))
	JMP(LabelRef("next"))
	Label("divide")
	for i, v := range x {
		VMOVUPS(at(src, 64*i), v)
		round.divide(v, scale, low, high, v)
	}
	JMP(LabelRef("store"))
}

// avx512AddU8 divides where quotients are in doubt.
func avx512AddU8() {
	function("addU8AVX512", "dst, x, y *uint8, n int, scaleX, scaleY, scale, lower, upper, least, most, low, high float32, zeroX, zeroY, zero int32",
		"addU8AVX512 works like addU8AVX2 for n > 0, a multiple of 64, by factors as quantizeAVX512 takes them.")
	dst, x, y, n := arg("dst"), arg("x"), arg("y"), arg("n")
	scaleX, zeroX, scaleY, zeroY := zmm.repeat("scaleX"), zmm.repeat("zeroX"), zmm.repeat("scaleY"), zmm.repeat("zeroY")
	scale, low, high, zero := zmm.repeat("scale"), zmm.repeat("low"), zmm.repeat("high"), zmm.repeat("zero")
	round, order := newNearest(func(v vectors, name string) reg.VecVirtual { return v.repeat(name) }), zmm.constant("everyFourth", everyFourth...)
	round.unshift(zero)
	sums, rounded, term, doubt, doubtful := four(), four(), ZMM(), ZMM(), K()
	real := func(from Mem, zero, scale, to reg.VecVirtual) {
		VPMOVZXBD(from, to)
		VPSUBD(zero, to, to)
		VCVTDQ2PS(to, to)
		VMULPS(scale, to, to)
	}
	loop("blocks", n, 64, func() {
		VPXORD(doubt, doubt, doubt)
		for i, sum := range sums {
			real(at(x, 16*i), zeroX, scaleX, sum)
			real(at(y, 16*i), zeroY, scaleY, term)
			VADDPS(term, sum, sum)
			VMOVAPS(sum, rounded[i])
			round.round(rounded[i], doubt)
		}
		VPTESTMD(doubt, doubt, doubtful)
		KORTESTW(doubtful, doubtful)
		JZ(LabelRef("sure"))
		for i, sum := range sums {
			round.divide(sum, scale, low, high, rounded[i])
		}
		Label("sure")
		for _, v := range rounded {
			VPADDD(zero, v, v)
		}
		VPACKSSDW(rounded[1], rounded[0], rounded[0])
		VPACKSSDW(rounded[3], rounded[2], rounded[2])
		VPACKUSWB(rounded[2], rounded[0], rounded[0])
		VPERMD(rounded[0], order, rounded[0])
		VMOVDQU32(rounded[0], at(dst, 0))
		for _, p := range []reg.GPVirtual{x, y, dst} {
			ADDQ(Imm(64), p)
		}
	})
	VZEROUPPER()
	RET()
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
