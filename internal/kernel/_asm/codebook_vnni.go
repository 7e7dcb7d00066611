package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vnniCodeRows is how many rows are multiplied at a time. From more than vnniFourGroups on, registers hold the
// sums of two groups of columns: a panel is gone through twice.
var vnniCodeRows = []int{1, 2, 3, 4, 6, 8}

const vnniFourGroups = 4

// vnniMultiplyCodes emits the product of rows: what codes look up is multiplied as it is, by 16 activations
// that are repeated in all lanes.
func vnniMultiplyCodes(rows int, f codeForm) {
	name := fmt.Sprintf("multiply%sR%dVNNI", f.name, rows)
	function(name, "t *uint8", fmt.Sprintf("%s works like multiplyCodesGeneric for %d rows and a panel of %s.", name, rows, f.doc()))
	t := record{arg("t"), codeFields}
	b := newCodeBlocks(zmm, f, t)
	groups := 4
	if rows > vnniFourGroups {
		groups = 2
	}
	ld, ld3, pass := GP64(), GP64(), GP64()
	pointers := []reg.GPVirtual{GP64(), GP64()}
	if rows == vnniHalf(rows) {
		pointers = pointers[:1]
	}
	place := func(first, second, stride string) func(i int) Mem {
		MOVQ(t.at(stride), ld)
		if vnniHalf(rows) > 3 {
			LEAQ(Mem{Base: ld, Index: ld, Scale: 2}, ld3)
		}
		for i, p := range pointers {
			MOVQ(t.at([]string{first, second}[i]), p)
		}
		return strided(rows, pointers, ld, ld3)
	}
	sums := make([][]reg.VecVirtual, rows)
	for i := range sums {
		for range groups {
			sums[i] = append(sums[i], ZMM())
		}
	}
	table, weights, x := ZMM(), ZMM(), ZMM()
	kept := make([]reg.VecVirtual, 0, 8) // activations of a block, where they are so few
	if rows*f.fields() <= cap(kept) {
		for range rows * f.fields() {
			kept = append(kept, ZMM())
		}
	}
	XORQ(pass, pass)
	Label("pass")
	for _, row := range sums {
		for _, v := range row {
			VPXORD(v, v, v)
		}
	}
	row := place("a", "a2", "lda")
	b.eachBlock(t, func() {
		for i, v := range kept {
			VBROADCASTI32X4(row(i/f.fields()).Offset(16*(i%f.fields())), v)
		}
		for group := range groups {
			for field := range f.fields() {
				switch {
				case f.bits == 4 && field < f.tables:
					b.scale(group, 0, field, table, weights)
				case f.bits == 2 && field == 0:
					b.scaleFields(group, 0, table, weights)
				}
				b.index(group, 0, field, weights)
				VPSHUFB(weights, table, weights)
				for i := range rows {
					from := x
					if len(kept) > 0 {
						from = kept[i*f.fields()+field]
					} else {
						VBROADCASTI32X4(row(i).Offset(16*field), x)
					}
					VPDPBUSD(weights, from, sums[i][group])
				}
			}
		}
		for _, p := range pointers {
			ADDQ(Imm(uint64(f.depth())), p)
		}
	})
	row = place("sums", "sums2", "ldc")
	for i := range rows {
		for group := 0; group < groups; group += 2 {
			addPairs(VPUNPCKLDQ, VPUNPCKHDQ, sums[i][group], sums[i][group+1], x)
		}
	}
	end := func(first, second reg.VecVirtual, i int) {
		addPairs(VPUNPCKLQDQ, VPUNPCKHQDQ, first, second, x)
		VMOVDQU32(first, row(i))
	}
	if groups == 4 {
		for i := range rows {
			end(sums[i][0], sums[i][2], i)
		}
	} else {
		TESTQ(pass, pass)
		JNZ(LabelRef("end"))
		for i := range rows {
			VMOVDQU32(sums[i][0], row(i))
		}
		INCQ(pass)
		MOVQ(t.at("codes"), b.codes)
		ADDQ(U32(128), b.codes)
		MOVQ(t.at("multipliers"), b.multipliers)
		if f.bits == 2 {
			LEAQ(Mem{Base: b.multipliers, Index: b.place, Scale: 2}, b.multipliers)
		} else {
			ADDQ(Imm(uint64(8*f.tables)), b.multipliers)
		}
		JMP(LabelRef("pass"))
		Label("end")
		for i := range rows {
			VMOVDQU32(row(i), table)
			end(table, sums[i][0], i)
		}
	}
	VZEROUPPER()
	RET()
}

// addPairs adds every second element of x and y to the one before it, and interleaves those of x and of y in
// x, within lanes; an element is what low and high unpack.
func addPairs(low, high func(ops ...Op), x, y, spare reg.VecVirtual) {
	high(y, x, spare)
	low(y, x, x)
	VPADDD(spare, x, x)
}
