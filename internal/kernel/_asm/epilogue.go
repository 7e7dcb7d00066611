package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// epilogueFields is kernel.epilogueTile.
var epilogueFields = []string{
	"dst", "stride", "sums", "row", "compensation", "scales", "bias", "zeros", "rowScales", "rows", "columns", "plane", "lastPlane",
	"morePlanes", "base", "floor", "rowScale", "zeroPoint", "scale", "low", "high", "zero",
	"lower", "upper", "least", "most", "doubt",
	"first", "firstDst", "firstSums", "end",
}

// A tileWalk goes through a tile by vectors of columns, and down the rows of each.
type tileWalk struct {
	v                      vectors
	t                      record
	column, dst, sums, row reg.GPVirtual
	mask                   reg.OpmaskVirtual
	whole                  reg.GPVirtual // above 0 where the columns of a vector are not all results
}

func newTileWalk(v vectors) *tileWalk {
	return &tileWalk{v, record{arg("t"), epilogueFields}, GP64(), GP64(), GP64(), GP64(), K(), GP64()}
}

// byColumn returns a vector's elements of a list of 4-byte elements.
func (w *tileWalk) byColumn(field string) Mem {
	list := w.t.load(field)
	return Mem{Base: list, Index: w.column, Scale: 4}
}

// byRow returns the element of a row in a list of elements of so many bytes.
func (w *tileWalk) byRow(list reg.GPVirtual, size int) Mem {
	return Mem{Base: list, Index: w.row, Scale: uint8(size)}
}

// each emits start for every vector of so many columns, given dst, whose elements have the given size, and
// sums of the first row, and body, which goes down the rows.
func (w *tileWalk) each(lanes, size int, start, body func()) {
	XORQ(w.column, w.column)
	Label("columns")
	MOVQ(w.t.at("dst"), w.dst)
	LEAQ(Mem{Base: w.dst, Index: w.column, Scale: uint8(size)}, w.dst)
	MOVQ(w.t.at("sums"), w.sums)
	LEAQ(Mem{Base: w.sums, Index: w.column, Scale: 4}, w.sums)
	if w.v.bytes == 64 {
		left, ones := GP64(), GP64()
		MOVQ(w.t.at("columns"), left)
		SUBQ(w.column, left)
		MOVQ(I32(1<<lanes-1), ones)
		BZHIQ(left, ones, ones)
		KMOVW(ones.As32(), w.mask)
		MOVQ(I32(lanes), w.whole)
		SUBQ(left, w.whole)
	}
	start()
	XORQ(w.row, w.row)
	body()
	ADDQ(Imm(uint64(lanes)), w.column)
	CMPQ(w.column, w.t.at("columns"))
	JLT(LabelRef("columns"))
}

// down emits body for every row up to the field end, four at a time where four is set and then one by one.
func (w *tileWalk) down(name, end string, four func(stride, next func(i int) Mem), one func()) {
	stride, next := w.t.load("stride"), w.t.load("row")
	if four != nil {
		stride3, next3, last := GP64(), GP64(), GP64()
		LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, stride3)
		LEAQ(Mem{Base: next, Index: next, Scale: 2}, next3)
		at := func(base, step, step3 reg.GPVirtual) func(i int) Mem {
			return func(i int) Mem {
				return []Mem{{Base: base}, {Base: base, Index: step, Scale: 1}, {Base: base, Index: step, Scale: 2}, {Base: base, Index: step3, Scale: 1}}[i]
			}
		}
		Label(name + "Four")
		LEAQ(Mem{Base: w.row, Disp: 4}, last)
		CMPQ(last, w.t.at(end))
		JG(LabelRef(name + "Left"))
		four(at(w.dst, stride, stride3), at(w.sums, next, next3))
		LEAQ(Mem{Base: w.dst, Index: stride, Scale: 4}, w.dst)
		LEAQ(Mem{Base: w.sums, Index: next, Scale: 4}, w.sums)
		MOVQ(last, w.row)
		JMP(LabelRef(name + "Four"))
		Label(name + "Left")
		CMPQ(w.row, w.t.at(end))
		JGE(LabelRef(name + "Down"))
	}
	Label(name)
	one()
	ADDQ(stride, w.dst)
	ADDQ(next, w.sums)
	INCQ(w.row)
	CMPQ(w.row, w.t.at(end))
	JLT(LabelRef(name))
	Label(name + "Down")
}

// back goes back to rows that are done already, as long as there are some, until those up to end are a multiple of
// four: four at a time are fast.
func (w *tileWalk) back(end, odd reg.GPVirtual) {
	stride, next := w.t.load("stride"), w.t.load("row")
	Label("back")
	MOVQ(end, odd)
	SUBQ(w.row, odd)
	TESTQ(U32(3), odd)
	JZ(LabelRef("even"))
	TESTQ(w.row, w.row)
	JZ(LabelRef("even"))
	SUBQ(stride, w.dst)
	SUBQ(next, w.sums)
	DECQ(w.row)
	JMP(LabelRef("back"))
	Label("even")
}

// store stores vectors where all their columns are results, and those that are by mask, which AVX2 has not.
func (w *tileWalk) store(name string, to func(i int) Mem, move func(ops ...Op), x ...reg.Register) {
	if w.v.bytes == 64 {
		TESTQ(w.whole, w.whole)
		JG(LabelRef(name + "Part"))
	}
	for i, v := range x {
		move(v, to(i))
	}
	if w.v.bytes == 64 {
		JMP(LabelRef(name + "Stored"))
		Label(name + "Part")
		for i, v := range x {
			move(v, w.mask, to(i))
		}
		Label(name + "Stored")
	}
}

func (w *tileWalk) here(int) Mem { return at(w.dst, 0) }

// rise raises x to at least floor. The maximum of a NaN and another value is the second operand: x.
func rise(x, floor reg.Register) { VMAXPS(x, floor, x) }

const wholePanels = " AVX2 has no masks: columns is a multiple of 16."

// dequantizeSums is the epilogue of operands of a byte.
func dequantizeSums(v vectors) {
	name := "dequantizeSums" + v.isa
	function(name, "t *uint8", name+" works like dequantizeSumsGeneric."+map[string]string{"AVX2": wholePanels}[v.isa])
	w := newTileWalk(v)
	zeros, rowScales := w.t.load("zeros"), w.t.load("rowScales")
	floor, compensation, scale, bias, x := w.t.repeat(v, "floor"), v.make(), v.make(), v.make(), v.make()
	value := func(y reg.VecVirtual) {
		byRow := func(list reg.GPVirtual) Mem { return w.byRow(list, 4) }
		VPBROADCASTD(byRow(zeros), x)
		VPMULLD(compensation, x, x)
		v.move(at(w.sums, 0), y)
		VPSUBD(x, y, y)
		VCVTDQ2PS(y, y)
		VMULPS(scale, y, y)
		if v.bytes == 64 {
			VMULPS_BCST(byRow(rowScales), y, y)
		} else {
			VBROADCASTSS(byRow(rowScales), x)
			VMULPS(x, y, y)
		}
		VADDPS(bias, y, y)
		rise(y, floor)
	}
	w.each(v.bytes/4, 4, func() {
		v.move(w.byColumn("compensation"), compensation)
		VMOVUPS(w.byColumn("scales"), scale)
		VMOVUPS(w.byColumn("bias"), bias)
	}, func() {
		w.down("rows", "rows", nil, func() {
			y := v.make()
			value(y)
			w.store("one", w.here, func(ops ...Op) { VMOVUPS(ops...) }, y)
		})
	})
	VZEROUPPER()
	RET()
}

// requantizeRows is how many rows requantizeSums goes back where one of them is in doubt.
const requantizeRows = 8

// requantizeSums goes on to quantized values. By AVX-512 it multiplies by inverses of the scale, and does
// some rows over with divisions where they differ: see avx512Quantize. low is at least what floor becomes.
func requantizeSums(v vectors) {
	name := "requantizeSums" + v.isa
	function(name, "t *uint8", name+" works like requantizeSumsGeneric."+map[string]string{"AVX2": wholePanels}[v.isa])
	w := newTileWalk(v)
	rowScale, compensation, scale, bias := w.t.repeat(v, "rowScale"), v.make(), v.make(), v.make()
	low, high, zero, divisor := w.t.repeat(v, "low"), w.t.repeat(v, "high"), w.t.repeat(v, "zero"), w.t.repeat(v, "scale")
	value := func(sum Mem, y reg.VecVirtual) {
		VPADDD(sum, compensation, y)
		VCVTDQ2PS(y, y)
		VMULPS(scale, y, y)
		VMULPS(rowScale, y, y)
		VADDPS(bias, y, y)
	}
	start := func() {
		x := w.t.repeat(v, "zeroPoint")
		VPMULLD(w.byColumn("compensation"), x, x)
		nothing := v.zero()
		VPSUBD(x, nothing, compensation)
		VMOVUPS(w.byColumn("scales"), scale)
		VMOVUPS(w.byColumn("bias"), bias)
	}
	var n nearest
	one := func(name string) {
		y, x := v.make(), v.make()
		value(at(w.sums, 0), y)
		if v.bytes == 64 {
			n.divide(y, divisor, low, high, y)
			VPADDD(zero, y, y)
			VPMOVDB(y, x.AsX())
			w.store(name, w.here, func(ops ...Op) { VMOVDQU8(ops...) }, x.AsX())
			return
		}
		VDIVPS(divisor, y, y)
		toIntegers(y, low, high)
		VPADDD(zero, y, y)
		VEXTRACTI128(Imm(1), y, x.AsX())
		VPACKUSDW(x.AsX(), y.AsX(), y.AsX())
		VPACKUSWB(y.AsX(), y.AsX(), y.AsX())
		VMOVQ(y.AsX(), at(w.dst, 0))
	}
	if v.bytes == 32 {
		w.each(8, 1, start, func() { w.down("rows", "rows", nil, func() { one("one") }) })
		VZEROUPPER()
		RET()
		return
	}
	doubt, doubtful := ZMM(), K()
	n = newNearest(w.t.repeat)
	n.unshift(zero)
	apart := zmm.constant("everyFourth", everyFourth...)
	many := func(dst, sums func(i int) Mem) {
		x := four()
		for i, y := range x {
			value(sums(i), y)
			n.round(y, doubt)
			VPADDD(zero, y, y)
		}
		VPACKSSDW(x[1], x[0], x[0])
		VPACKSSDW(x[3], x[2], x[2])
		VPACKUSWB(x[2], x[0], x[0])
		VPERMD(x[0], apart, x[0])
		for i := 1; i < 4; i++ {
			VEXTRACTI32X4(Imm(uint64(i)), x[0], x[i].AsX())
		}
		w.store("four", dst, func(ops ...Op) { VMOVDQU8(ops...) }, x[0].AsX(), x[1].AsX(), x[2].AsX(), x[3].AsX())
	}
	end, odd := GP64(), GP64()
	w.each(16, 1, start, func() {
		Label("some")
		LEAQ(Mem{Base: w.row, Disp: requantizeRows}, end)
		CMPQ(end, w.t.at("rows"))
		CMOVQHI(w.t.at("rows"), end)
		MOVQ(end, w.t.at("end"))
		w.back(end, odd)
		MOVQ(w.row, w.t.at("first"))
		MOVQ(w.dst, w.t.at("firstDst"))
		MOVQ(w.sums, w.t.at("firstSums"))
		VBROADCASTSS(w.t.at("doubt"), doubt)
		w.down("rows", "end", many, func() { one("one") })
		VPTESTMD(doubt, doubt, doubtful)
		KORTESTW(doubtful, doubtful)
		JZ(LabelRef("sure"))
		MOVQ(w.t.at("first"), w.row)
		MOVQ(w.t.at("firstDst"), w.dst)
		MOVQ(w.t.at("firstSums"), w.sums)
		w.down("again", "end", nil, func() { one("againOne") })
		Label("sure")
		CMPQ(w.row, w.t.at("rows"))
		JLT(LabelRef("some"))
	})
	VZEROUPPER()
	RET()
}

// dequantizePlanes is the epilogue of some planes, in float64.
func dequantizePlanes(v vectors) {
	name := "dequantizePlanes" + v.isa
	function(name, "t *uint8", name+" works like dequantizePlanesGeneric."+map[string]string{"AVX2": wholePanels}[v.isa])
	w := newTileWalk(v)
	zeros, rowScales, lastPlane, plane := w.t.load("zeros"), w.t.load("rowScales"), w.t.load("lastPlane"), w.t.load("plane")
	base, floor := v.make(), v.make()
	VBROADCASTSD(w.t.at("base"), base)
	VBROADCASTSS(w.t.at("floor"), v.half(floor))
	compensation, scale, bias, x, y := v.make(), v.make(), v.make(), v.make(), v.make()
	from, left := GP64(), GP64()
	w.each(v.bytes/8, 4, func() {
		VCVTDQ2PD(w.byColumn("compensation"), compensation)
		VCVTPS2PD(w.byColumn("scales"), scale)
		VMOVUPS(w.byColumn("bias"), v.half(bias))
	}, func() {
		w.down("rows", "rows", nil, func() {
			LEAQ(Mem{Base: w.sums, Index: lastPlane, Scale: 1}, from)
			VCVTDQ2PD(at(from, 0), y)
			MOVQ(w.t.at("morePlanes"), left)
			TESTQ(left, left)
			JZ(LabelRef("summed"))
			loop("planes", left, 1, func() {
				SUBQ(plane, from)
				VMULPD(base, y, y)
				VCVTDQ2PD(at(from, 0), x)
				VADDPD(x, y, y)
			})
			Label("summed")
			if v.bytes == 64 {
				VMULPD_BCST(w.byRow(zeros, 8), compensation, x)
			} else {
				VBROADCASTSD(w.byRow(zeros, 8), x)
				VMULPD(compensation, x, x)
			}
			VSUBPD(x, y, y)
			VMULPD(scale, y, y)
			if v.bytes == 64 {
				VMULPD_BCST(w.byRow(rowScales, 8), y, y)
				VCVTPD2PS(y, y.AsY())
			} else {
				VBROADCASTSD(w.byRow(rowScales, 8), x)
				VMULPD(x, y, y)
				VCVTPD2PSY(y, y.AsX())
			}
			VADDPS(v.half(bias), v.half(y), v.half(y))
			rise(v.half(y), v.half(floor))
			w.store("one", w.here, func(ops ...Op) { VMOVUPS(ops...) }, v.half(y))
		})
	})
	VZEROUPPER()
	RET()
}
