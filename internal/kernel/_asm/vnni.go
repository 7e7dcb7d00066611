package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// What a step of 16 columns takes, as package kernel has it.
const (
	panelColumns = 16
	stepDepth    = 4
	stepBytes    = 64
)

// Tiles of up to 8×3 sums, 3 vectors of weights and 1 of activations fill 28 of 32 registers.
const (
	vnniRows   = 8
	vnniPanels = 3
)

// vnniAhead is how far ahead of their use weights are fetched.
const vnniAhead = 2048

// multiplyFields is kernel.multiplyTile.
var multiplyFields = []string{"sums", "sums2", "ldc", "a", "a2", "lda", "b", "ldb", "steps", "gaps", "segments"}

func vnni() {
	for rows := 1; rows <= vnniRows; rows++ {
		for panels := 1; panels <= vnniPanels; panels++ {
			vnniMultiply(rows, panels)
		}
	}
}

// A half tile is rows one distance apart, from a pointer on.
func vnniHalf(rows int) int {
	if rows < 4 {
		return rows
	}
	return (rows + 1) / 2
}

// strided returns where rows are, in two halves from pointers of their own on, each ld apart.
func strided(rows int, pointers []reg.GPVirtual, ld, ld3 reg.GPVirtual) func(i int) Mem {
	return func(i int) Mem {
		half := vnniHalf(rows)
		m := Mem{Base: pointers[i/half]}
		switch i % half {
		case 1, 2:
			m.Index, m.Scale = ld, uint8(i%half)
		case 3:
			m.Index, m.Scale = ld3, 1
		}
		return m
	}
}

// vnniMultiply emits the product of a tile: two halves of rows, which are rows of a plane or the planes of a
// row. VPDPBUSD repeats the four bytes of a row and adds their products with the bytes of 16 columns.
func vnniMultiply(rows, panels int) {
	name := fmt.Sprintf("multiplyU8R%dP%dVNNI", rows, panels)
	function(name, "t *uint8", fmt.Sprintf("%s works like multiplyU8Generic for %d rows and %d panels.", name, rows, panels))
	t := record{arg("t"), multiplyFields}
	a, lda, b, ldb, steps := t.load("a"), t.load("lda"), t.load("b"), t.load("ldb"), t.load("steps")
	gaps, segments, left := t.load("gaps"), t.load("segments"), GP64()
	ld3 := GP64()
	if vnniHalf(rows) > 3 {
		LEAQ(Mem{Base: lda, Index: lda, Scale: 2}, ld3)
	}
	pointers := []reg.GPVirtual{a}
	if rows > vnniHalf(rows) {
		pointers = append(pointers, t.load("a2"))
	}
	row := strided(rows, pointers, lda, ld3)
	panel := func(j, disp int) Mem {
		m := Mem{Base: b, Disp: disp}
		if j > 0 {
			m.Index, m.Scale = ldb, uint8(j)
		}
		return m
	}
	sums, codes, x := make([][]reg.VecVirtual, rows), make([]reg.VecVirtual, panels), ZMM()
	for i := range sums {
		for range panels {
			sums[i] = append(sums[i], zmm.zero())
		}
	}
	for j := range codes {
		codes[j] = ZMM()
	}
	Label("segments")
	MOVQ(steps, left)
	loop("steps", left, 1, func() {
		for j, v := range codes {
			PREFETCHT0(panel(j, vnniAhead))
			VMOVDQU32(panel(j, 0), v)
		}
		for i := range rows {
			VPBROADCASTD(row(i), x)
			for j, v := range codes {
				VPDPBUSD(v, x, sums[i][j])
			}
		}
		for _, pointer := range pointers {
			ADDQ(Imm(stepDepth), pointer)
		}
		ADDQ(Imm(stepBytes), b)
	})
	DECQ(segments)
	JZ(LabelRef("store"))
	for _, pointer := range pointers {
		ADDQ(at(gaps, 0), pointer)
	}
	ADDQ(Imm(8), gaps)
	JMP(LabelRef("segments"))
	Label("store")
	ldc := t.load("ldc")
	if vnniHalf(rows) > 3 {
		LEAQ(Mem{Base: ldc, Index: ldc, Scale: 2}, ld3)
	}
	pointers = []reg.GPVirtual{t.load("sums")}
	if rows > vnniHalf(rows) {
		pointers = append(pointers, t.load("sums2"))
	}
	to := strided(rows, pointers, ldc, ld3)
	for i := range sums {
		for j, v := range sums[i] {
			m := to(i)
			m.Disp = 64 * j
			VMOVDQU32(v, m)
		}
	}
	VZEROUPPER()
	RET()
}
