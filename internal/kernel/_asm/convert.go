package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// avx2Convert writes what turns whole tensors into quantized values and back, beside the kernels of bytes
// with zero points.
func avx2Convert() {
	avx2MinMaxBlocks()
	avx2MinMaxColumns()
	avx2QuantizeColumns()
	avx2DequantizeColumns()
	avx2QuantizeGrid()
	avx2DequantizeGrid()
	avx2EncodeFloat16()
	avx2EncodeBFloat16()
}

func avx2MinMaxBlocks() {
	function("minMaxBlocksAVX2", "low, high, src *float32, blocks, size int, bad *uint32",
		"minMaxBlocksAVX2 works like minMaxBlocksGeneric for blocks > 0 and size > 0, a multiple of 8. It sets bad to other than 0 where a value was not finite.")
	low, high, src, blocks, size, bad := arg("low"), arg("high"), arg("src"), arg("blocks"), arg("size"), arg("bad")
	ends := []reg.VecVirtual{YMM(), YMM()}
	x, odd, zero, n := YMM(), ymm.zero(), ymm.zero(), GP64()
	magnitude, largest := constant("magnitude", 0x7fffffff), constant("largest", math.Float32bits(math.MaxFloat32))
	least := []func(ops ...Op){func(ops ...Op) { VMINPS(ops[0], ops[1], ops[2]) }, func(ops ...Op) { VMAXPS(ops[0], ops[1], ops[2]) }}
	loop("blocks", blocks, 1, func() {
		VMOVUPS(at(src, 0), ends[0])
		VMOVAPS(ends[0], ends[1])
		MOVQ(size, n)
		loop("values", n, 8, func() {
			VMOVUPS(at(src, 0), x)
			for i, of := range least {
				of(x, ends[i], ends[i])
			}
			VPAND(magnitude, x, x)
			VPCMPGTD(largest, x, x)
			VPOR(x, odd, odd)
			ADDQ(Imm(32), src)
		})
		for i, of := range least {
			end, half := ends[i].AsX(), x.AsX()
			VEXTRACTF128(Imm(1), ends[i], half)
			of(half, end, end)
			VPERMILPS(Imm(0b11_10), end, half)
			of(half, end, end)
			VPERMILPS(Imm(0b01), end, half)
			of(half, end, end)
			VADDPS(zero.AsX(), end, end) // +0 for −0
			to := []reg.GPVirtual{low, high}[i]
			VMOVSS(end, at(to, 0))
			ADDQ(Imm(4), to)
		}
	})
	mask := GP32()
	VPMOVMSKB(odd, mask)
	MOVL(mask, at(bad, 0))
	VZEROUPPER()
	RET()
}

func avx2QuantizeGrid() {
	function("quantizeGridAVX2", "dst *uint8, src *float32, n int, scale, offset, high float64",
		"quantizeGridAVX2 works like quantizeGridGeneric for n > 0, a multiple of 8.")
	dst, src, n := arg("dst"), arg("src"), arg("n")
	scale, offset, high := broadcast("scale", broadcastPD), broadcast("offset", broadcastPD), broadcast("high", broadcastPD)
	zero, x := ymm.zero(), []reg.VecVirtual{YMM(), YMM()}
	loop("values", n, 8, func() {
		for i, v := range x {
			VCVTPS2PD(at(src, 16*i), v)
			VSUBPD(offset, v, v)
			VDIVPD(scale, v, v)
			VMAXPD(zero, v, v)
			VMINPD(high, v, v)
			VCVTPD2DQY(v, v.AsX())
		}
		low := x[0].AsX()
		VPACKUSDW(x[1].AsX(), low, low)
		VPACKUSWB(low, low, low)
		VMOVQ(low, at(dst, 0))
		ADDQ(Imm(32), src)
		ADDQ(Imm(8), dst)
	})
	VZEROUPPER()
	RET()
}

func avx2DequantizeGrid() {
	function("dequantizeGridAVX2", "dst *float32, src *uint8, n int, scale, offset float64",
		"dequantizeGridAVX2 works like dequantizeGridGeneric for n > 0, a multiple of 4.")
	dst, src, n := arg("dst"), arg("src"), arg("n")
	scale, offset := broadcast("scale", broadcastPD), broadcast("offset", broadcastPD)
	largest, least := constant("largest", math.Float32bits(math.MaxFloat32)), constant("least", math.Float32bits(-math.MaxFloat32))
	x := YMM()
	loop("codes", n, 4, func() {
		VPMOVZXBD(at(src, 0), x.AsX())
		VCVTDQ2PD(x.AsX(), x)
		VMULPD(scale, x, x)
		VADDPD(offset, x, x)
		VCVTPD2PSY(x, x.AsX())
		VMINPS(largest.AsX(), x.AsX(), x.AsX())
		VMAXPS(least.AsX(), x.AsX(), x.AsX())
		VMOVUPS(x.AsX(), at(dst, 0))
		ADDQ(Imm(4), src)
		ADDQ(Imm(16), dst)
	})
	VZEROUPPER()
	RET()
}

// avx2EncodeFloat16 is for machines with F16C.
func avx2EncodeFloat16() {
	function("encodeFloat16AVX2", "dst *uint16, src *float32, n int", "encodeFloat16AVX2 works like encodeGeneric for float16 and n > 0, a multiple of 8.")
	dst, src, n := arg("dst"), arg("src"), arg("n")
	x := YMM()
	loop("values", n, 8, func() {
		VMOVUPS(at(src, 0), x)
		VCVTPS2PH(Imm(0), x, at(dst, 0)) // to nearest, ties to even
		ADDQ(Imm(32), src)
		ADDQ(Imm(16), dst)
	})
	VZEROUPPER()
	RET()
}

func avx2EncodeBFloat16() {
	function("encodeBFloat16AVX2", "dst *uint16, src *float32, n int", "encodeBFloat16AVX2 works like encodeGeneric for bfloat16 and n > 0, a multiple of 8.")
	dst, src, n := arg("dst"), arg("src"), arg("n")
	one, under, quiet := constant("ones32", 1), constant("underHalf", 0x7fff), constant("quiet", 0x40)
	x, rounded, nan := YMM(), YMM(), YMM()
	loop("values", n, 8, func() {
		VMOVUPS(at(src, 0), x)
		VCMPPS(Imm(3), x, x, nan) // unordered
		VPADDD(under, x, rounded)
		VPSRLD(Imm(16), x, x)
		quieted := YMM()
		VPAND(one, x, quieted)
		VPADDD(quieted, rounded, rounded)
		VPSRLD(Imm(16), rounded, rounded)
		VPOR(quiet, x, x)
		VPBLENDVB(nan, x, rounded, x)
		VEXTRACTI128(Imm(1), x, rounded.AsX())
		VPACKUSDW(rounded.AsX(), x.AsX(), x.AsX())
		VMOVDQU(x.AsX(), at(dst, 0))
		ADDQ(Imm(32), src)
		ADDQ(Imm(16), dst)
	})
	VZEROUPPER()
	RET()
}

// mostColumns is that of package kernel: how far apart lie what Columns has of a column.
const mostColumns = 2048

// columnParam returns an entry of 8 columns, of which the first is at an index.
func columnParam(params, index reg.GPVirtual, entry int) Mem {
	return Mem{Base: params, Index: index, Scale: 4, Disp: 4 * mostColumns * entry}
}

// pointer goes from row to row, of elements of a size.
type pointer struct {
	at   reg.GPVirtual
	size uint8
}

// rowsOfColumns emits body for 8 columns of a row, from index on, row by row.
func rowsOfColumns(columns, stride, rows reg.GPVirtual, pointers []pointer, body func(index reg.GPVirtual)) {
	index := GP64()
	loop("rows", rows, 1, func() {
		XORQ(index, index)
		Label("columns")
		body(index)
		ADDQ(Imm(8), index)
		CMPQ(index, columns)
		JLT(LabelRef("columns"))
		for _, p := range pointers {
			LEAQ(Mem{Base: p.at, Index: stride, Scale: p.size}, p.at)
		}
	})
}

// doubt is how far from the middle between two integers the rounding of a quotient, at most 255, is certain.
// A product with the rounded inverse is within 2^−15 of the quotient, and the quotient rounded to a float32
// within 2^−16.
const doubt = 0x1p-14

// avx2QuantizeColumns multiplies by the inverse of a scale, and divides where a product is in doubt, or
// no number.
func avx2QuantizeColumns() {
	function("quantizeColumnsAVX2", "dst *uint8, src, columns *float32, n, stride, rows int, low, high int32",
		"quantizeColumnsAVX2 works like quantizeColumnsGeneric for n > 0, a multiple of 8, and rows > 0, where all columns have one low and one high. columns is the first inverse.")
	dst, src, columns, n, stride, rows := arg("dst"), arg("src"), arg("columns"), arg("n"), arg("stride"), arg("rows")
	lowBytes, middle, magnitude := constant("lowBytes", 0xff), constant("middle256", math.Float32bits(0.5-doubt)), constant("magnitude", 0x7fffffff)
	low, high := broadcast("low", broadcastPS), broadcast("high", broadcastPS)
	far, farBelow := constant("million", math.Float32bits(1e6)), constant("lessMillion", math.Float32bits(-1e6))
	x, rest, upper := YMM(), YMM(), XMM()
	rowsOfColumns(n, stride, rows, []pointer{{src, 4}, {dst, 1}}, func(index reg.GPVirtual) {
		from := Mem{Base: src, Index: index, Scale: 4}
		VMOVUPS(from, x)
		VMULPS(columnParam(columns, index, 0), x, x)
		VROUNDPS(Imm(0), x, rest)
		VSUBPS(rest, x, rest)
		VANDPS(magnitude, rest, rest)
		VCMPPS(Imm(5), middle, rest, rest) // not less, so that NaN is in doubt
		VTESTPS(rest, rest)
		JZ(LabelRef("certain"))
		VMOVUPS(from, x)
		VDIVPS(columnParam(columns, index, 2), x, x)
		Label("certain")
		toIntegers(x, farBelow, far) // of which an int32 holds more, and a zero point makes no code
		VPADDD(columnParam(columns, index, 1), x, x)
		VPMAXSD(low, x, x)
		VPMINSD(high, x, x)
		VPAND(lowBytes, x, x)
		VEXTRACTI128(Imm(1), x, upper)
		VPACKUSDW(upper, x.AsX(), x.AsX())
		VPACKUSWB(x.AsX(), x.AsX(), x.AsX())
		VMOVQ(x.AsX(), Mem{Base: dst, Index: index, Scale: 1})
	})
	VZEROUPPER()
	RET()
}

// avx2DequantizeColumns shifts a byte up and back, which extends its sign where the shift is 24.
func avx2DequantizeColumns() {
	function("dequantizeColumnsAVX2", "dst *float32, src *uint8, columns *float32, n, stride, rows, shift int",
		"dequantizeColumnsAVX2 works like dequantizeColumnsGeneric for n > 0, a multiple of 8, and rows > 0. columns is the first inverse, and shift 24 for signed values, 0 for others.")
	dst, src, columns, n, stride, rows := arg("dst"), arg("src"), arg("columns"), arg("n"), arg("stride"), arg("rows")
	largest, least := constant("largest", math.Float32bits(math.MaxFloat32)), constant("least", math.Float32bits(-math.MaxFloat32))
	shift, x := XMM(), YMM()
	VMOVQ(param("shift"), shift)
	rowsOfColumns(n, stride, rows, []pointer{{src, 1}, {dst, 4}}, func(index reg.GPVirtual) {
		VPMOVZXBD(Mem{Base: src, Index: index, Scale: 1}, x)
		VPSLLD(shift, x, x)
		VPSRAD(shift, x, x)
		VPSUBD(columnParam(columns, index, 1), x, x)
		VCVTDQ2PS(x, x)
		VMULPS(columnParam(columns, index, 2), x, x)
		VMINPS(largest, x, x)
		VMAXPS(least, x, x)
		VMOVUPS(x, Mem{Base: dst, Index: index, Scale: 4})
	})
	VZEROUPPER()
	RET()
}

func avx2MinMaxColumns() {
	function("minMaxColumnsAVX2", "low, high, src *float32, n, stride, rows int, bad *uint32",
		"minMaxColumnsAVX2 works like minMaxColumnsGeneric for n > 0, a multiple of 8, and rows > 0. It adds bits to bad where a value was not finite.")
	low, high, src, n, stride, rows, bad := arg("low"), arg("high"), arg("src"), arg("n"), arg("stride"), arg("rows"), arg("bad")
	magnitude, largest := constant("magnitude", 0x7fffffff), constant("largest", math.Float32bits(math.MaxFloat32))
	x, end, odd, zero := YMM(), YMM(), ymm.zero(), ymm.zero()
	rowsOfColumns(n, stride, rows, []pointer{{src, 4}}, func(index reg.GPVirtual) {
		VADDPS(Mem{Base: src, Index: index, Scale: 4}, zero, x) // +0 for −0
		VMINPS(Mem{Base: low, Index: index, Scale: 4}, x, end)
		VMOVUPS(end, Mem{Base: low, Index: index, Scale: 4})
		VMAXPS(Mem{Base: high, Index: index, Scale: 4}, x, end)
		VMOVUPS(end, Mem{Base: high, Index: index, Scale: 4})
		VPAND(magnitude, x, x)
		VPCMPGTD(largest, x, x)
		VPOR(x, odd, odd)
	})
	mask := GP32()
	VPMOVMSKB(odd, mask)
	ORL(mask, at(bad, 0))
	VZEROUPPER()
	RET()
}
