package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// codesAhead is how far ahead of their use codes are fetched.
const codesAhead = 4096

// codeFields is kernel.codeTile.
var codeFields = []string{
	"sums", "sums2", "ldc", "a", "a2", "lda", "codes", "multipliers", "place", "blocks", "unit", "selection", "ones", "compensation",
	"levels", // 128 bytes, and behind them what is kept of the sums of a group of columns
}

// A codeForm is how codes and multipliers lie: tables is how many groups of depth a block has at most, as far
// as it matters.
type codeForm struct {
	name         string
	bits, tables int
}

var codeForms = []codeForm{{"C4", 4, 1}, {"C4G16", 4, 2}, {"C2", 2, 4}}

func (f codeForm) doc() string {
	switch f.name {
	case "C4":
		return "codes of 4 bits in groups of 32 or more"
	case "C4G16":
		return "codes of 4 bits in groups of 16"
	case "C2G32":
		return "codes of 2 bits in groups of 32 or more"
	}
	return "codes of 2 bits"
}

// fields is how many codes a byte has, and depth how many a column has in a block.
func (f codeForm) fields() int { return 8 / f.bits }
func (f codeForm) depth() int  { return 16 * f.fields() }

// codeBlocks is what a kernel has of the blocks that it goes through: a vector has the codes of one of the
// four groups of columns of a block, in one half or in two.
type codeBlocks struct {
	vectors
	codeForm
	codes, multipliers, place, place3 reg.GPVirtual
	levels, selections                [2]Op // two halves of the levels; a selection of multipliers for each table, or half of one
	low                               Op
	fieldBits                         []Op // that tables of codes of 2 bits want in the index of each field, if any
}

// newCodeBlocks loads what stays in registers: all in those of AVX-512.
func newCodeBlocks(v vectors, f codeForm, t record) *codeBlocks {
	b := &codeBlocks{vectors: v, codeForm: f, codes: t.load("codes"), multipliers: t.load("multipliers")}
	selection := t.load("selection")
	for i := range 2 {
		b.levels[i], b.selections[i] = t.at("levels").Offset(64*i), at(selection, 64*i)
	}
	mask := uint32(0x0f0f0f0f)
	if f.bits == 2 {
		mask = 0x03030303
		b.place, b.place3 = t.load("place"), GP64()
		LEAQ(Mem{Base: b.place, Index: b.place, Scale: 2}, b.place3)
	}
	b.low = v.memory(fmt.Sprintf("lowBits%d", f.bits), mask)
	if f.bits == 2 {
		for field := 1; field < 4; field++ {
			b.fieldBits = append(b.fieldBits, v.memory(fmt.Sprintf("fieldBits%d", field), uint32(field)*0x04040404))
		}
	}
	if v.bytes == 64 {
		low := []Op{b.low}
		for _, ops := range [][]Op{b.levels[:], b.selections[:], b.fieldBits, low} {
			for i, m := range ops {
				ops[i] = v.make()
				v.move(m, ops[i])
			}
		}
		b.low = low[0]
	}
	return b
}

// halves is how many vectors the codes of a group of columns take.
func (b *codeBlocks) halves() int { return 64 / b.bytes }

// halfOf returns where half h of something of 64 bytes is.
func (b *codeBlocks) halfOf(op Op, h int) Op {
	if m, ok := op.(Mem); ok {
		return m.Offset(b.bytes * h)
	}
	return op
}

// window sets m to the multipliers of a group of columns, repeated in all lanes.
func (b *codeBlocks) window(group int, m reg.VecVirtual) {
	switch {
	case b.bits == 2:
		from := Mem{Base: b.multipliers}
		switch group {
		case 1, 2:
			from.Index, from.Scale = b.place, uint8(group)
		case 3:
			from.Index, from.Scale = b.place3, 1
		}
		if b.bytes == 64 {
			VBROADCASTI32X4(from, m)
		} else {
			VBROADCASTI128(from, m)
		}
	case b.tables == 2:
		VPBROADCASTQ(at(b.multipliers, 8*group), m)
	default:
		VPBROADCASTD(at(b.multipliers, 4*group), m)
	}
}

// nextUnit goes on to the multipliers of the next unit.
func (b *codeBlocks) nextUnit() {
	if b.bits == 2 {
		LEAQ(Mem{Base: b.multipliers, Index: b.place, Scale: 4}, b.multipliers)
	} else {
		ADDQ(Imm(uint64(16*b.tables)), b.multipliers)
	}
}

// scale sets a table to the weights of a group of columns by 4 bits: those of the n-th group of depth of a block.
func (b *codeBlocks) scale(group, h, n int, table, m reg.VecVirtual) {
	b.window(group, m)
	VPSHUFB(b.halfOf(b.selections[n], h), m, m)
	VPMULHRSW(b.levels[0], m, table)
	VPMULHRSW(b.levels[1], m, m)
	VPACKSSWB(m, table, table)
}

// scaleFields sets a table to the weights of four fields of 2 bits.
func (b *codeBlocks) scaleFields(group, h int, table, m reg.VecVirtual) {
	b.window(group, m)
	VPSHUFB(b.halfOf(b.selections[0], h), m, table)
	VPSHUFB(b.halfOf(b.selections[1], h), m, m)
	VPMULHRSW(b.levels[0], table, table)
	VPMULHRSW(b.levels[0], m, m)
	VPACKSSWB(m, table, table)
}

// scaleTwoFields sets a table to the weights of fields 2·n and 2·n + 1 of 2 bits, twice.
func (b *codeBlocks) scaleTwoFields(group, h, n int, table reg.VecVirtual) {
	b.window(group, table)
	VPSHUFB(b.halfOf(b.selections[n], h), table, table)
	VPMULHRSW(b.levels[0], table, table)
	VPACKSSWB(table, table, table)
}

// index sets x to what the codes of a field look up.
func (b *codeBlocks) index(group, h, field int, x reg.VecVirtual) {
	codes := at(b.codes, 64*group+b.bytes*h)
	switch {
	case b.bytes == 64 && field == 0:
		VPANDD(codes, b.low, x)
		return
	case b.bytes == 64:
		VPSRLW(Imm(uint64(field*b.bits)), codes, x)
	default:
		b.move(codes, x)
		if field > 0 {
			VPSRLW(Imm(uint64(field*b.bits)), x, x)
		}
	}
	switch {
	case len(b.fieldBits) == 0 || field == 0:
		b.and(b.low, x, x)
	case b.bytes == 64:
		VPTERNLOGD(Imm(0xea), b.fieldBits[field-1], b.low, x) // x and low, or the bits
	default:
		VPAND(b.low, x, x)
		VPOR(b.fieldBits[field-1], x, x)
	}
}

// eachBlock emits body for each block of a panel, of which so many in a row share their multipliers.
func (b *codeBlocks) eachBlock(t record, body func()) {
	left, unit, n := t.load("blocks"), t.load("unit"), GP64()
	Label("units")
	MOVQ(unit, n)
	CMPQ(n, left)
	CMOVQGT(left, n)
	SUBQ(n, left)
	Label("blocks")
	for line := range 4 {
		PREFETCHT0(at(b.codes, codesAhead+64*line))
	}
	body()
	ADDQ(U32(256), b.codes)
	DECQ(n)
	JNZ(LabelRef("blocks"))
	b.nextUnit()
	TESTQ(left, left)
	JNZ(LabelRef("units"))
}

// decodeCodes emits the decoding of a panel: tables for 16 columns, what each field looks up in them, and a
// transpose of 4×4 words in lanes, which makes steps of it.
func decodeCodes(v vectors, f codeForm) {
	name := fmt.Sprintf("decode%s%s", f.name, v.isa)
	function(name, "t *uint8", fmt.Sprintf("%s works like decodeCodesGeneric for a panel of %s.", name, f.doc()))
	t := record{arg("t"), codeFields}
	b := newCodeBlocks(v, f, t)
	dst := t.load("sums")
	var tables, x, y [4]reg.VecVirtual
	for i := range tables {
		tables[i], x[i], y[i] = v.make(), v.make(), v.make()
	}
	b.eachBlock(t, func() {
		for h := range b.halves() {
			for field := range f.fields() {
				for group, table := range tables {
					switch {
					case f.bits == 4 && field < f.tables:
						b.scale(group, h, field, table, y[0])
					case f.bits == 2 && field == 0:
						b.scaleFields(group, h, table, y[0])
					}
					b.index(group, h, field, x[group])
					VPSHUFB(x[group], table, x[group])
				}
				VPUNPCKLDQ(x[1], x[0], y[0])
				VPUNPCKHDQ(x[1], x[0], y[1])
				VPUNPCKLDQ(x[3], x[2], y[2])
				VPUNPCKHDQ(x[3], x[2], y[3])
				for i := range 2 {
					VPUNPCKLQDQ(y[2+i], y[i], x[2*i])
					VPUNPCKHQDQ(y[2+i], y[i], x[2*i+1])
				}
				for step, v := range x {
					b.move(v, at(dst, 64*(4*field+step)+b.bytes*h))
				}
			}
		}
		ADDQ(U32(16*f.depth()), dst)
	})
	VZEROUPPER()
	RET()
}
