package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A vnniTile is rows×panels of sums, for each plane of activations. There are 32 registers: up to 24 sums, 3 vectors of
// weights and 1 of activations leave 4 for the output stage.
type vnniTile struct{ rows, panels, planes int }

// The largest tiles, by planes.
var vnniTiles = []vnniTile{{8, 3, 1}, {4, 3, 2}, {2, 3, 3}}

// vnniAhead is how far ahead of their use weights are fetched.
const vnniAhead = 2048

func vnni() {
	for _, write := range []func(vnniTile){vnniMultiply, vnniDirect} {
		vnniTiles[0].each(write)
	}
	for _, most := range vnniTiles[1:] {
		most.each(vnniDirectWide)
	}
	for filters := range largestLaneTile.filters {
		for vectors := range largestLaneTile.vectors {
			vnniMultiplyLanes(laneTile{filters + 1, vectors + 1})
		}
	}
}

// each calls do for the tile and all smaller ones.
func (t vnniTile) each(do func(vnniTile)) {
	for rows := 1; rows <= t.rows; rows++ {
		for panels := 1; panels <= t.panels; panels++ {
			do(vnniTile{rows, panels, t.planes})
		}
	}
}

// sums emits the loop over steps of the arguments a, lda, b, ldb and, of several planes, plane, and returns
// [plane][row][panel]. Where inRuns is set, rows are as many runs as the argument runs says, each of all steps, with gaps between
// them. VPDPBUSD repeats the four bytes of a row and adds their products with the bytes of 16 columns.
func (t vnniTile) sums(inRuns bool) [][][]reg.VecVirtual {
	a, lda, b, ldb, steps := arg("a"), arg("lda"), arg("b"), arg("ldb"), arg("steps")
	lda3 := GP64()
	if t.rows > 3 {
		LEAQ(Mem{Base: lda, Index: lda, Scale: 2}, lda3)
	}
	var pointers []reg.GPVirtual // to every fourth row of the planes
	row := func(p, i int) Mem {
		m := Mem{Base: pointers[p*((t.rows+3)/4)+i/4]}
		switch i % 4 {
		case 1, 2:
			m.Index, m.Scale = lda, uint8(i%4)
		case 3:
			m.Index, m.Scale = lda3, 1
		}
		return m
	}
	for p := range t.planes {
		if p > 0 {
			before := a
			a = arg("plane")
			ADDQ(before, a)
		}
		pointers = append(pointers, a)
		if t.rows > 4 {
			fifth := GP64()
			LEAQ(Mem{Base: a, Index: lda, Scale: 4}, fifth)
			pointers = append(pointers, fifth)
		}
	}
	panel := func(i int) Mem {
		m := Mem{Base: b}
		if i > 0 {
			m.Index, m.Scale = ldb, uint8(i)
		}
		return m
	}
	sums := make([][][]reg.VecVirtual, t.planes)
	for p := range sums {
		sums[p] = make([][]reg.VecVirtual, t.rows)
		for i := range sums[p] {
			for range t.panels {
				sums[p][i] = append(sums[p][i], zmm.zero())
			}
		}
	}
	codes, x := make([]reg.VecVirtual, t.panels), ZMM()
	for j := range codes {
		codes[j] = ZMM()
	}
	left := steps
	var gaps, runs reg.GPVirtual
	if inRuns {
		gaps, runs, left = arg("gaps"), arg("runs"), GP64()
		Label("runs")
		MOVQ(steps, left)
	}
	loop("steps", left, 1, func() {
		for j, v := range codes {
			ahead := panel(j)
			ahead.Disp = vnniAhead
			PREFETCHT0(ahead)
			VMOVDQU32(panel(j), v)
		}
		for p := range sums {
			for i := range t.rows {
				VPBROADCASTD(row(p, i), x)
				for j, v := range codes {
					VPDPBUSD(v, x, sums[p][i][j])
				}
			}
		}
		for _, pointer := range pointers {
			ADDQ(Imm(stepDepth), pointer)
		}
		ADDQ(Imm(stepBytes), b)
	})
	if inRuns {
		DECQ(runs)
		JZ(LabelRef("ran"))
		for _, pointer := range pointers {
			ADDQ(at(gaps, 0), pointer)
		}
		ADDQ(Imm(8), gaps)
		JMP(LabelRef("runs"))
		Label("ran")
	}
	return sums
}

// What a step of 16 columns takes, as package kernel has it.
const (
	stepDepth = 4
	stepBytes = 64
)

func vnniMultiply(t vnniTile) {
	name := fmt.Sprintf("multiplyU8R%dP%dVNNI", t.rows, t.panels)
	function(name, "c *int32, a *uint8, lda int, b *int8, ldb, steps int",
		fmt.Sprintf("%s works like multiplyU8Generic for %d rows and %d panels; steps > 0.", name, t.rows, t.panels))
	sums, c := t.sums(false), arg("c")
	for i, row := range sums[0] {
		for j, v := range row {
			VMOVDQU32(v, at(c, 64*(i*t.panels+j)))
		}
	}
	VZEROUPPER()
	RET()
}

// vnniDirect goes on with the output stage, as direct does.
func vnniDirect(t vnniTile) {
	name := fmt.Sprintf("multiplyDirectR%dP%dVNNI", t.rows, t.panels)
	function(name, "dst *float32, stride int, a *uint8, lda int, gaps *int, runs int, b *int8, ldb, steps int, u, v *int32, scales, r, bias *float32, floor float32",
		fmt.Sprintf("%s works like multiplyDirectGeneric for %d rows, %d panels and runs = len(gaps)+1, with stride in bytes; steps > 0.", name, t.rows, t.panels))
	sums := t.sums(true)[0]
	dst, stride, u, v, scales, r, bias := arg("dst"), arg("stride"), arg("u"), arg("v"), arg("scales"), arg("r"), arg("bias")
	floor, zero, x := zmm.repeat("floor"), zmm.zero(), ZMM()
	for i, row := range sums {
		if i > 0 {
			ADDQ(stride, dst)
		}
		for j, y := range row {
			VPBROADCASTD(at(u, 4*i), x)
			VPMULLD(at(v, 64*j), x, x)
			VPSUBD(x, y, y)
			VCVTDQ2PS(y, y)
			VMULPS(at(scales, 64*j), y, y)
			VMULPS_BCST(at(r, 4*i), y, y)
			VADDPS(at(bias, 64*j), y, y)
			rise(y, floor)
			VADDPS(zero, y, y) // 0 for −0
			VMOVUPS(y, at(dst, 64*j))
		}
	}
	VZEROUPPER()
	RET()
}

// vnniDirectWide goes on with the output stage, as directWide does: first for the lower 8 columns of a vector, then for
// the upper ones.
func vnniDirectWide(t vnniTile) {
	name := fmt.Sprintf("multiplyDirectWide%dR%dP%dVNNI", t.planes, t.rows, t.panels)
	function(name, "dst *float32, stride int, a *uint8, lda, plane int, gaps *int, runs int, b *int8, ldb, steps int, base float64, u *float64, v *int32, scales *float32, r *float64, bias *float32, floor float32",
		fmt.Sprintf("%s works like multiplyDirectWideGeneric for %d planes, %d rows, %d panels and runs = len(gaps)+1, with stride in\nbytes; steps > 0.", name, t.planes, t.rows, t.panels))
	sums := t.sums(true)
	dst, stride, u, v, scales, r, bias := arg("dst"), arg("stride"), arg("u"), arg("v"), arg("scales"), arg("r"), arg("bias")
	base := ZMM()
	VBROADCASTSD(param("base"), base)
	floor, zero := YMM(), zmm.zero()
	VBROADCASTSS(param("floor"), floor)
	x, y := ZMM(), ZMM()
	for i := range t.rows {
		if i > 0 {
			ADDQ(stride, dst)
		}
		for j := range t.panels {
			for half := range 2 {
				disp := 64*j + 32*half
				for p := t.planes - 1; p >= 0; p-- {
					sum := sums[p][i][j]
					if half > 0 {
						VEXTRACTI64X4(Imm(1), sum, sum.AsY())
					}
					if p == t.planes-1 {
						VCVTDQ2PD(sum.AsY(), y)
						continue
					}
					VMULPD(base, y, y)
					VCVTDQ2PD(sum.AsY(), x)
					VADDPD(x, y, y)
				}
				VCVTDQ2PD(at(v, disp), x)
				VMULPD_BCST(at(u, 8*i), x, x)
				VSUBPD(x, y, y)
				VCVTPS2PD(at(scales, disp), x)
				VMULPD(x, y, y)
				VMULPD_BCST(at(r, 8*i), y, y)
				VCVTPD2PS(y, y.AsY())
				VADDPS(at(bias, disp), y.AsY(), y.AsY())
				VMAXPS(y.AsY(), floor, y.AsY())
				VADDPS(zero.AsY(), y.AsY(), y.AsY()) // 0 for −0
				VMOVUPS(y.AsY(), at(dst, disp))
			}
		}
	}
	VZEROUPPER()
	RET()
}
