package main

import (
	"fmt"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// groupsFields is kernel.groupsTile.
var groupsFields = slices.Concat(
	[]string{"codes", "panel", "plane", "steps", "groups", "few", "scales", "compensation", "zeroPoints", "offsets", "list"},
	slices.Repeat([]string{"rows"}, vnniRows), slices.Repeat([]string{"acc"}, vnniRows),
	slices.Repeat([]string{"totals"}, vnniRows), slices.Repeat([]string{"zeros"}, vnniRows),
)

// A height is how many rows a kernel has registers for, and a number of fewer rows that it takes too: where the
// field few is set. The two may be the same.
type height struct{ few, rows int }

// String returns the rows for a sentence.
func (h height) String() string {
	if h.few == h.rows {
		return fmt.Sprint(h.rows)
	}
	return fmt.Sprintf("%d or %d", h.few, h.rows)
}

// each emits body for all rows, of which it jumps over those behind the few.
func (h height) each(few Op, label string, body func(i int)) {
	for i := range h.rows {
		if i == h.few {
			CMPQ(few, Imm(0))
			JNE(LabelRef(label))
		}
		body(i)
	}
	Label(label)
}

// either emits body for so many rows as there are: for all of them, and for the few.
func (h height) either(few Op, body func(name string, rows int)) {
	if h.few < h.rows {
		CMPQ(few, Imm(0))
		JNE(LabelRef("few"))
		body("many", h.rows)
		JMP(LabelRef("summed"))
	}
	Label("few")
	body("steps", h.few)
	Label("summed")
}

// groupsTile is what a kernel has of rows and panels of a Groups: sums of a group, and what all groups before
// it have added up to, by row and then by vectors of columns, in registers.
type groupsTile struct {
	vectors
	height
	t         record
	packed    bool // codes are nibbles
	codes     reg.GPVirtual
	from      []reg.GPVirtual // where rows are
	p, group  reg.GPVirtual   // the depth, and eight times the group
	list      reg.GPVirtual   // for what is read once a group
	acc, sums [][]reg.VecVirtual
	codeSums  reg.VecVirtual // those of a group, where they are not read
	x, y      reg.VecVirtual
}

// newGroupsTile begins a kernel for so many rows and panels.
func newGroupsTile(v vectors, h height, panels int, packed bool, isa string) *groupsTile {
	name := fmt.Sprintf("multiplyGroupsR%dP%d%s", h.rows, panels, isa)
	if packed {
		name = fmt.Sprintf("multiplyNibblesR%d%s", h.rows, isa)
	}
	function(name, "t *uint8", fmt.Sprintf("%s works like multiplyGroupsGeneric for %v rows and %d panels.", name, h, panels))
	k := &groupsTile{vectors: v, height: h, t: record{arg("t"), groupsFields}, packed: packed, p: GP64(), group: GP64(), list: GP64()}
	k.codes = k.t.load("codes")
	for i := range h.rows {
		pointer := GP64()
		MOVQ(k.byRow("rows", i), pointer)
		k.from = append(k.from, pointer)
		k.acc, k.sums = append(k.acc, nil), append(k.sums, nil)
		for range panels * stepBytes / v.bytes {
			k.acc[i], k.sums[i] = append(k.acc[i], v.make()), append(k.sums[i], v.make())
		}
	}
	return k
}

func (k *groupsTile) byRow(name string, i int) Mem { return k.t.at(name).Offset(8 * i) }

// eachRow emits body for the rows there are.
func (k *groupsTile) eachRow(label string, body func(i int)) { k.each(k.t.at("few"), label, body) }

// eachAcc calls do for the vectors of a row of acc, in memory.
func (k *groupsTile) eachAcc(label string, do func(acc Mem, v reg.VecVirtual)) {
	k.eachRow(label, func(i int) {
		MOVQ(k.byRow("acc", i), k.list)
		for j, v := range k.acc[i] {
			do(at(k.list, j*k.bytes), v)
		}
	})
}

// eachGroup emits the sums of a group, and adds them to what there is.
func (k *groupsTile) eachGroup(multiply func()) {
	k.eachAcc("loaded", func(acc Mem, v reg.VecVirtual) { VMOVUPS(acc, v) })
	XORQ(k.p, k.p)
	XORQ(k.group, k.group)
	Label("groups")
	multiply()
	for j := range k.sums[0] {
		k.addGroup(j)
	}
	ADDQ(Imm(8), k.group)
	DECQ(k.t.at("groups"))
	JNZ(LabelRef("groups"))
	k.eachAcc("stored", func(acc Mem, v reg.VecVirtual) { VMOVUPS(v, acc) })
	VZEROUPPER()
	RET()
}

// byColumn returns where vector j of a list by column is.
func (k *groupsTile) byColumn(name string, j int) Mem {
	MOVQ(k.t.at(name), k.list)
	panel := j * k.bytes / stepBytes
	for range panel {
		ADDQ(k.t.at("list"), k.list)
	}
	return Mem{Base: k.list, Index: k.group, Scale: 8, Disp: j*k.bytes - panel*stepBytes}
}

// total sets x to the total of a row.
func (k *groupsTile) total(i int) {
	MOVQ(k.byRow("totals", i), k.list)
	VPBROADCASTD(Mem{Base: k.list, Index: k.group, Scale: 1}, k.x)
}

// where emits body for a list that there is.
func (k *groupsTile) where(name string, j int, body func()) {
	label := fmt.Sprintf("%s%d", name, j)
	CMPQ(k.t.at(name), Imm(0))
	JEQ(LabelRef(label))
	body()
	Label(label)
}

// addGroup adds the sums of vector j of columns to acc.
func (k *groupsTile) addGroup(j int) {
	compensation := k.codeSums
	if compensation == nil {
		compensation = k.y
		k.move(k.byColumn("compensation", j), k.y)
	}
	label := func(name string) string { return fmt.Sprintf("%s%d", name, j) }
	k.eachRow(label("compensated"), func(i int) {
		sum := k.sums[i][j]
		VPBROADCASTD(k.byRow("zeros", i), k.x)
		VPMULLD(compensation, k.x, k.x)
		VPADDD(k.x, sum, sum)
	})
	k.where("zeroPoints", j, func() {
		k.move(k.byColumn("zeroPoints", j), k.y)
		k.eachRow(label("lowered"), func(i int) {
			k.total(i)
			VPMULLD(k.y, k.x, k.x)
			VPSUBD(k.x, k.sums[i][j], k.sums[i][j])
		})
	})
	VMOVUPS(k.byColumn("scales", j), k.y)
	k.eachRow(label("scaled"), func(i int) {
		sum := k.sums[i][j]
		VCVTDQ2PS(sum, sum)
		VMULPS(k.y, sum, sum)
		VADDPS(sum, k.acc[i][j], k.acc[i][j])
	})
	k.where("offsets", j, func() {
		VMOVUPS(k.byColumn("offsets", j), k.y)
		k.eachRow(label("raised"), func(i int) {
			k.total(i)
			VCVTDQ2PS(k.x, k.x)
			VMULPS(k.y, k.x, k.x)
			VADDPS(k.x, k.acc[i][j], k.acc[i][j])
		})
	})
}

// Up to vnniReadRows rows, memory is the limit: codes are fetched, and the sums of nibbles made and not read.
const vnniReadRows = 2

// vnniGroups emits kernels for rows and panels whose sums of both kinds there are registers for.
func vnniGroups() {
	for panels := 1; panels <= vnniPanels; panels++ {
		vnniMultiplyGroups(height{1, 4}, panels)
	}
	vnniMultiplyNibbles(height{1, 1})
	vnniMultiplyNibbles(height{vnniReadRows, vnniReadRows})
	vnniMultiplyNibbles(height{vnniRows / 2, vnniRows})
	for planes := 2; planes <= 3; planes++ {
		for panels := 1; panels <= 2; panels++ {
			vnniMultiplyWide(planes, height{1, 2}, panels)
		}
	}
}

// vnniSums emits the sums of a group, which body adds to: so many steps at a time.
func (k *groupsTile) vnniSums(steps int, body func(rows int)) {
	left := GP64()
	k.eachRow("begun", func(i int) {
		for _, v := range k.sums[i] {
			VPXORD(v, v, v)
		}
	})
	MOVQ(k.t.at("steps"), left)
	k.either(k.t.at("few"), func(name string, rows int) {
		loop(name, left, steps, func() {
			body(rows)
			ADDQ(Imm(uint64(stepDepth*steps)), k.p)
			ADDQ(Imm(stepBytes), k.codes)
		})
	})
}

func vnniMultiplyGroups(h height, panels int) {
	k := newGroupsTile(zmm, h, panels, false, "VNNI")
	panel, weights := k.t.load("panel"), make([]reg.VecVirtual, panels)
	for j := range weights {
		weights[j] = ZMM()
	}
	k.x, k.y = ZMM(), weights[0]
	k.eachGroup(func() {
		k.vnniSums(1, func(rows int) {
			for j, v := range weights {
				m := at(k.codes, 0)
				if j > 0 {
					m.Index, m.Scale = panel, uint8(j)
				}
				VMOVDQU32(m, v)
				PREFETCHT0(m.Offset(vnniAhead))
			}
			for i, row := range k.from[:rows] {
				VPBROADCASTD(Mem{Base: row, Index: k.p, Scale: 1}, k.x)
				for j, v := range weights {
					VPDPBUSD(v, k.x, k.sums[i][j])
				}
			}
		})
	})
}

// vnniMultiplyNibbles makes sixteen times the codes, which fill the upper halves of bytes, and divides the
// sums. Of few rows, low and high codes add to sums of their own, which do not wait for one another.
func vnniMultiplyNibbles(h height) {
	k := newGroupsTile(zmm, h, 1, true, "VNNI")
	codes := [2]reg.VecVirtual{ZMM(), ZMM()}
	k.x, k.y = ZMM(), codes[0]
	signs, upper := zmm.constant("signBits", 0x80808080), zmm.constant("upperHalves", 0xf0f0f0f0)
	var sums, more []reg.VecVirtual // of the rows, and of codes behind them
	for _, row := range k.sums {
		sums = append(sums, row[0])
	}
	var ones reg.VecVirtual
	if h.rows <= vnniReadRows {
		ones, k.codeSums = zmm.constant("ones8", 0x01010101), ZMM()
		sums = append(sums, k.codeSums)
		for range sums {
			more = append(more, ZMM())
		}
	}
	k.eachGroup(func() {
		for _, v := range slices.Concat(sums[h.rows:], more) {
			VPXORD(v, v, v)
		}
		k.vnniSums(2, func(rows int) {
			PREFETCHT0(at(k.codes, codesAhead))
			VMOVDQU32(at(k.codes, 0), codes[1])
			VPSLLD(Imm(4), codes[1], codes[0])
			for step, v := range codes {
				to := sums
				if step > 0 && more != nil {
					to = more
				}
				VPTERNLOGD(Imm(0x28), upper, signs, v) // v exclusive-or signs, and upper
				for _, sum := range to[h.rows:] {
					VPDPBUSD(v, ones, sum)
				}
				for i, row := range k.from[:rows] {
					VPBROADCASTD(Mem{Base: row, Index: k.p, Scale: 1, Disp: stepDepth * step}, k.x)
					VPDPBUSD(v, k.x, to[i])
				}
			}
		})
		for i, v := range more {
			VPADDD(v, sums[i], sums[i])
		}
		for _, v := range sums[h.rows:] {
			VPSRAD(Imm(4), v, v)
		}
		k.eachRow("divided", func(i int) { VPSRAD(Imm(4), sums[i], sums[i]) })
	})
}
