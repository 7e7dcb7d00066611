package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// avx2Codes is what multiplies a row by codes of a group of columns.
type avx2Codes struct {
	*codeBlocks
	x, selection, window reg.GPVirtual
	ones                 Op
	values, magnitudes   []reg.VecVirtual // of each field
	tables               [2]reg.VecVirtual
	weights              reg.VecVirtual
}

// newAVX2Codes begins the product of a row. Activations are taken off 128, which leaves signed bytes, and their
// signs move to the weights: VPMADDUBSW then adds products of magnitudes up to 128 and weights up to 127 in
// pairs, which 16 bits hold.
func newAVX2Codes(bits int) *avx2Codes {
	name := fmt.Sprintf("multiply%dBitsAVX2", bits)
	function(name, "t *uint8", fmt.Sprintf("%s sets lanes to the products of a row, taken off 128, and a panel of codes of %d bits, "+
		"whose weights are −127 at least. ones is what pairs of products are multiplied by.", name, bits))
	b := newCodeBlocks(ymm, bits)
	c := &avx2Codes{codeBlocks: b, x: b.t.load("rows"), selection: b.t.load("selection"), window: GP64(), weights: YMM()}
	c.ones, c.tables = at(b.t.load("ones"), 0), [2]reg.VecVirtual{YMM(), YMM()}
	for range b.fields {
		c.values, c.magnitudes = append(c.values, YMM()), append(c.magnitudes, YMM())
	}
	return c
}

// avx2Multiply4Bits keeps the sums of all groups of columns in registers.
func avx2Multiply4Bits() {
	c := newAVX2Codes(4)
	var sums [codeGroups][2]reg.VecVirtual
	for group := range sums {
		sums[group] = [2]reg.VecVirtual{ymm.zero(), ymm.zero()}
	}
	c.eachBlock(codeGroups, func() {
		c.loadRow()
		for group, sum := range sums {
			c.multiply(at(c.codes, groupBytes*group), sum, fmt.Sprintf("group%d", group))
		}
	})
	for group, sum := range sums {
		for h, v := range sum {
			VMOVDQU(v, c.t.at("lanes").Offset(groupBytes*group+32*h))
		}
	}
	VZEROUPPER()
	RET()
}

// avx2Multiply2Bits keeps the activations of four fields in registers, and sums in lanes.
func avx2Multiply2Bits() {
	c := newAVX2Codes(2)
	c.keepLevels()
	ones, sums, group, lanes := YMM(), [2]reg.VecVirtual{ymm.zero(), YMM()}, GP64(), c.t.at("lanes")
	VMOVDQU(c.ones, ones)
	c.ones = ones
	for i := range codeGroups * groupBytes / 32 {
		VMOVDQU(sums[0], lanes.Offset(32*i))
	}
	lanes.Index, lanes.Scale = group, 1
	c.eachBlock(codeGroups, func() {
		c.loadRow()
		XORQ(group, group)
		Label("groups")
		for h, sum := range sums {
			VMOVDQU(lanes.Offset(32*h), sum)
		}
		c.multiply(Mem{Base: c.codes, Index: group, Scale: 1}, sums, "group")
		for h, sum := range sums {
			VMOVDQU(sum, lanes.Offset(32*h))
		}
		ADDQ(Imm(groupBytes), group)
		CMPQ(group, U32(codeGroups*groupBytes))
		JNE(LabelRef("groups"))
	})
	VZEROUPPER()
	RET()
}

// loadRow loads the activations of a block.
func (c *avx2Codes) loadRow() {
	signs := ymm.memory("signs", 0x80808080)
	for i, v := range c.values {
		VBROADCASTI128(at(c.x, 16*i), v)
		VPXOR(signs, v, v)
		VPABSB(v, c.magnitudes[i])
	}
	ADDQ(Imm(uint64(c.depth)), c.x)
	MOVQ(c.multipliers, c.window)
}

// multiply adds the products of a group of columns to sums, and goes on to the next window. Fields of 2 bits
// take turns such that exchanges of words put their weights first.
func (c *avx2Codes) multiply(codes Mem, sums [2]reg.VecVirtual, label string) {
	c.scaleHalves(0)
	order := map[int][]int{2: {0, 1, 3, 2}, 4: {0, 1}}[c.bits]
	for i, field := range order {
		c.nextTables(i, label)
		for h, sum := range sums {
			VMOVDQU(codes.Offset(32*h), c.weights)
			if field > 0 {
				VPSRLW(Imm(uint64(field*c.bits)), c.weights, c.weights)
			}
			VPAND(c.low, c.weights, c.weights)
			VPSHUFB(c.weights, c.tables[h], c.weights)
			VPSIGNB(c.values[field], c.weights, c.weights)
			VPMADDUBSW(c.weights, c.magnitudes[field], c.weights)
			VPMADDWD(c.ones, c.weights, c.weights)
			VPADDD(c.weights, sum, sum)
		}
	}
	ADDQ(c.place, c.window)
}

// scaleHalves makes tables, by the selection at disp.
func (c *avx2Codes) scaleHalves(disp int) {
	for h, table := range c.tables {
		c.scale(c.window, [2]Op{at(c.selection, 32*h+disp), at(c.selection, 32*h+64)}, table, c.weights)
	}
}

// nextTables prepares tables for the i-th field in order. Fields 0 and 1, and 2 and 3, have the same weights
// but in groups of 16; so have two fields of 4 bits, the second of which has tables of its own there.
func (c *avx2Codes) nextTables(i int, label string) {
	exchange := func(order uint8) {
		for _, table := range c.tables {
			VPSHUFD(Imm(uint64(order)), table, table)
		}
	}
	const neighbors, halves = 0b10_11_00_01, 0b01_00_11_10
	switch label = fmt.Sprintf("%sField%d", label, i); {
	case i == 2:
		exchange(halves)
	case i > 0 && c.bits == 4:
		c.where16(label, func() { c.scaleHalves(64) })
	case i > 0:
		c.where16(label, func() { exchange(neighbors) })
	}
}

// avx2SumCodes emits the end of a row.
func avx2SumCodes() {
	function("sumCodesAVX2", "dst *int32, lanes *[16][4]int32, compensation *[16]int32",
		"sumCodesAVX2 sets dst[p+4·c] to the sum of lanes[4·p+c], and 128 times its compensation.")
	dst, lanes, compensation := arg("dst"), arg("lanes"), arg("compensation")
	for h := range 2 {
		x, y, z := YMM(), YMM(), YMM()
		VMOVDQU(at(lanes, 32*h), x)
		VPHADDD(at(lanes, groupBytes+32*h), x, x)
		VMOVDQU(at(lanes, 2*groupBytes+32*h), y)
		VPHADDD(at(lanes, 3*groupBytes+32*h), y, y)
		VPHADDD(y, x, x)
		VMOVDQU(at(compensation, 32*h), z)
		VPSLLD(Imm(7), z, z)
		VPADDD(z, x, x)
		VMOVDQU(x, at(dst, 32*h))
	}
	VZEROUPPER()
	RET()
}
