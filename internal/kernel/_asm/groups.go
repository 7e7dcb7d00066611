package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// groupFields is kernel.groupTile.
var groupFields = []string{"acc", "sums", "scales", "compensation", "zeroPoints", "offsets", "zeros", "totals", "floatTotals", "rows", "columns"}

// eachOfGroup emits body for every vector of so many columns of every row of a tile, given where it is in acc
// and sums, whose elements have the given size as those of lists by row have, and in lists by row and by
// column. totals is what follows where the group has zero points and offsets, and add what comes last.
func eachOfGroup(t record, size, step int, body, totals, add func(acc, sums Mem, byRow, byColumn func(name string) Mem)) {
	acc, sums, row, column, list := t.load("acc"), t.load("sums"), GP64(), GP64(), GP64()
	byRow := func(name string) Mem {
		MOVQ(t.at(name), list)
		return Mem{Base: list, Index: row, Scale: uint8(size)}
	}
	byColumn := func(name string) Mem {
		MOVQ(t.at(name), list)
		return Mem{Base: list, Index: column, Scale: 4}
	}
	XORQ(row, row)
	Label("rows")
	XORQ(column, column)
	Label("columns")
	body(at(acc, 0), at(sums, 0), byRow, byColumn)
	CMPQ(t.at("zeroPoints"), Imm(0))
	JEQ(LabelRef("add"))
	totals(at(acc, 0), at(sums, 0), byRow, byColumn)
	JMP(LabelRef("added"))
	Label("add")
	add(at(acc, 0), at(sums, 0), byRow, byColumn)
	Label("added")
	ADDQ(Imm(uint64(step*size)), acc)
	ADDQ(Imm(uint64(step*size)), sums)
	ADDQ(Imm(uint64(step)), column)
	CMPQ(column, t.at("columns"))
	JNE(LabelRef("columns"))
	INCQ(row)
	CMPQ(row, t.at("rows"))
	JNE(LabelRef("rows"))
	VZEROUPPER()
	RET()
}

func accumulateGroup(v vectors) {
	name := "accumulateGroup" + v.isa
	function(name, "t *uint8", name+" works like accumulateGroupGeneric.")
	x, y := v.make(), v.make()
	add := func(acc, _ Mem, _, byColumn func(string) Mem) {
		VCVTDQ2PS(y, y)
		VMULPS(byColumn("scales"), y, y)
		VADDPS(acc, y, y)
		VMOVUPS(y, acc)
	}
	eachOfGroup(record{arg("t"), groupFields}, 4, v.bytes/4, func(_, sums Mem, byRow, byColumn func(string) Mem) {
		v.load(sums, y)
		VPBROADCASTD(byRow("zeros"), x)
		VPMULLD(byColumn("compensation"), x, x)
		VPSUBD(x, y, y)
	}, func(acc, sums Mem, byRow, byColumn func(string) Mem) {
		VPBROADCASTD(byRow("totals"), x)
		VPMULLD(byColumn("zeroPoints"), x, x)
		VPSUBD(x, y, y)
		VCVTDQ2PS(y, y)
		VMULPS(byColumn("scales"), y, y)
		VADDPS(acc, y, y)
		VBROADCASTSS(byRow("floatTotals"), x)
		VMULPS(byColumn("offsets"), x, x)
		VADDPS(x, y, y)
		VMOVUPS(y, acc)
	}, add)
}

func accumulateWideGroup(v vectors) {
	name := "accumulateWideGroup" + v.isa
	function(name, "t *uint8", name+" works like accumulateWideGroupGeneric.")
	x, y := v.make(), v.make()
	add := func(acc, _ Mem, _, byColumn func(string) Mem) {
		VCVTPS2PD(byColumn("scales"), x)
		VMULPD(x, y, y)
		VADDPD(acc, y, y)
		VMOVUPD(y, acc)
	}
	total := v.make()
	eachOfGroup(record{arg("t"), groupFields}, 8, v.bytes/8, func(_, sums Mem, byRow, byColumn func(string) Mem) {
		VMOVUPD(sums, y)
		VBROADCASTSD(byRow("zeros"), total)
		VCVTDQ2PD(byColumn("compensation"), x)
		VMULPD(total, x, x)
		VSUBPD(x, y, y)
	}, func(acc, sums Mem, byRow, byColumn func(string) Mem) {
		VBROADCASTSD(byRow("totals"), total)
		VCVTDQ2PD(byColumn("zeroPoints"), x)
		VMULPD(total, x, x)
		VSUBPD(x, y, y)
		VCVTPS2PD(byColumn("scales"), x)
		VMULPD(x, y, y)
		VADDPD(acc, y, y)
		VCVTPS2PD(byColumn("offsets"), x)
		VMULPD(total, x, x)
		VADDPD(x, y, y)
		VMOVUPD(y, acc)
	}, add)
}

func avx2AddSums() {
	function("addSumsAVX2", "d *float64, sums *int32, weight float64, n int", "addSumsAVX2 works like addSumsGeneric for n > 0, a multiple of 4.")
	d, sums, n := arg("d"), arg("sums"), arg("n")
	weight, x := broadcast("weight", broadcastPD), YMM()
	loop("sums", n, 4, func() {
		VCVTDQ2PD(at(sums, 0), x)
		VMULPD(weight, x, x)
		VADDPD(at(d, 0), x, x)
		VMOVUPD(x, at(d, 0))
		ADDQ(Imm(16), sums)
		ADDQ(Imm(32), d)
	})
	VZEROUPPER()
	RET()
}

// avx2Finish finishes results of float32, or of float64 where wide is set.
func avx2Finish(wide bool) {
	name, goType, size := "finishAVX2", "float32", 4
	if wide {
		name, goType, size = "finishWideAVX2", "float64", 8
	}
	function(name, "dst *float32, stride int, acc, scales *"+goType+", bias *float32, floor float32, rows, columns int",
		name+" works like finishGeneric for columns > 0, a multiple of 16, with stride in bytes; rows > 0.")
	dst, stride, acc, scales, bias, rows, columns := arg("dst"), arg("stride"), arg("acc"), arg("scales"), arg("bias"), arg("rows"), arg("columns")
	floor, scale, x, nothing, column := YMM(), YMM(), YMM(), ymm.zero(), GP64()
	VBROADCASTSS(param("floor"), floor)
	byColumn := func(base reg.GPVirtual) Mem { return Mem{Base: base, Index: column, Scale: 4} }
	step, of := 8, func(v reg.VecVirtual) reg.Register { return v }
	if wide {
		step, of = 4, func(v reg.VecVirtual) reg.Register { return v.AsX() }
	}
	Label("rows")
	if wide {
		VBROADCASTSD(at(scales, 0), scale)
	} else {
		VBROADCASTSS(at(scales, 0), scale)
	}
	ADDQ(Imm(uint64(size)), scales)
	XORQ(column, column)
	Label("columns")
	if wide {
		VMULPD(at(acc, 0), scale, x)
		VCVTPD2PSY(x, x.AsX())
	} else {
		VMULPS(at(acc, 0), scale, x)
	}
	VADDPS(byColumn(bias), of(x), of(x))
	rise(of(x), of(floor))
	VADDPS(of(nothing), of(x), of(x)) // 0 for −0
	VMOVUPS(of(x), byColumn(dst))
	ADDQ(Imm(32), acc)
	ADDQ(Imm(uint64(step)), column)
	CMPQ(column, columns)
	JNE(LabelRef("columns"))
	ADDQ(stride, dst)
	DECQ(rows)
	JNZ(LabelRef("rows"))
	VZEROUPPER()
	RET()
}
