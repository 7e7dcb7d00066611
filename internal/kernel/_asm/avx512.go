package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A tile of VPDPBUSD: 24 vectors of sums, 3 of weights, 1 of activations.
const (
	vnniRows   = 8
	vnniPanels = 3
)

// vnniAhead is how far ahead of their use weights are fetched.
const vnniAhead = 2048

func avx512() {
	for rows := 1; rows <= vnniRows; rows++ {
		for panels := 1; panels <= vnniPanels; panels++ {
			vnniMultiply(rows, panels)
		}
	}
	direct(zmm)
	for planes := 1; planes <= 3; planes++ {
		directWide(zmm, planes)
	}
}

// vnniMultiply repeats the four bytes of a row and adds their products with the bytes of 16 columns, VPDPBUSD.
func vnniMultiply(rows, panels int) {
	name := fmt.Sprintf("multiplyU8R%dP%dVNNI", rows, panels)
	function(name, "c *int32, a *uint8, lda int, b *int8, ldb, steps int",
		fmt.Sprintf("%s works like multiplyU8Generic for %d rows and %d panels; steps > 0.", name, rows, panels))
	c, a, lda, b, ldb, steps := arg("c"), arg("a"), arg("lda"), arg("b"), arg("ldb"), arg("steps")
	lda3, fifth := GP64(), GP64()
	if rows > 3 {
		LEAQ(Mem{Base: lda, Index: lda, Scale: 2}, lda3)
	}
	if rows > 4 {
		LEAQ(Mem{Base: a, Index: lda, Scale: 4}, fifth)
	}
	row := func(i int) Mem {
		m := Mem{Base: a}
		if i >= 4 {
			m.Base = fifth
		}
		switch i % 4 {
		case 1, 2:
			m.Index, m.Scale = lda, uint8(i%4)
		case 3:
			m.Index, m.Scale = lda3, 1
		}
		return m
	}
	panel := func(i int) Mem {
		m := Mem{Base: b}
		if i > 0 {
			m.Index, m.Scale = ldb, uint8(i)
		}
		return m
	}
	sums, codes, x := make([][]reg.VecVirtual, rows), make([]reg.VecVirtual, panels), ZMM()
	for i := range sums {
		sums[i] = make([]reg.VecVirtual, panels)
		for p := range sums[i] {
			sums[i][p] = zmm.zero()
		}
	}
	for p := range codes {
		codes[p] = ZMM()
	}
	loop("steps", steps, 1, func() {
		for p, v := range codes {
			ahead := panel(p)
			ahead.Disp = vnniAhead
			PREFETCHT0(ahead)
			VMOVDQU32(panel(p), v)
		}
		for i := range rows {
			VPBROADCASTD(row(i), x)
			for p, v := range codes {
				VPDPBUSD(v, x, sums[i][p])
			}
		}
		ADDQ(Imm(4), a)
		if rows > 4 {
			ADDQ(Imm(4), fifth)
		}
		ADDQ(Imm(64), b)
	})
	for i := range sums {
		for p, v := range sums[i] {
			VMOVDQU32(v, at(c, 64*(i*panels+p)))
		}
	}
	VZEROUPPER()
	RET()
}
