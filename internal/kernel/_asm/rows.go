package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rowsFields is kernel.rowsTile.
var rowsFields = []string{
	"dst", "src", "planes", "dstPlane", "srcPlane", "rows", "dstStride", "srcStride", "columns", "before", "last", "begin",
}

var everySecond = []uint32{0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30}

// moveRows emits the copying of rows with a step of 1 or 2, a vector of columns at a time, down all rows of
// all planes: what of src is in the row and what of dst is are masks that rows share.
func moveRows(v vectors, step int) {
	name := fmt.Sprintf("moveRows%d%s", step, v.isa)
	function(name, "t *uint8", fmt.Sprintf("%s works like moveRowsGeneric with a step of %d.", name, step))
	t, lanes := record{arg("t"), rowsFields}, v.bytes/4
	src, dst, left := t.load("src"), t.load("dst"), t.load("columns")
	ADDQ(t.at("before"), src)
	srcStride, dstStride, from, to, rows := t.load("srcStride"), t.load("dstStride"), GP64(), GP64(), GP64()
	fromPlane, toPlane, planes := GP64(), GP64(), GP64()
	last, nothing, columns := t.repeat(v, "last"), v.zero(), v.make()
	var positions []reg.VecVirtual
	for i := range step {
		p, begin := v.constant(fmt.Sprintf("lanesFrom%dOf%s", i*lanes, v.isa), count(i*lanes, lanes)...), t.repeat(v, "begin")
		VPADDD(begin, p, p)
		positions = append(positions, p)
	}
	own := v.constant(fmt.Sprintf("lanesFrom0Of%s", v.isa), count(0, lanes)...)
	further, all := v.constant(fmt.Sprintf("stepOf%d", step*lanes), uint32(step*lanes)), v.constant(fmt.Sprintf("stepOf%d", lanes), uint32(lanes))
	VPBROADCASTD(t.at("columns"), columns)
	var second reg.VecVirtual
	if step == 2 && v.bytes == 64 {
		second = v.constant("everySecond", everySecond...)
	}
	Label("columns")
	var loads []reg.Register
	for _, p := range positions {
		loads = append(loads, between(v, nothing, p, last))
	}
	store := below(v, own, columns)
	MOVQ(src, fromPlane)
	MOVQ(dst, toPlane)
	MOVQ(t.at("planes"), planes)
	Label("planes")
	MOVQ(fromPlane, from)
	MOVQ(toPlane, to)
	MOVQ(t.at("rows"), rows)
	Label("rows")
	x := make([]reg.VecVirtual, step)
	for i := range x {
		x[i] = v.make()
		mask{v, loads[i]}.load(at(from, i*v.bytes), x[i])
	}
	switch {
	case step == 2 && v.bytes == 64:
		VPERMT2PS(x[1], second, x[0])
	case step == 2:
		VSHUFPS(Imm(0x88), x[1], x[0], x[0])
		VPERMPD(Imm(0xd8), x[0], x[0])
	}
	mask{v, store}.store(x[0], at(to, 0))
	ADDQ(srcStride, from)
	ADDQ(dstStride, to)
	DECQ(rows)
	JNZ(LabelRef("rows"))
	ADDQ(t.at("srcPlane"), fromPlane)
	ADDQ(t.at("dstPlane"), toPlane)
	DECQ(planes)
	JNZ(LabelRef("planes"))
	for _, p := range positions {
		VPADDD(further, p, p)
	}
	VPADDD(all, own, own)
	ADDQ(Imm(uint64(step*v.bytes)), src)
	ADDQ(Imm(uint64(v.bytes)), dst)
	SUBQ(Imm(uint64(lanes)), left)
	JG(LabelRef("columns"))
	VZEROUPPER()
	RET()
}

// count returns n words from first on.
func count(first, n int) (words []uint32) {
	for i := range n {
		words = append(words, uint32(first+i))
	}
	return words
}

// between returns a mask of the lanes where low ≤ x ≤ high.
func between(v vectors, low, x, high reg.VecVirtual) reg.Register {
	if v.bytes == 64 {
		a, b := K(), K()
		VPCMPD(Imm(5), low, x, a) // x ≥ low
		VPCMPD(Imm(2), high, x, b)
		KANDW(a, b, a)
		return a
	}
	a, b := v.make(), v.make()
	VPCMPGTD(x, low, a) // low > x
	VPCMPGTD(high, x, b)
	VPOR(a, b, a)
	VPCMPEQD(b, b, b)
	VPXOR(a, b, a)
	return a
}

// below returns a mask of the lanes where x < high.
func below(v vectors, x, high reg.VecVirtual) reg.Register {
	if v.bytes == 64 {
		a := K()
		VPCMPD(Imm(1), high, x, a)
		return a
	}
	a := v.make()
	VPCMPGTD(x, high, a)
	return a
}
