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

// vnniOften rows have a loop of their own, without jumps: lines of images are multiples of 7 often.
const vnniOften = 7

// vnniAhead is how far ahead of their use weights are fetched.
const vnniAhead = 2048

// multiplyFields is kernel.multiplyTile.
var multiplyFields = []string{
	"a", "a2", "lda", "lines", "rows", "height", "nextA", "nextSums", "lineRows", "lineA", "lineSums",
	"b", "ldb", "steps", "gaps", "segments", "sums", "sums2", "ldc",
	"dst", "stride", "last", "compensation", "scales", "bias", "zeros", "rowScales", "floor", "doneA", "doneSums", "doneRows", "doneDst",
}

func vnni() {
	for panels := 1; panels <= vnniPanels; panels++ {
		vnniMultiply(panels)
	}
}

// A multiplyTile is the sums of up to 8 rows and some panels, in registers. Rows are at two pointers by turns,
// each of which goes on by ld to the next of its own.
type multiplyTile struct {
	t        record
	rows     reg.GPVirtual
	pointers [2]reg.GPVirtual
	ld, ld3  reg.GPVirtual
	sums     [vnniRows][]reg.VecVirtual
}

// row returns where row i is.
func (k *multiplyTile) row(i int) Mem {
	m := Mem{Base: k.pointers[i%2]}
	switch pair := i / 2; pair {
	case 1, 2:
		m.Index, m.Scale = k.ld, uint8(pair)
	case 3:
		m.Index, m.Scale = k.ld3, 1
	}
	return m
}

// each emits body for every row there is, and then the given label.
func (k *multiplyTile) each(behind string, body func(i int)) { some(k.rows, 1, vnniRows, behind, body) }

// from sets the pointers to fields, which are so many bytes behind what they say, and ld to another.
func (k *multiplyTile) from(first, second, done, ld string) {
	for i, name := range []string{first, second} {
		MOVQ(k.t.at(name), k.pointers[i])
		ADDQ(k.t.at(done), k.pointers[i])
	}
	MOVQ(k.t.at(ld), k.ld)
	LEAQ(Mem{Base: k.ld, Index: k.ld, Scale: 2}, k.ld3)
}

// vnniMultiply emits the product of rows, up to 8 at a time, and what follows a tile of sums: it is stored, or
// where there is a dst becomes results. VPDPBUSD repeats the four bytes of a row and adds their products
// with the bytes of 16 columns.
func vnniMultiply(panels int) {
	name := fmt.Sprintf("multiplyU8P%dVNNI", panels)
	function(name, "t *uint8", fmt.Sprintf("%s works like multiplyU8Generic for %d panels, and dequantizeSumsGeneric where there is a dst.", name, panels))
	k := &multiplyTile{t: record{arg("t"), multiplyFields}, rows: GP64(), pointers: [2]reg.GPVirtual{GP64(), GP64()}, ld: GP64(), ld3: GP64()}
	t := k.t
	b, ldb, gaps, segments, left := GP64(), t.load("ldb"), GP64(), GP64(), GP64()
	panel := func(j, disp int) Mem {
		m := Mem{Base: b, Disp: disp}
		if j > 0 {
			m.Index, m.Scale = ldb, uint8(j)
		}
		return m
	}
	codes, x := make([]reg.VecVirtual, panels), ZMM()
	for j := range codes {
		codes[j] = ZMM()
	}
	for i := range k.sums {
		for range panels {
			k.sums[i] = append(k.sums[i], ZMM())
		}
	}
	Label("tile")
	MOVQ(t.at("rows"), k.rows)
	MOVQ(t.at("height"), left)
	CMPQ(k.rows, left)
	CMOVQGT(left, k.rows)
	k.from("a", "a2", "doneA", "lda")
	MOVQ(t.at("b"), b)
	MOVQ(t.at("gaps"), gaps)
	MOVQ(t.at("segments"), segments)
	CMPQ(t.at("dst"), Imm(0))
	JNE(LabelRef("offset"))
	for _, row := range k.sums {
		for _, v := range row {
			VPXORD(v, v, v)
		}
	}
	JMP(LabelRef("segment"))
	Label("offset")
	k.offset(panels)
	row := func(i int) {
		VPBROADCASTD(k.row(i), x)
		for j, v := range codes {
			VPDPBUSD(v, x, k.sums[i][j])
		}
	}
	steps := func(name string, rows func()) {
		loop(name, left, 1, func() {
			for j, v := range codes {
				PREFETCHT0(panel(j, vnniAhead))
				VMOVDQU32(panel(j, 0), v)
			}
			rows()
			for _, pointer := range k.pointers {
				ADDQ(Imm(stepDepth), pointer)
			}
			ADDQ(Imm(stepBytes), b)
		})
	}
	Label("segment")
	MOVQ(t.at("steps"), left)
	CMPQ(k.rows, Imm(vnniRows/2))
	JLE(LabelRef("few"))
	CMPQ(k.rows, Imm(vnniOften))
	JEQ(LabelRef("often"))
	steps("many", func() { some(k.rows, vnniRows/2+1, vnniRows, "manyStep", row) })
	JMP(LabelRef("ended"))
	steps("often", func() {
		for i := range vnniOften {
			row(i)
		}
	})
	JMP(LabelRef("ended"))
	steps("few", func() { some(k.rows, 1, vnniRows/2, "fewStep", row) })
	Label("ended")
	DECQ(segments)
	JZ(LabelRef("store"))
	for _, pointer := range k.pointers {
		ADDQ(at(gaps, 0), pointer)
	}
	ADDQ(Imm(8), gaps)
	JMP(LabelRef("segment"))
	Label("store")
	CMPQ(t.at("dst"), Imm(0))
	JNE(LabelRef("dequantize"))
	k.from("sums", "sums2", "doneSums", "ldc")
	k.each("stored", func(i int) {
		for j, v := range k.sums[i] {
			VMOVDQU32(v, k.row(i).Offset(64*j))
		}
	})
	JMP(LabelRef("next"))
	Label("dequantize")
	k.dequantize(panels)
	Label("next")
	goOn := func(byA, bySums string) {
		MOVQ(t.at(byA), left)
		ADDQ(left, t.at("doneA"))
		MOVQ(t.at(bySums), left)
		ADDQ(left, t.at("doneSums"))
	}
	goOn("nextA", "nextSums")
	MOVQ(t.at("height"), left)
	SUBQ(left, t.at("rows"))
	JG(LabelRef("tile"))
	goOn("lineA", "lineSums")
	MOVQ(t.at("lineRows"), left)
	MOVQ(left, t.at("rows"))
	DECQ(t.at("lines"))
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// offset begins the sums of a tile with −zero·compensation, and fetches where its results go.
func (k *multiplyTile) offset(panels int) {
	t := k.t
	zeros, row, compensation, dst, stride := t.load("zeros"), t.load("doneRows"), t.load("compensation"), t.load("dst"), t.load("stride")
	ADDQ(t.at("doneDst"), dst)
	zero, nothing := ZMM(), zmm.zero()
	LEAQ(Mem{Base: zeros, Index: row, Scale: 4}, zeros)
	k.each("begun", func(i int) {
		VPSUBD_BCST(at(zeros, 4*i), nothing, zero)
		for j, v := range k.sums[i] {
			VPMULLD(at(compensation, 64*j), zero, v)
			PREFETCHT0(at(dst, 64*j))
		}
		ADDQ(stride, dst)
	})
}

// dequantize emits the epilogue of the rows of a tile.
func (k *multiplyTile) dequantize(panels int) {
	t := k.t
	dst, stride, row := t.load("dst"), t.load("stride"), t.load("doneRows")
	scales, bias, rowScales, last := t.load("scales"), t.load("bias"), t.load("rowScales"), K()
	KMOVW(t.at("last"), last)
	ADDQ(t.at("doneDst"), dst)
	LEAQ(Mem{Base: rowScales, Index: row, Scale: 4}, rowScales)
	ADDQ(k.rows, t.at("doneRows"))
	floor, rowScale := t.repeat(zmm, "floor"), ZMM()
	k.each("dequantized", func(i int) {
		VBROADCASTSS(at(rowScales, 4*i), rowScale)
		for j, y := range k.sums[i] {
			VCVTDQ2PS(y, y)
			VMULPS(at(scales, 64*j), y, y)
			VMULPS(rowScale, y, y)
			VADDPS(at(bias, 64*j), y, y)
			rise(y, floor)
			if j < panels-1 {
				VMOVUPS(y, at(dst, 64*j))
			} else {
				VMOVUPS(y, last, at(dst, 64*j))
			}
		}
		ADDQ(stride, dst)
	})
	SUBQ(t.at("dst"), dst)
	MOVQ(dst, t.at("doneDst"))
}
