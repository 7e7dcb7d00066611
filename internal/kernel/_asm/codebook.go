package main

import (
	"fmt"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// codesAhead is how far ahead of their use codes are fetched.
const codesAhead = 4096

// codeRows is the most rows of a tile.
const codeRows = 4

// codeFields is kernel.codeTile.
var codeFields = slices.Concat(
	[]string{"dst", "codes", "multipliers", "place", "blocks", "unit", "selection", "ones", "pass"},
	slices.Repeat([]string{"rows"}, codeRows), slices.Repeat([]string{"levels"}, 16), []string{"lanes"},
)

// A block has codeGroups groups of columns, each with groupBytes of codes, and as much of sums in lanes.
const (
	codeGroups = 4
	groupBytes = 64
)

// codeBlocks is what a kernel has of the blocks that it goes through. A byte has a code in each of its fields,
// and a column has so many codes in a block as the depth is.
type codeBlocks struct {
	vectors
	t                         record
	bits, fields, depth       int
	codes, multipliers, place reg.GPVirtual
	levels                    [2]Op          // the lower and the upper eight: one does for 2 bits
	low                       reg.VecVirtual // the bits of the first field
}

// newCodeBlocks loads what all kernels need of a tile.
func newCodeBlocks(v vectors, bits int) *codeBlocks {
	t := record{arg("t"), codeFields}
	b := &codeBlocks{vectors: v, t: t, bits: bits, fields: 8 / bits, depth: 128 / bits}
	b.codes, b.multipliers, b.place = t.load("codes"), t.load("multipliers"), t.load("place")
	for i := range b.levels {
		b.levels[i] = t.at("levels").Offset(64 * i)
	}
	b.low = v.constant(fmt.Sprintf("lowBits%d", bits), uint32(1<<bits-1)*0x01010101)
	return b
}

// keepLevels loads the levels.
func (b *codeBlocks) keepLevels() {
	for i := range b.bits / 2 {
		v := b.make()
		b.move(b.levels[i], v)
		b.levels[i] = v
	}
}

// scale sets a table to weights, by the multipliers from window on that selections move to where the levels
// are: 16 weights of 4 bits, by the first of the selections; or four of 2 bits for each field, by both.
func (b *codeBlocks) scale(window reg.GPVirtual, selections [2]Op, table, spare reg.VecVirtual) {
	if b.bytes == 64 {
		VBROADCASTI32X4(at(window, 0), spare)
	} else {
		VBROADCASTI128(at(window, 0), spare)
	}
	if b.bits == 4 {
		VPSHUFB(selections[0], spare, spare)
		VPMULHRSW(b.levels[0], spare, table)
		VPMULHRSW(b.levels[1], spare, spare)
	} else {
		VPSHUFB(selections[0], spare, table)
		VPSHUFB(selections[1], spare, spare)
		VPMULHRSW(b.levels[0], table, table)
		VPMULHRSW(b.levels[0], spare, spare)
	}
	VPACKSSWB(spare, table, table)
}

// is16 compares for groups of 16, where each field has multipliers of its own.
func (b *codeBlocks) is16() { CMPQ(b.place, Imm(uint64(32/b.bits))) }

// where16 emits body for groups of 16 alone.
func (b *codeBlocks) where16(label string, body func()) {
	b.is16()
	JNE(LabelRef(label))
	body()
	Label(label)
}

// eachBlock emits body for each block of a panel, of which so many in a row share their multipliers. It
// fetches the codes of so many groups of columns.
func (b *codeBlocks) eachBlock(groups int, body func()) {
	left, n := b.t.load("blocks"), GP64()
	Label("units")
	MOVQ(b.t.at("unit"), n)
	CMPQ(n, left)
	CMOVQGT(left, n)
	SUBQ(n, left)
	Label("blocks")
	for group := range groups {
		PREFETCHT0(at(b.codes, codesAhead+groupBytes*group))
	}
	body()
	ADDQ(U32(codeGroups*groupBytes), b.codes)
	DECQ(n)
	JNZ(LabelRef("blocks"))
	LEAQ(Mem{Base: b.multipliers, Index: b.place, Scale: codeGroups}, b.multipliers)
	TESTQ(left, left)
	JNZ(LabelRef("units"))
}

// nextWord lets the first four weights of a table in lanes be the second four.
const nextWord = 0b00_11_10_01

// decodeCodes emits the decoding of a panel, field by field: tables for 16 columns, what the codes look up in
// them, and a transpose of 4×4 words in lanes, which makes steps of it.
func decodeCodes(v vectors, bits int) {
	name := fmt.Sprintf("decode%dBits%s", bits, v.isa)
	function(name, "t *uint8", fmt.Sprintf("%s works like decodeCodesGeneric for a panel of codes of %d bits.", name, bits))
	b := newCodeBlocks(v, bits)
	b.keepLevels()
	dst, selection, window := b.t.load("dst"), GP64(), GP64()
	var codes, tables, x [codeGroups]reg.VecVirtual
	for i := range tables {
		codes[i], tables[i], x[i] = v.make(), v.make(), v.make()
	}
	spare := v.make() // the last of 16 registers
	half, field := GP64(), GP64()
	b.eachBlock(codeGroups, func() {
		XORQ(half, half)
		Label("halves")
		for group, v := range codes {
			b.move(Mem{Base: b.codes, Index: half, Scale: 1, Disp: groupBytes * group}, v)
		}
		MOVQ(b.t.at("selection"), selection)
		ADDQ(half, selection)
		MOVQ(U32(b.fields), field)
		Label("tables")
		MOVQ(b.multipliers, window)
		for _, table := range tables {
			b.scale(window, [2]Op{at(selection, 0), at(selection, 64)}, table, spare)
			ADDQ(b.place, window)
		}
		Label("fields")
		for group, table := range tables {
			b.and(b.low, codes[group], x[group])
			VPSHUFB(x[group], table, x[group])
			VPSRLW(Imm(uint64(bits)), codes[group], codes[group])
			if bits == 2 {
				VPSHUFD(Imm(nextWord), table, table)
			}
		}
		VPUNPCKLDQ(x[1], x[0], spare)
		VPUNPCKHDQ(x[1], x[0], x[0])
		VPUNPCKLDQ(x[3], x[2], x[1])
		VPUNPCKHDQ(x[3], x[2], x[2])
		VPUNPCKLQDQ(x[1], spare, x[3])
		VPUNPCKHQDQ(x[1], spare, spare)
		VPUNPCKLQDQ(x[2], x[0], x[1])
		VPUNPCKHQDQ(x[2], x[0], x[0])
		for step, v := range []reg.VecVirtual{x[3], spare, x[1], x[0]} {
			b.move(v, Mem{Base: dst, Index: half, Scale: 1, Disp: 64 * step})
		}
		ADDQ(U32(256), dst)
		DECQ(field)
		JZ(LabelRef("decoded"))
		if bits == 4 {
			ADDQ(Imm(64), selection)
			b.is16()
			JEQ(LabelRef("tables"))
		}
		JMP(LabelRef("fields"))
		Label("decoded")
		if v.bytes == 32 {
			SUBQ(U32(16*b.depth), dst)
			XORQ(Imm(32), half)
			JNZ(LabelRef("halves"))
			ADDQ(U32(16*b.depth), dst)
		}
	})
	VZEROUPPER()
	RET()
}
