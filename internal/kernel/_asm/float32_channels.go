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
		"row", "rowsLeft", "runsLeft", "at", "filter", "count", "window", "windowFilter", "pixelsLeft",
	}
	tapsFields = []string{"at", "filter", "count"}
	runFields  = append(tapsFields, "pixels", "apart")
)

// pixelsAtOnce is how many pixels share the elements of filters: a scale of an index.
const pixelsAtOnce = 4

// multiplyChannels emits the chains of so many vectors of channels: row by row, and run by run of columns.
func multiplyChannels(v vectors, count int) {
	name := fmt.Sprintf("multiplyChannels%d%s", count, v.isa)
	function(name, "t *uint8", fmt.Sprintf("%s works like multiplyChannelsGeneric for %d channels, with steps in bytes.", name, count*v.bytes/4))
	t := record{arg("t"), channelsFields}
	run, dst := record{GP64(), runFields}, t.load("dst")
	ends, next := endsOf(v, t.repeat(v, "floor")), GP64()
	set := func(from Mem, field string) {
		MOVQ(from, next)
		MOVQ(next, t.at(field))
	}
	set(t.at("rows"), "row")
	set(t.at("rowCount"), "rowsLeft")
	Label("rows")
	row := record{t.load("row"), tapsFields}
	for _, field := range tapsFields {
		set(row.at(field), field)
	}
	ADDQ(Imm(uint64(8*len(tapsFields))), row.base)
	MOVQ(row.base, t.at("row"))
	MOVQ(t.at("runs"), run.base)
	set(t.at("runCount"), "runsLeft")
	Label("runs")
	for _, of := range [][3]string{{"src", "at", "window"}, {"filters", "filter", "windowFilter"}} {
		MOVQ(t.at(of[1]), next)
		ADDQ(run.at(of[1]), next)
		SHLQ(Imm(2), next)
		ADDQ(t.at(of[0]), next)
		MOVQ(next, t.at(of[2]))
	}
	set(run.at("pixels"), "pixelsLeft")
	apart := run.load("apart")
	SHLQ(Imm(2), apart)
	pixels := spreadOver(GP64(), apart, pixelsAtOnce)
	SUBQ(Imm(pixelsAtOnce), t.at("pixelsLeft"))
	JLT(LabelRef("rest"))
	Label("several")
	multiplyWindows(v, t, run, ends, "several", count, pixelsAtOnce, dst, pixels)
	SUBQ(Imm(pixelsAtOnce), t.at("pixelsLeft"))
	JGE(LabelRef("several"))
	Label("rest")
	ADDQ(Imm(pixelsAtOnce), t.at("pixelsLeft"))
	JZ(LabelRef("nextRun"))
	Label("one")
	multiplyWindows(v, t, run, ends, "one", count, 1, dst, pixels)
	DECQ(t.at("pixelsLeft"))
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
func multiplyWindows(v vectors, t, run record, ends chainEnds, name string, count, pixels int, dst reg.GPVirtual, apart *spread) {
	sums, bias := make([][]reg.VecVirtual, pixels), t.load("bias")
	for i := range sums {
		for j := range count {
			sum := v.make()
			VMOVUPS(at(bias, v.bytes*j), sum)
			sums[i] = append(sums[i], sum)
		}
	}
	row, of, tap, taps, left := t.load("window"), t.load("windowFilter"), GP64(), GP64(), t.load("count")
	step, stepFilter := t.load("step"), t.load("stepFilter")
	CMPQ(left, Imm(0))
	JE(LabelRef(name + "End"))
	CMPQ(run.at("count"), Imm(0))
	JE(LabelRef(name + "End"))
	Label(name + "Rows")
	MOVQ(run.at("count"), taps)
	MOVQ(row, apart.bases[0])
	MOVQ(of, tap)
	Label(name + "Taps")
	w := make([]reg.VecVirtual, count)
	for j := range w {
		w[j] = v.make()
		VMOVUPS(at(tap, v.bytes*j), w[j])
	}
	for i := range sums {
		for j := range w {
			VFMADD231PS(apart.at(i, v.bytes*j), w[j], sums[i][j])
		}
	}
	ADDQ(step, apart.bases[0])
	ADDQ(stepFilter, tap)
	DECQ(taps)
	JNZ(LabelRef(name + "Taps"))
	ADDQ(t.at("down"), row)
	ADDQ(t.at("downFilter"), of)
	DECQ(left)
	JNZ(LabelRef(name + "Rows"))
	Label(name + "End")
	y, pixel := v.make(), t.load("pixel")
	for i := range sums {
		for j, sum := range sums[i] {
			ends.end(sum, y)
			VMOVUPS(y, at(dst, v.bytes*j))
		}
		ADDQ(pixel, dst)
	}
	window := t.load("window")
	LEAQ(Mem{Base: window, Index: apart.stride, Scale: uint8(pixels)}, window)
	MOVQ(window, t.at("window"))
}
