package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// avx2CodeForms has a form of 2 bits for which both fields of a table have the same weights.
var avx2CodeForms = append([]codeForm{{"C2G32", 2, 2}}, codeForms...)

// newAVX2CodeBlocks is newCodeBlocks for tables of two fields.
func newAVX2CodeBlocks(f codeForm, t record) *codeBlocks {
	b := newCodeBlocks(ymm, f, t)
	if f.tables < 4 {
		b.fieldBits = nil
	}
	return b
}

// avx2MultiplyCodes emits the product of a row. Activations are taken off 128, which leaves signed bytes, and
// their signs move to the weights: VPMADDUBSW then adds products of magnitudes up to 128 and weights up to 127
// in pairs, which 16 bits hold.
func avx2MultiplyCodes(f codeForm) {
	name := fmt.Sprintf("multiply%sR1AVX2", f.name)
	function(name, "t *uint8", fmt.Sprintf("%s works like multiplyCodesGeneric for one row and a panel of %s, whose weights are −127 at least. ones is what pairs of products are multiplied by.", name, f.doc()))
	t := record{arg("t"), codeFields}
	b := newAVX2CodeBlocks(f, t)
	x, ones := t.load("a"), t.load("ones")
	var sums [4][2]reg.VecVirtual
	for group := range sums {
		for h := range 2 {
			sums[group][h] = ymm.zero()
		}
	}
	table, weights := YMM(), YMM()
	var values, magnitudes [2]reg.VecVirtual // of two fields
	for i := range values {
		values[i], magnitudes[i] = YMM(), YMM()
	}
	signs := ymm.memory("signs", 0x80808080)
	b.eachBlock(t, func() {
		for first := 0; first < f.fields(); first += 2 {
			for i := range 2 {
				VBROADCASTI128(at(x, 16*(first+i)), values[i])
				VPXOR(signs, values[i], values[i])
				VPABSB(values[i], magnitudes[i])
			}
			for group := range sums {
				for h, sum := range sums[group] {
					for i := range 2 {
						switch {
						case f.bits == 4 && i < f.tables:
							b.scale(group, h, i, table, weights)
						case f.bits == 2 && i == 0:
							b.scaleTwoFields(group, h, first/2, table)
						}
						b.index(group, h, first+i, weights)
						VPSHUFB(weights, table, weights)
						VPSIGNB(values[i], weights, weights)
						VPMADDUBSW(weights, magnitudes[i], weights)
						VPMADDWD(at(ones, 0), weights, weights)
						VPADDD(weights, sum, sum)
					}
				}
			}
		}
		ADDQ(Imm(uint64(f.depth())), x)
	})
	avx2EndCodes(t, at(t.load("sums"), 0), sums, weights)
	VZEROUPPER()
	RET()
}

// avx2EndCodes adds up the sums of groups of columns, which it overwrites, compensates them and stores them.
func avx2EndCodes(t record, dst Mem, sums [4][2]reg.VecVirtual, spare reg.VecVirtual) {
	compensation := t.load("compensation")
	for h := range 2 {
		VPHADDD(sums[1][h], sums[0][h], sums[0][h])
		VPHADDD(sums[3][h], sums[2][h], sums[2][h])
		VPHADDD(sums[2][h], sums[0][h], sums[0][h])
		VMOVDQU(at(compensation, 32*h), spare)
		VPSLLD(Imm(7), spare, spare)
		VPADDD(spare, sums[0][h], spare)
		VMOVDQU(spare, dst.Offset(32*h))
	}
}

// avx2CodeRows is the most rows that are multiplied at a time.
const avx2CodeRows = 3

// avx2MultiplyCodesRows emits the product of rows as avx2MultiplyCodes does, by one group of columns after the
// other: registers hold the sums of one.
func avx2MultiplyCodesRows(rows int, f codeForm) {
	name := fmt.Sprintf("multiply%sR%dAVX2", f.name, rows)
	function(name, "t *uint8", fmt.Sprintf("%s works like multiply%sR1AVX2 for %d rows.", name, f.name, rows))
	t := record{arg("t"), codeFields}
	b := newAVX2CodeBlocks(f, t)
	x, ld, ones, group := GP64(), GP64(), t.load("ones"), GP64()
	row := strided(rows, []reg.GPVirtual{x}, ld, nil)
	sums, values, magnitudes := make([][2]reg.VecVirtual, rows), make([]reg.VecVirtual, rows), make([]reg.VecVirtual, rows)
	for i := range rows {
		sums[i], values[i], magnitudes[i] = [2]reg.VecVirtual{YMM(), YMM()}, YMM(), YMM()
	}
	tables, weights, product := [2]reg.VecVirtual{YMM(), YMM()}, YMM(), YMM()
	kept := func(i, group, h int) Mem { return t.at("levels").Offset(128 + 256*i + 64*group + 32*h) }
	signs := ymm.memory("signs", 0x80808080)
	XORQ(group, group)
	Label("groups")
	for _, row := range sums {
		for _, v := range row {
			VPXOR(v, v, v)
		}
	}
	MOVQ(t.at("a"), x)
	MOVQ(t.at("lda"), ld)
	b.eachBlock(t, func() {
		for field := range f.fields() {
			for i := range rows {
				VBROADCASTI128(row(i).Offset(16*field), values[i])
				VPXOR(signs, values[i], values[i])
				VPABSB(values[i], magnitudes[i])
			}
			for h, table := range tables {
				switch {
				case f.bits == 4 && field < f.tables:
					b.scale(0, h, field, table, product)
				case f.bits == 2 && field%2 == 0:
					b.scaleTwoFields(0, h, field/2, table)
				}
				b.index(0, h, field, weights)
				VPSHUFB(weights, table, weights)
				for i := range rows {
					VPSIGNB(values[i], weights, product)
					VPMADDUBSW(product, magnitudes[i], product)
					VPMADDWD(at(ones, 0), product, product)
					VPADDD(product, sums[i][h], sums[i][h])
				}
			}
		}
		ADDQ(Imm(uint64(f.depth())), x)
	})
	for i := range rows {
		for h, v := range sums[i] {
			m := kept(i, 0, h)
			m.Index, m.Scale = group, 1
			VMOVDQU(v, m)
		}
	}
	MOVQ(t.at("codes"), b.codes)
	MOVQ(t.at("multipliers"), b.multipliers)
	MOVQ(t.at("place"), ld)
	ADDQ(Imm(64), group)
	ADDQ(group, b.codes)
	for n := 1; n < 4; n++ {
		ADDQ(ld, b.multipliers)
		CMPQ(group, Imm(uint64(64*n)))
		JEQ(LabelRef("groups"))
	}
	MOVQ(t.at("sums"), x)
	MOVQ(t.at("ldc"), ld)
	for i := range rows {
		var of [4][2]reg.VecVirtual
		for group := range of {
			for h := range 2 {
				of[group][h] = YMM()
				VMOVDQU(kept(i, group, h), of[group][h])
			}
		}
		avx2EndCodes(t, row(i), of, YMM())
	}
	VZEROUPPER()
	RET()
}
