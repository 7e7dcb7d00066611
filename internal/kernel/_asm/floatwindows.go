package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Kernels that reduce many float32 to one.

// A reduction joins elements to a sum, from first on.
type reduction struct {
	name  string
	first float32
	join  func(v vectors, sum, x, y reg.VecVirtual)
}

var (
	maxima = reduction{"max", float32(math.Inf(-1)), larger}
	sums   = reduction{"sum", 0, func(_ vectors, sum, x, y reg.VecVirtual) { VADDPS(x, sum, y) }}
)

func reductions(v vectors) {
	for step := 1; step <= 2; step++ {
		reduceWindows(v, "maxWindows", maxima, step, nil)
		reduceWindows(v, "averageWindows", sums, step, func(sum, count reg.VecVirtual) { VDIVPS(count, sum, sum) })
	}
	reduceRows(v, maxima)
	reduceRows(v, sums)
}

// windowsFields is kernel.windowsTile.
var windowsFields = []string{"dst", "src", "offsets", "taps", "rows", "rowStep", "dstStep", "vectors", "rest", "count"}

// reduceWindows goes through the elements of a vector of windows. Those of windows that are two elements
// apart are the even ones of two vectors.
func reduceWindows(v vectors, kind string, r reduction, step int, finish func(sum, count reg.VecVirtual)) {
	name := fmt.Sprintf("%sBy%d%s", kind, step, v.isa)
	function(name, "t *uint8", fmt.Sprintf("%s reduces windows that are %d apart.", name, step))
	t := record{arg("t"), windowsFields}
	dst, src, offsets, rows := t.load("dst"), t.load("src"), t.load("offsets"), t.load("rows")
	count, first := t.repeat(v, "count"), v.number(r.name+"First", r.first)
	to, from, left, k, offset, rest := GP64(), GP64(), GP64(), GP64(), GP64(), t.load("rest")
	sum, x := v.make(), v.make()
	store := v.mask(rest)
	ends := GP64()
	LEAQ(Mem{Base: rest, Index: rest, Scale: 1, Disp: -1}, ends)
	loads := []mask{store}
	var places reg.VecVirtual
	if step == 2 {
		low := v.mask(ends)
		SUBQ(Imm(uint64(v.bytes/4)), ends)
		loads = []mask{low, v.mask(ends)}
		if v.bytes == 64 {
			places = v.constant("everySecond", everySecond...)
		}
	}
	windows := func(label string, load func(i int, from Mem, x reg.VecVirtual)) {
		v.copy(first, sum)
		XORQ(k, k)
		Label(label)
		MOVQ(Mem{Base: offsets, Index: k, Scale: 8}, offset)
		place := func(i int) Mem { return Mem{Base: from, Index: offset, Scale: 4, Disp: i * v.bytes} }
		load(0, place(0), x)
		if step == 2 {
			high := v.make()
			load(1, place(1), high)
			if v.bytes == 64 {
				VPERMT2PS(high, places, x)
			} else {
				VSHUFPS(Imm(0b10_00_10_00), high, x, x)
				VPERMPD(Imm(0b11_01_10_00), x, x)
			}
		}
		r.join(v, sum, x, sum)
		INCQ(k)
		CMPQ(k, t.at("taps"))
		JNE(LabelRef(label))
		if finish != nil {
			finish(sum, count)
		}
	}
	Label("rows")
	MOVQ(dst, to)
	MOVQ(src, from)
	MOVQ(t.at("vectors"), left)
	TESTQ(left, left)
	JZ(LabelRef("rest"))
	loop("vectors", left, 1, func() {
		windows("taps", func(_ int, from Mem, x reg.VecVirtual) { VMOVUPS(from, x) })
		VMOVUPS(sum, at(to, 0))
		ADDQ(Imm(uint64(v.bytes)), to)
		ADDQ(Imm(uint64(v.bytes*step)), from)
	})
	Label("rest")
	windows("lastTaps", func(i int, from Mem, x reg.VecVirtual) { loads[i].load(from, x) })
	store.store(sum, at(to, 0))
	ADDQ(t.at("rowStep"), src)
	ADDQ(t.at("dstStep"), dst)
	DECQ(rows)
	JNZ(LabelRef("rows"))
	VZEROUPPER()
	RET()
}

// reduceRows has 16 sums. What is not there of the last 16 elements is the number that sums begin with.
func reduceRows(v vectors, r reduction) {
	name := r.name + "Rows" + v.isa
	function(name, "dst, src *float32, n, rows int", name+" works like "+r.name+"RowsGeneric for so many rows of n > 0 elements.")
	dst, src, n, rows := arg("dst"), arg("src"), arg("n"), arg("rows")
	first, x := v.number(r.name+"First", r.first), v.make()
	var parts []reg.VecVirtual
	var masks []mask
	rest, left := GP64(), GP64()
	MOVQ(n, rest)
	ANDQ(Imm(15), rest)
	for range 64 / v.bytes {
		parts, masks = append(parts, v.make()), append(masks, v.mask(rest))
		SUBQ(Imm(uint64(v.bytes/4)), rest)
	}
	Label("rows")
	for _, sum := range parts {
		v.copy(first, sum)
	}
	MOVQ(n, left)
	SUBQ(Imm(16), left)
	JLT(LabelRef("rest"))
	Label("sixteens")
	for i, sum := range parts {
		VMOVUPS(at(src, i*v.bytes), x)
		r.join(v, sum, x, sum)
	}
	ADDQ(Imm(64), src)
	SUBQ(Imm(16), left)
	JGE(LabelRef("sixteens"))
	Label("rest")
	ADDQ(Imm(16), left)
	JZ(LabelRef("tree"))
	for i, sum := range parts {
		masks[i].loadOver(first, at(src, i*v.bytes), x)
		r.join(v, sum, x, sum)
	}
	LEAQ(Mem{Base: src, Index: left, Scale: 4}, src)
	Label("tree")
	sum, others := parts[0], v.make()
	if v.bytes == 64 {
		VSHUFF64X2(Imm(0b01_00_11_10), sum, sum, others)
		r.join(v, sum, others, sum)
		VSHUFF64X2(Imm(0b10_11_00_01), sum, sum, others)
	} else {
		r.join(v, sum, parts[1], sum)
		VPERM2F128(Imm(1), sum, sum, others)
	}
	r.join(v, sum, others, sum)
	for _, order := range []uint64{0b01_00_11_10, 0b10_11_00_01} {
		VPERMILPS(Imm(order), sum, others)
		r.join(v, sum, others, sum)
	}
	VMOVSS(sum.AsX(), at(dst, 0))
	ADDQ(Imm(4), dst)
	DECQ(rows)
	JNZ(LabelRef("rows"))
	VZEROUPPER()
	RET()
}
