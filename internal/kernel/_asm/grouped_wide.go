package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// wideTile is what a kernel has of rows of planes and vectors of columns of nibbles, a panel each.
type wideTile struct {
	vectors
	height
	t             record
	codes, group  reg.GPVirtual
	plane, list   reg.GPVirtual
	from          []reg.GPVirtual // where rows are
	cells         [][]wideCell    // by row and panel
	x             reg.VecVirtual
	halves        [2]reg.VecVirtual // of what a cell adds
	scales        [2]reg.VecVirtual
	total, factor reg.VecVirtual
}

// wideCell is what a group of a row adds up to in a vector of columns, by plane and in all, and what all groups
// before it have added up to, in two vectors of float64.
type wideCell struct {
	row, panel int
	planes     []reg.VecVirtual
	sum        reg.VecVirtual // that of the first plane, unless a kernel has another
	acc        [2]reg.VecVirtual
}

// newWideTile begins a kernel for so many planes, rows and panels.
func newWideTile(v vectors, planes int, h height, panels int, isa string) *wideTile {
	name := fmt.Sprintf("multiply%dPlanesR%dP%d%s", planes, h.rows, panels, isa)
	function(name, "t *uint8", fmt.Sprintf(
		"%s works like multiplyWideGroupsGeneric for %v rows of %d planes and %d columns of %d panels.",
		name, h, planes, v.bytes/4, panels))
	k := &wideTile{vectors: v, height: h, t: record{arg("t"), groupsFields}, group: GP64(), list: GP64(), x: v.make()}
	k.codes, k.plane = k.t.load("codes"), k.t.load("plane")
	for i := range h.rows {
		pointer := GP64()
		MOVQ(k.t.at("rows").Offset(8*i), pointer)
		k.from, k.cells = append(k.from, pointer), append(k.cells, nil)
		for panel := range panels {
			c := wideCell{row: i, panel: panel, acc: [2]reg.VecVirtual{v.make(), v.make()}}
			for range planes {
				c.planes = append(c.planes, v.make())
			}
			c.sum = c.planes[0]
			k.cells[i] = append(k.cells[i], c)
		}
	}
	return k
}

// eachRow emits body for the cells of the rows there are.
func (k *wideTile) eachRow(label string, body func(i int, row []wideCell)) {
	k.each(k.t.at("few"), label, func(i int) { body(i, k.cells[i]) })
}

// eachAcc calls do for the halves of a cell of acc, in memory.
func (k *wideTile) eachAcc(label string, do func(acc Mem, v reg.VecVirtual)) {
	k.eachRow(label, func(i int, row []wideCell) {
		MOVQ(k.t.at("acc").Offset(8*i), k.list)
		for _, c := range row {
			for h, v := range c.acc {
				do(at(k.list, 2*c.panel*stepBytes+h*k.bytes), v)
			}
		}
	})
}

// clear sets v to zeros.
func (k *wideTile) clear(v reg.VecVirtual) {
	if k.bytes == 64 {
		VPXORD(v, v, v)
	} else {
		VPXOR(v, v, v)
	}
}

// offset sets v to what the offset of planes adds to a sum, shifted and negated: sums begin with it.
func (k *wideTile) offset(panel, shift int, v reg.VecVirtual) {
	k.move(k.byColumn("compensation", panel, 0), k.x)
	VPSLLD(Imm(uint64(shift)), k.x, k.x)
	k.clear(v)
	VPSUBD(k.x, v, v)
}

// eachGroup emits the sums of a group, and adds them to what there is.
func (k *wideTile) eachGroup(multiply func()) {
	k.eachAcc("loaded", func(acc Mem, v reg.VecVirtual) { VMOVUPD(acc, v) })
	XORQ(k.group, k.group)
	Label("groups")
	multiply()
	for panel := range k.cells[0] {
		for h, v := range k.scales {
			VCVTPS2PD(k.byColumn("scales", panel, h), v)
		}
		k.eachRow(fmt.Sprintf("added%d", panel), func(_ int, row []wideCell) { k.addCell(row[panel]) })
	}
	ADDQ(Imm(8), k.group)
	DECQ(k.t.at("groups"))
	JNZ(LabelRef("groups"))
	k.eachAcc("stored", func(acc Mem, v reg.VecVirtual) { VMOVUPD(v, acc) })
	VZEROUPPER()
	RET()
}

// multiply calls do for the sums of so many rows, with weights of their panel, where x is the activations at disp,
// repeated.
func (k *wideTile) multiply(rows int, weights []reg.VecVirtual, disp int, do func(weights, sum reg.VecVirtual)) {
	for i, row := range k.cells[:rows] {
		for plane := range row[0].planes {
			m := at(k.from[i], disp)
			if plane > 0 {
				m.Index, m.Scale = k.plane, uint8(plane)
			}
			VPBROADCASTD(m, k.x)
			for panel, v := range weights {
				do(v, row[panel].planes[plane])
			}
		}
	}
}

// eachCell emits body for the cells there are.
func (k *wideTile) eachCell(label string, body func(c wideCell)) {
	k.eachRow(label, func(_ int, row []wideCell) {
		for _, c := range row {
			body(c)
		}
	})
}

// steps emits body for so many steps, two at a time, and for the rows there are.
func (k *wideTile) steps(left reg.GPVirtual, body func(rows int)) {
	k.either(k.t.at("few"), func(name string, rows int) {
		loop(name, left, 2, func() {
			body(rows)
			for _, row := range k.from[:rows] {
				ADDQ(Imm(2*stepDepth), row)
			}
			ADDQ(Imm(stepBytes), k.codes)
		})
	})
}

// byColumn returns where a half of a list by column is.
func (k *wideTile) byColumn(name string, panel, h int) Mem {
	MOVQ(k.t.at(name), k.list)
	for range panel {
		ADDQ(k.t.at("list"), k.list)
	}
	return Mem{Base: k.list, Index: k.group, Scale: 8, Disp: h * k.bytes / 2}
}

// toFloat64 sets the halves to those of a vector of int32.
func (k *wideTile) toFloat64(v reg.VecVirtual) {
	VCVTDQ2PD(k.half(v), k.halves[0])
	if k.bytes == 64 {
		VEXTRACTI64X4(Imm(1), v, k.half(k.x))
	} else {
		VEXTRACTI128(Imm(1), v, k.half(k.x))
	}
	VCVTDQ2PD(k.half(k.x), k.halves[1])
}

// withTotal adds the total of a row times a list, which convert makes float64, to the halves of to, where
// there is the list.
func (k *wideTile) withTotal(name string, c wideCell, convert, add func(ops ...Op), to [2]reg.VecVirtual) {
	label := fmt.Sprintf("%s%dOf%d", name, c.panel, c.row)
	CMPQ(k.t.at(name), Imm(0))
	JEQ(LabelRef(label))
	MOVQ(k.t.at("totals").Offset(8*c.row), k.list)
	VPBROADCASTD(Mem{Base: k.list, Index: k.group, Scale: 1}, k.half(k.total))
	VCVTDQ2PD(k.half(k.total), k.total)
	for h, v := range to {
		convert(k.byColumn(name, c.panel, h), k.factor)
		VMULPD(k.total, k.factor, k.factor)
		add(k.factor, v, v)
	}
	Label(label)
}

// addCell adds the sums of a cell to acc.
func (k *wideTile) addCell(c wideCell) {
	k.toFloat64(c.sum)
	fromInt32, fromFloat32 := func(ops ...Op) { VCVTDQ2PD(ops[0], ops[1]) }, func(ops ...Op) { VCVTPS2PD(ops[0], ops[1]) }
	k.withTotal("zeroPoints", c, fromInt32, func(ops ...Op) { VSUBPD(ops...) }, k.halves)
	for h, v := range k.halves {
		VMULPD(k.scales[h], v, v)
		VADDPD(v, c.acc[h], c.acc[h])
	}
	k.withTotal("offsets", c, fromFloat32, func(ops ...Op) { VADDPD(ops...) }, c.acc)
}

// vnniMultiplyWide makes sixteen times the codes, as vnniMultiplyNibbles does. What the last plane begins
// with is shifted by 12 bits or by 4 with it.
func vnniMultiplyWide(planes int, h height, panels int) {
	k := newWideTile(zmm, planes, h, panels, "VNNI")
	panel, left := k.t.load("panel"), GP64()
	var codes [2][]reg.VecVirtual // low and high ones of all panels
	for i := range codes {
		for range panels {
			codes[i] = append(codes[i], ZMM())
		}
	}
	k.halves, k.scales = [2]reg.VecVirtual{codes[0][0], codes[1][0]}, [2]reg.VecVirtual{ZMM(), ZMM()}
	k.total, k.factor = ZMM(), ZMM()
	signs, upper := zmm.constant("signBits", 0x80808080), zmm.constant("upperHalves", 0xf0f0f0f0)
	k.eachGroup(func() {
		for panel := range panels {
			k.offset(panel, 11, codes[0][panel])
		}
		k.eachCell("begun", func(c wideCell) {
			for _, v := range c.planes[:planes-1] {
				k.clear(v)
			}
			VMOVDQA32(codes[0][c.panel], c.planes[planes-1])
		})
		MOVQ(k.t.at("steps"), left)
		k.steps(left, func(rows int) {
			for j, high := range codes[1] {
				m := at(k.codes, 0)
				if j > 0 {
					m.Index, m.Scale = panel, uint8(j)
				}
				PREFETCHT0(m.Offset(codesAhead))
				VMOVDQU32(m, high)
				VPSLLD(Imm(4), high, codes[0][j])
			}
			for step, weights := range codes {
				for _, v := range weights {
					VPTERNLOGD(Imm(0x28), upper, signs, v)
				}
				k.multiply(rows, weights, stepDepth*step, func(weights, sum reg.VecVirtual) { VPDPBUSD(weights, k.x, sum) })
			}
		})
		k.eachCell("combined", func(c wideCell) {
			VPSRAD(Imm(4), c.sum, c.sum)
			for i, v := range c.planes[1:] {
				VPSLLD(Imm(uint64(4+8*i)), v, v)
				VPADDD(v, c.sum, c.sum)
			}
		})
	})
}

// avx2MultiplyWide adds products in pairs, as avx2MultiplyGroups does, by plane.
func avx2MultiplyWide(planes int, h height) {
	k := newWideTile(ymm, planes, h, 1, "AVX2")
	weights, product, left, n := YMM(), YMM(), GP64(), GP64()
	for i := range k.cells {
		k.cells[i][0].sum = YMM()
	}
	k.halves, k.scales = [2]reg.VecVirtual(k.cells[0][0].planes), [2]reg.VecVirtual(k.cells[1][0].planes)
	k.total, k.factor = product, weights
	ones := ymm.memory("ones16", 0x00010001)
	low, eights := ymm.memory("lowHalves", 0x0f0f0f0f), ymm.memory("eights", 0x08080808)
	k.eachGroup(func() {
		k.offset(0, 8*planes-1, product)
		k.eachCell("offset", func(c wideCell) { VMOVDQA(product, c.sum) })
		MOVQ(k.t.at("steps"), left)
		Label("blocks")
		MOVQ(U32(avx2Block), n)
		CMPQ(n, left)
		CMOVQGT(left, n)
		SUBQ(n, left)
		k.eachCell("cleared", func(c wideCell) {
			for _, v := range c.planes {
				k.clear(v)
			}
		})
		k.steps(n, func(rows int) {
			PREFETCHT0(at(k.codes, avx2Ahead))
			for step := range 2 {
				VMOVDQU(at(k.codes, 0), weights)
				if step > 0 {
					VPSRLW(Imm(4), weights, weights)
				}
				VPAND(low, weights, weights)
				VPSUBB(eights, weights, weights)
				k.multiply(rows, []reg.VecVirtual{weights}, stepDepth*step, func(weights, sum reg.VecVirtual) {
					VPMADDUBSW(weights, k.x, product)
					VPADDW(product, sum, sum)
				})
			}
		})
		k.eachCell("paired", func(c wideCell) {
			for plane, v := range c.planes {
				VPMADDWD(ones, v, v)
				if plane > 0 {
					VPSLLD(Imm(uint64(8*plane)), v, v)
				}
				VPADDD(v, c.sum, c.sum)
			}
		})
		TESTQ(left, left)
		JNZ(LabelRef("blocks"))
	})
}
