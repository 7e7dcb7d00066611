package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// groupFields is kernel.groupTile.
var groupFields = []string{"acc", "sums", "scales", "compensation", "zeroPoints", "offsets", "zeros", "totals", "floatTotals", "rows", "columns", "gap"}

// eachOfGroup goes through a tile by vectors of so many columns, and down the rows of each, of elements of the
// given size, as lists by row have. It emits start for every vector, given lists by column, and then rows: of a
// group without zero points and offsets first, and of one with them.
func eachOfGroup(t record, size, lanes int, start func(byColumn func(name string) Mem, total bool), row func(acc, sums Mem, byRow func(name string) Mem, total bool)) {
	acc, sums, place, stride, index, column, list := t.load("acc"), t.load("sums"), GP64(), t.load("columns"), GP64(), GP64(), GP64()
	zeros, totals, floatTotals := t.load("zeros"), t.load("totals"), t.load("floatTotals")
	log := map[int]uint64{4: 2, 8: 3}[size]
	SHLQ(Imm(log), stride)
	inList := GP64() // bytes, with the gaps between panels
	byColumn := func(name string) Mem {
		MOVQ(t.at(name), list)
		return Mem{Base: list, Index: inList, Scale: 1}
	}
	byRow := func(name string) Mem {
		base := map[string]reg.GPVirtual{"zeros": zeros, "totals": totals, "floatTotals": floatTotals}[name]
		return Mem{Base: base, Index: index, Scale: uint8(size)}
	}
	down := func(name string, total bool) {
		start(byColumn, total)
		Label(name)
		row(Mem{Base: acc, Index: place, Scale: 1}, Mem{Base: sums, Index: place, Scale: 1}, byRow, total)
		ADDQ(stride, place)
		INCQ(index)
		CMPQ(index, t.at("rows"))
		JNE(LabelRef(name))
	}
	XORQ(column, column)
	XORQ(inList, inList)
	Label("columns")
	MOVQ(column, place)
	SHLQ(Imm(log), place)
	XORQ(index, index)
	CMPQ(t.at("zeroPoints"), Imm(0))
	JNE(LabelRef("withTotals"))
	down("plain", false)
	JMP(LabelRef("next"))
	Label("withTotals")
	down("total", true)
	Label("next")
	ADDQ(Imm(uint64(4*lanes)), inList)
	ADDQ(Imm(uint64(lanes)), column)
	TESTQ(U32(panelColumns-1), column)
	JNZ(LabelRef("columns"))
	ADDQ(t.at("gap"), inList)
	CMPQ(column, t.at("columns"))
	JNE(LabelRef("columns"))
	VZEROUPPER()
	RET()
}

func accumulateGroup(v vectors) {
	name := "accumulateGroup" + v.isa
	function(name, "t *uint8", name+" works like accumulateGroupGeneric.")
	compensation, scale, zeroPoint, offset, x, y := v.make(), v.make(), v.make(), v.make(), v.make(), v.make()
	eachOfGroup(record{arg("t"), groupFields}, 4, v.bytes/4, func(byColumn func(string) Mem, total bool) {
		v.move(byColumn("compensation"), compensation)
		VMOVUPS(byColumn("scales"), scale)
		if total {
			v.move(byColumn("zeroPoints"), zeroPoint)
			VMOVUPS(byColumn("offsets"), offset)
		}
	}, func(acc, sums Mem, byRow func(string) Mem, total bool) {
		VPBROADCASTD(byRow("zeros"), x)
		VPMULLD(compensation, x, x)
		v.move(sums, y)
		VPSUBD(x, y, y)
		if total {
			VPBROADCASTD(byRow("totals"), x)
			VPMULLD(zeroPoint, x, x)
			VPSUBD(x, y, y)
		}
		VCVTDQ2PS(y, y)
		VMULPS(scale, y, y)
		VADDPS(acc, y, y)
		if total {
			VBROADCASTSS(byRow("floatTotals"), x)
			VMULPS(offset, x, x)
			VADDPS(x, y, y)
		}
		VMOVUPS(y, acc)
	})
}

func accumulateWideGroup(v vectors) {
	name := "accumulateWideGroup" + v.isa
	function(name, "t *uint8", name+" works like accumulateWideGroupGeneric.")
	compensation, scale, zeroPoint, offset, x, y := v.make(), v.make(), v.make(), v.make(), v.make(), v.make()
	eachOfGroup(record{arg("t"), groupFields}, 8, v.bytes/8, func(byColumn func(string) Mem, total bool) {
		VCVTDQ2PD(byColumn("compensation"), compensation)
		VCVTPS2PD(byColumn("scales"), scale)
		if total {
			VCVTDQ2PD(byColumn("zeroPoints"), zeroPoint)
			VCVTPS2PD(byColumn("offsets"), offset)
		}
	}, func(acc, sums Mem, byRow func(string) Mem, total bool) {
		product := func(factor Mem, by reg.VecVirtual) {
			VBROADCASTSD(factor, x)
			VMULPD(by, x, x)
		}
		VMOVUPD(sums, y)
		product(byRow("zeros"), compensation)
		VSUBPD(x, y, y)
		if total {
			product(byRow("totals"), zeroPoint)
			VSUBPD(x, y, y)
		}
		VMULPD(scale, y, y)
		VADDPD(acc, y, y)
		if total {
			product(byRow("totals"), offset)
			VADDPD(x, y, y)
		}
		VMOVUPD(y, acc)
	})
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
