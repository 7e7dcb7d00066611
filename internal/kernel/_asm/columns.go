package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// columnsRoom is that of package kernel: how far apart lies what it has of a column.
const columnsRoom = 2048 + 16

// A columnWalk goes through four rows at a time, which are stride elements apart, by some columns.
type columnWalk struct {
	stride, stride3 reg.GPVirtual
	pointers        []*pointer
}

// A pointer goes through elements of a size, of rows or of what all rows have in common.
type pointer struct {
	at     reg.GPVirtual
	size   int
	common bool
}

// row returns where an element of one of the four rows is.
func (w *columnWalk) row(p *pointer, i int) Mem {
	m := at(p.at, 0)
	if i == 3 {
		m.Index, m.Scale = w.stride3, uint8(p.size)
	} else if i > 0 {
		m.Index, m.Scale = w.stride, uint8(i*p.size)
	}
	return m
}

// fourRows emits body for lanes columns of four rows, from the first to the last, and end, if any, at the end.
func fourRows(lanes int, pointers []*pointer, body func(w *columnWalk), end func()) {
	n, stride, fours := arg("n"), arg("stride"), arg("fours")
	w, stride4, left := &columnWalk{stride, GP64(), pointers}, GP64(), GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, w.stride3)
	LEAQ(Mem{Base: stride, Index: w.stride3, Scale: 1}, stride4)
	loop("rows", fours, 1, func() {
		var first []reg.GPVirtual
		for _, p := range pointers {
			x := GP64()
			MOVQ(p.at, x)
			first = append(first, p.at)
			p.at = x
		}
		MOVQ(n, left)
		loop("columns", left, lanes, func() {
			body(w)
			for _, p := range pointers {
				ADDQ(Imm(uint64(lanes*p.size)), p.at)
			}
		})
		for i, p := range pointers {
			if p.at = first[i]; !p.common {
				LEAQ(Mem{Base: p.at, Index: stride4, Scale: uint8(p.size)}, p.at)
			}
		}
	})
	if end != nil {
		end()
	}
	VZEROUPPER()
	RET()
}

// entry returns one of the lists of Columns or GridColumns, at a column.
func entry(columns *pointer, list int) Mem { return at(columns.at, 4*columnsRoom*list) }

// fourRowsDoc and fourRowsOf16Doc say for what kernels of fourRows work.
const (
	fourRowsDoc     = " for n > 0, a multiple of 8, and 4·fours rows."
	fourRowsOf16Doc = " for n > 0, a multiple of 16, and 4·fours rows."
)

func avx2MinMaxColumns() {
	function("minMaxColumnsAVX2", "low, high, src *float32, n, stride, fours int, bad *uint32",
		"minMaxColumnsAVX2 works like minMaxColumnsGeneric"+fourRowsDoc+" It sets bad to other than 0 where a value was not finite.")
	low, high, src, bad := &pointer{arg("low"), 4, true}, &pointer{arg("high"), 4, true}, &pointer{arg("src"), 4, false}, arg("bad")
	x, least, most, odd, zero := YMM(), YMM(), YMM(), ymm.zero(), ymm.zero()
	fourRows(8, []*pointer{low, high, src}, func(w *columnWalk) {
		VMOVUPS(at(low.at, 0), least)
		VMOVUPS(at(high.at, 0), most)
		for i := range 4 {
			VMOVUPS(w.row(src, i), x)
			VMINPS(x, least, least)
			VMAXPS(x, most, most)
			VSUBPS(x, x, x) // NaN of what is not finite
			VORPS(x, odd, odd)
		}
		for i, v := range []reg.VecVirtual{least, most} {
			VADDPS(zero, v, v) // +0 for −0
			VMOVUPS(v, at([]*pointer{low, high}[i].at, 0))
		}
	}, func() {
		mask := GP32()
		VPMOVMSKB(odd, mask)
		ORL(mask, at(bad, 0))
	})
}

func avx2QuantizeColumns() {
	function("quantizeColumnsAVX2", "dst *uint8, src, columns *float32, n, stride, fours int", "quantizeColumnsAVX2 works like quantizeColumnsGeneric"+fourRowsDoc)
	dst, src, columns := &pointer{arg("dst"), 1, false}, &pointer{arg("src"), 4, false}, &pointer{arg("columns"), 4, true}
	scale, zero, low, high := YMM(), YMM(), YMM(), YMM()
	mask, order := lowBytes16(), packedOrder()
	x := []reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}
	fourRows(8, []*pointer{dst, src, columns}, func(w *columnWalk) {
		for i, v := range []reg.VecVirtual{scale, zero, low, high} {
			VMOVDQU(entry(columns, i), v)
		}
		for i, v := range x {
			VMOVUPS(w.row(src, i), v)
			VDIVPS(scale, v, v)
			toIntegers(v, low, high)
			VPADDD(zero, v, v)
		}
		packCodes(x, mask, order)
		for i, v := range x[:2] {
			if i > 0 {
				VEXTRACTI128(Imm(1), x[0], v.AsX())
			}
			VMOVQ(v.AsX(), w.row(dst, 2*i))
			VMOVHPS(v.AsX(), w.row(dst, 2*i+1))
		}
	}, nil)
}

func avx2DequantizeColumns() {
	function("dequantizeColumnsAVX2", "dst *float32, src *uint8, columns *float32, n, stride, fours int, flip uint32",
		"dequantizeColumnsAVX2 works like dequantizeColumnsGeneric"+fourRowsDoc+" flip is 128 for signed values, 0 for others.")
	dst, src, columns := &pointer{arg("dst"), 4, false}, &pointer{arg("src"), 1, false}, &pointer{arg("columns"), 4, true}
	flip, scale, zero, x := ymm.repeat("flip"), YMM(), YMM(), YMM()
	largest, least := finites()
	fourRows(8, []*pointer{dst, src, columns}, func(w *columnWalk) {
		VMOVUPS(entry(columns, 0), scale)
		VPADDD(entry(columns, 1), flip, zero)
		for i := range 4 {
			VPMOVZXBD(w.row(src, i), x)
			VPXOR(flip, x, x)
			toReal(x, zero, scale, largest, least)
			VMOVUPS(x, w.row(dst, i))
		}
	}, nil)
}

// avx2QuantizeGridColumns takes four columns at a time: the codes of four rows of them fill a vector.
func avx2QuantizeGridColumns() {
	function("quantizeGridColumnsAVX2", "dst *uint8, src, columns *float32, n, stride, fours int, high float64", "quantizeGridColumnsAVX2 works like quantizeGridColumnsGeneric"+fourRowsDoc)
	dst, src, columns := &pointer{arg("dst"), 1, false}, &pointer{arg("src"), 4, false}, &pointer{arg("columns"), 4, true}
	high, zero, scale, offset := broadcast("high", broadcastPD), ymm.zero(), YMM(), YMM()
	x := []reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}
	fourRows(4, []*pointer{dst, src, columns}, func(w *columnWalk) {
		VCVTPS2PD(entry(columns, 0), scale)
		VCVTPS2PD(entry(columns, 1), offset)
		for i, v := range x {
			VCVTPS2PD(w.row(src, i), v)
			toGrid(v, scale, offset, zero, high)
		}
		y := x[0].AsX()
		VPACKUSDW(x[1].AsX(), y, y)
		VPACKUSDW(x[3].AsX(), x[2].AsX(), x[2].AsX())
		VPACKUSWB(x[2].AsX(), y, y)
		for i := range x {
			VPEXTRD(Imm(uint64(i)), y, w.row(dst, i))
		}
	}, nil)
}

func avx2DequantizeGridColumns() {
	function("dequantizeGridColumnsAVX2", "dst *float32, src *uint8, columns *float32, n, stride, fours int", "dequantizeGridColumnsAVX2 works like dequantizeGridColumnsGeneric"+fourRowsDoc)
	dst, src, columns := &pointer{arg("dst"), 4, false}, &pointer{arg("src"), 1, false}, &pointer{arg("columns"), 4, true}
	scale, offset, x := YMM(), YMM(), YMM()
	largest, least := finites()
	fourRows(4, []*pointer{dst, src, columns}, func(w *columnWalk) {
		VCVTPS2PD(entry(columns, 0), scale)
		VCVTPS2PD(entry(columns, 1), offset)
		for i := range 4 {
			VPMOVZXBD(w.row(src, i), x.AsX())
			fromGrid(x, scale, offset, largest, least)
			VMOVUPS(x.AsX(), w.row(dst, i))
		}
	}, nil)
}
