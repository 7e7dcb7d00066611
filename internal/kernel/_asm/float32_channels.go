package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// channelsFields is kernel.channelsTile, and the others kernel.Taps and kernel.TapRun.
var (
	channelsFields = []string{
		"dst", "src", "rows", "rowCount", "runs", "runCount", "pixel", "step", "stepFilter", "down", "downFilter", "filters", "bias", "floor",
		"rowsLeft", "runsLeft", "at", "filter", "count", "tapsLeft", "pixelsLeft",
	}
	tapsFields = []string{"at", "filter", "count"}
	runFields  = append(tapsFields, "pixels", "apart")
)

// pixelsAtOnce is how many pixels share the elements of filters.
const pixelsAtOnce = 4

// multiplyChannels emits the chains of so many vectors of channels: row by row, and run by run of columns.
func multiplyChannels(v vectors, count int) {
	name := fmt.Sprintf("multiplyChannels%d%s", count, v.isa)
	function(name, "t *uint8", fmt.Sprintf("%s works like multiplyChannelsGeneric for %d channels, with steps in bytes.", name, count*v.bytes/4))
	t := record{arg("t"), channelsFields}
	rows, run := record{t.load("rows"), tapsFields}, record{GP64(), runFields}
	ends, dst := endsOf(v, t.repeat(v, "floor")), t.load("dst")
	next, window, filter, left := GP64(), GP64(), GP64(), GP64()
	set := func(from Mem, field string) {
		MOVQ(from, next)
		MOVQ(next, t.at(field))
	}
	set(t.at("rowCount"), "rowsLeft")
	Label("rows")
	for _, field := range tapsFields {
		set(rows.at(field), field)
	}
	ADDQ(Imm(uint64(8*len(tapsFields))), rows.base)
	MOVQ(t.at("runs"), run.base)
	set(t.at("runCount"), "runsLeft")
	Label("runs")
	from := func(base, index string, to reg.GPVirtual) {
		MOVQ(t.at(index), to)
		ADDQ(run.at(index), to)
		SHLQ(Imm(2), to)
		ADDQ(t.at(base), to)
	}
	from("src", "at", window)
	from("filters", "filter", filter)
	apart := spreadOver(GP64(), run.load("apart"), pixelsAtOnce)
	SHLQ(Imm(2), apart.stride)
	LEAQ(Mem{Base: apart.stride, Index: apart.stride, Scale: 2}, apart.thrice)
	MOVQ(run.at("pixels"), left)
	SUBQ(Imm(pixelsAtOnce), left)
	JLT(LabelRef("rest"))
	Label("several")
	multiplyWindows(v, t, run, ends, "several", count, pixelsAtOnce, window, filter, dst, apart)
	SUBQ(Imm(pixelsAtOnce), left)
	JGE(LabelRef("several"))
	Label("rest")
	ADDQ(Imm(pixelsAtOnce), left)
	JZ(LabelRef("nextRun"))
	Label("one")
	multiplyWindows(v, t, run, ends, "one", count, 1, window, filter, dst, apart)
	DECQ(left)
	JNZ(LabelRef("one"))
	Label("nextRun")
	ADDQ(Imm(uint64(8*len(runFields))), run.base)
	DECQ(t.at("runsLeft"))
	JNZ(LabelRef("runs"))
	DECQ(t.at("rowsLeft"))
	JNZ(LabelRef("rows"))
	VZEROUPPER()
	RET()
}

// multiplyWindows emits the chains of some pixels, and goes on to the next ones.
func multiplyWindows(v vectors, t, run record, ends chainEnds, name string, count, pixels int, window, filter, dst reg.GPVirtual, apart *spread) {
	sums, bias := make([][]reg.VecVirtual, pixels), t.load("bias")
	for i := range sums {
		for j := range count {
			sum := v.make()
			VMOVUPS(at(bias, v.bytes*j), sum)
			sums[i] = append(sums[i], sum)
		}
	}
	row, of, tap, taps := GP64(), GP64(), GP64(), GP64()
	MOVQ(t.at("count"), tap)
	TESTQ(tap, tap)
	JZ(LabelRef(name + "End"))
	MOVQ(tap, t.at("tapsLeft"))
	MOVQ(window, row)
	MOVQ(filter, of)
	Label(name + "Rows")
	MOVQ(run.at("count"), taps)
	TESTQ(taps, taps)
	JZ(LabelRef(name + "End"))
	MOVQ(row, apart.bases[0])
	MOVQ(of, tap)
	Label(name + "Taps")
	for j := range count {
		w := v.make()
		VMOVUPS(at(tap, v.bytes*j), w)
		for i := range sums {
			VFMADD231PS(apart.at(i, v.bytes*j), w, sums[i][j])
		}
	}
	ADDQ(t.at("step"), apart.bases[0])
	ADDQ(t.at("stepFilter"), tap)
	DECQ(taps)
	JNZ(LabelRef(name + "Taps"))
	ADDQ(t.at("down"), row)
	ADDQ(t.at("downFilter"), of)
	DECQ(t.at("tapsLeft"))
	JNZ(LabelRef(name + "Rows"))
	Label(name + "End")
	y := v.make()
	for i := range sums {
		for j, sum := range sums[i] {
			ends.end(sum, y)
			VMOVUPS(y, at(dst, v.bytes*j))
		}
		ADDQ(t.at("pixel"), dst)
		ADDQ(apart.stride, window)
	}
}
