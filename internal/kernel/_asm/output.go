package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The kernels of the output stage walk a tile row by row. A vector per row gives its next element, repeated; one
// per column is walked anew in each row. Numbers of columns are multiples of 16.

const tile = "; rows > 0, and columns > 0 is a multiple of 16."

// rows emits start for every row, and body for every 8 columns, with their place among the vector of the columns
// as an index into 4-byte elements.
func rows(start func(), body func(column reg.GPVirtual)) {
	count, columns, column := arg("rows"), arg("columns"), GP64()
	loop("rows", count, 1, func() {
		start()
		XORQ(column, column)
		Label("columns")
		body(column)
		ADDQ(Imm(8), column)
		CMPQ(column, columns)
		JNE(LabelRef("columns"))
	})
	VZEROUPPER()
	RET()
}

func indexed(base reg.GPVirtual, column reg.GPVirtual, disp int) Mem {
	return Mem{Base: base, Index: column, Scale: 4, Disp: disp}
}

func avx2Accumulate() {
	function("accumulateAVX2", "d *float64, c *int32, weight float64, n int", "accumulateAVX2 works like accumulateGeneric for n > 0, a multiple of 16.")
	d, c, n := arg("d"), arg("c"), arg("n")
	weight := broadcast("weight", broadcastPD)
	x := YMM()
	loop("sums", n, 16, func() {
		for i := range 4 {
			VCVTDQ2PD(at(c, 16*i), x)
			VMULPD(weight, x, x)
			VADDPD(at(d, 32*i), x, x)
			VMOVUPD(x, at(d, 32*i))
		}
		ADDQ(Imm(64), c)
		ADDQ(Imm(128), d)
	})
	VZEROUPPER()
	RET()
}

func avx2Correct() {
	function("correctAVX2", "c, u, v *int32, rows, columns int", "correctAVX2 works like correctGeneric"+tile)
	c, u, v := arg("c"), arg("u"), arg("v")
	x, y := YMM(), YMM()
	rows(func() {
		VPBROADCASTD(at(u, 0), x)
		ADDQ(Imm(4), u)
	}, func(column reg.GPVirtual) {
		VPMULLD(indexed(v, column, 0), x, y)
		old := YMM()
		VMOVDQU(at(c, 0), old)
		VPSUBD(y, old, old)
		VMOVDQU(old, at(c, 0))
		ADDQ(Imm(32), c)
	})
}

func avx2CorrectWide() {
	function("correctWideAVX2", "d, u *float64, v *int32, rows, columns int", "correctWideAVX2 works like correctGeneric"+tile)
	d, u, v := arg("d"), arg("u"), arg("v")
	x, y, old := YMM(), YMM(), YMM()
	rows(func() {
		VBROADCASTSD(at(u, 0), x)
		ADDQ(Imm(8), u)
	}, func(column reg.GPVirtual) {
		for i := range 2 {
			VCVTDQ2PD(indexed(v, column, 16*i), y)
			VMULPD(x, y, y)
			VMOVUPD(at(d, 32*i), old)
			VSUBPD(y, old, old)
			VMOVUPD(old, at(d, 32*i))
		}
		ADDQ(Imm(64), d)
	})
}

func avx2Scale() {
	function("scaleAVX2", "s *float32, c *int32, scales *float32, rows, columns int", "scaleAVX2 works like scaleGeneric"+tile)
	s, c, scales := arg("s"), arg("c"), arg("scales")
	x := YMM()
	rows(func() {}, func(column reg.GPVirtual) {
		VCVTDQ2PS(at(c, 0), x)
		VMULPS(indexed(scales, column, 0), x, x)
		VADDPS(at(s, 0), x, x)
		VMOVUPS(x, at(s, 0))
		ADDQ(Imm(32), c)
		ADDQ(Imm(32), s)
	})
}

func avx2ScaleWide() {
	function("scaleWideAVX2", "s, d *float64, scales *float32, rows, columns int", "scaleWideAVX2 works like scaleGeneric"+tile)
	s, d, scales := arg("s"), arg("d"), arg("scales")
	x := YMM()
	rows(func() {}, func(column reg.GPVirtual) {
		for i := range 2 {
			VCVTPS2PD(indexed(scales, column, 16*i), x)
			VMULPD(at(d, 32*i), x, x)
			VADDPD(at(s, 32*i), x, x)
			VMOVUPD(x, at(s, 32*i))
		}
		ADDQ(Imm(64), d)
		ADDQ(Imm(64), s)
	})
}

func avx2Offset() {
	function("offsetAVX2", "s, u, v *float32, rows, columns int", "offsetAVX2 works like offsetGeneric"+tile)
	s, u, v := arg("s"), arg("u"), arg("v")
	x, y := YMM(), YMM()
	rows(func() {
		VBROADCASTSS(at(u, 0), x)
		ADDQ(Imm(4), u)
	}, func(column reg.GPVirtual) {
		VMULPS(indexed(v, column, 0), x, y)
		VADDPS(at(s, 0), y, y)
		VMOVUPS(y, at(s, 0))
		ADDQ(Imm(32), s)
	})
}

func avx2OffsetWide() {
	function("offsetWideAVX2", "s, u *float64, v *float32, rows, columns int", "offsetWideAVX2 works like offsetGeneric"+tile)
	s, u, v := arg("s"), arg("u"), arg("v")
	x, y := YMM(), YMM()
	rows(func() {
		VBROADCASTSD(at(u, 0), x)
		ADDQ(Imm(8), u)
	}, func(column reg.GPVirtual) {
		for i := range 2 {
			VCVTPS2PD(indexed(v, column, 16*i), y)
			VMULPD(x, y, y)
			VADDPD(at(s, 32*i), y, y)
			VMOVUPD(y, at(s, 32*i))
		}
		ADDQ(Imm(64), s)
	})
}

// rise raises x to at least floor. The maximum of a NaN and a number is its second operand: x.
func rise(x, floor reg.VecVirtual) { VMAXPS(x, floor, x) }

func avx2Finish() {
	function("finishAVX2", "dst *float32, stride int, s, r, bias *float32, floor float32, rows, columns int",
		"finishAVX2 works like finishGeneric, with stride in bytes"+tile)
	dst, stride, s, r, bias := arg("dst"), arg("stride"), arg("s"), arg("r"), arg("bias")
	floor := broadcast("floor", broadcastPS)
	scale, x, zero := YMM(), YMM(), ymm.zero()
	SUBQ(stride, dst)
	rows(func() {
		ADDQ(stride, dst)
		VBROADCASTSS(at(r, 0), scale)
		ADDQ(Imm(4), r)
	}, func(column reg.GPVirtual) {
		VMULPS(at(s, 0), scale, x)
		VADDPS(indexed(bias, column, 0), x, x)
		rise(x, floor)
		VADDPS(zero, x, x) // 0 for −0
		VMOVUPS(x, indexed(dst, column, 0))
		ADDQ(Imm(32), s)
	})
}

func avx2FinishWide() {
	function("finishWideAVX2", "dst *float32, stride int, s, r *float64, bias *float32, floor float32, rows, columns int",
		"finishWideAVX2 works like finishGeneric, with stride in bytes"+tile)
	dst, stride, s, r, bias := arg("dst"), arg("stride"), arg("s"), arg("r"), arg("bias")
	floor := broadcast("floor", broadcastPS)
	scale, x, y, zero := YMM(), YMM(), YMM(), ymm.zero()
	SUBQ(stride, dst)
	rows(func() {
		ADDQ(stride, dst)
		VBROADCASTSD(at(r, 0), scale)
		ADDQ(Imm(8), r)
	}, func(column reg.GPVirtual) {
		VMULPD(at(s, 0), scale, x)
		VMULPD(at(s, 32), scale, y)
		VCVTPD2PSY(x, x.AsX())
		VCVTPD2PSY(y, y.AsX())
		VINSERTF128(Imm(1), y.AsX(), x, x)
		VADDPS(indexed(bias, column, 0), x, x)
		rise(x, floor)
		VADDPS(zero, x, x) // 0 for −0
		VMOVUPS(x, indexed(dst, column, 0))
		ADDQ(Imm(64), s)
	})
}

// blocks of 8×8 that avx2Turn turns: the element's type and size, and what stores the columns of 8 rows.
var turns = []struct {
	name, goType string
	size         int
	turn         func(load func(i int) Mem, store func(i int) Mem)
}{{"turn", "float32", 4, turnNumbers}, {"turnU8", "uint8", 1, turnBytes}}

func avx2Turn(name, goType string, size int, turn func(load, store func(i int) Mem)) {
	function(name+"AVX2", fmt.Sprintf("dst *%s, stride int, src *%s, n, columns, rows int", goType, goType),
		name+"AVX2 works like turnGeneric for so many columns and rows of src, multiples of 8 above 0, with stride and n in bytes.")
	dst, stride, src, n, columns := arg("dst"), arg("stride"), arg("src"), arg("n"), arg("columns")
	rows, from, to := GP64(), GP64(), GP64()
	n3, stride3, far := GP64(), GP64(), GP64()
	LEAQ(Mem{Base: n, Index: n, Scale: 2}, n3)
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, stride3)
	row := func(base, step, step3 reg.GPVirtual) func(i int) Mem {
		return func(i int) Mem {
			if i == 0 {
				LEAQ(Mem{Base: base, Index: step, Scale: 4}, far)
			}
			m := Mem{Base: base}
			if i >= 4 {
				m.Base = far
			}
			switch i % 4 {
			case 1, 2:
				m.Index, m.Scale = step, uint8(i%4)
			case 3:
				m.Index, m.Scale = step3, 1
			}
			return m
		}
	}
	Label("columns")
	again("rows", rows)
	MOVQ(src, from)
	MOVQ(dst, to)
	loop("rows", rows, 8, func() {
		turn(row(from, n, n3), row(to, stride, stride3))
		LEAQ(Mem{Base: from, Index: n, Scale: 8}, from)
		ADDQ(Imm(uint64(8*size)), to)
	})
	ADDQ(Imm(uint64(8*size)), src)
	LEAQ(Mem{Base: dst, Index: stride, Scale: 8}, dst)
	SUBQ(Imm(8), columns)
	JNZ(LabelRef("columns"))
	VZEROUPPER()
	RET()
}

// turnNumbers interleaves rows by one number and by two within halves of a vector, and then halves.
func turnNumbers(load, store func(i int) Mem) {
	var x, y [8]reg.VecVirtual
	for i := range x {
		x[i], y[i] = YMM(), YMM()
		VMOVUPS(load(i), x[i])
	}
	for i := 0; i < 8; i += 2 {
		VUNPCKLPS(x[i+1], x[i], y[i])
		VUNPCKHPS(x[i+1], x[i], y[i+1])
	}
	for i := 0; i < 8; i += 4 {
		for h := range 2 {
			VSHUFPS(Imm(0b01_00_01_00), y[i+2+h], y[i+h], x[i+2*h])
			VSHUFPS(Imm(0b11_10_11_10), y[i+2+h], y[i+h], x[i+2*h+1])
		}
	}
	for i := range 4 {
		VPERM2F128(Imm(0x20), x[i+4], x[i], y[i])
		VPERM2F128(Imm(0x31), x[i+4], x[i], y[i+4])
	}
	for i, v := range y {
		VMOVUPS(v, store(i))
	}
}

// turnBytes interleaves rows by one byte, by two and by four, which leaves two columns in a vector.
func turnBytes(load, store func(i int) Mem) {
	var x, y, z [4]reg.VecVirtual
	second := XMM()
	for i := range x {
		x[i], y[i], z[i] = XMM(), XMM(), XMM()
		VMOVQ(load(2*i), x[i])
		VMOVQ(load(2*i+1), second)
		VPUNPCKLBW(second, x[i], x[i])
	}
	for i := range 2 {
		VPUNPCKLWD(x[2*i+1], x[2*i], y[2*i])
		VPUNPCKHWD(x[2*i+1], x[2*i], y[2*i+1])
	}
	for i := range 2 {
		VPUNPCKLDQ(y[i+2], y[i], z[2*i])
		VPUNPCKHDQ(y[i+2], y[i], z[2*i+1])
	}
	for i, v := range z {
		VMOVQ(v, store(2*i))
		VMOVHPS(v, store(2*i+1))
	}
}

// avx2Interleave3 takes 16 codes of each row at a time: each of the three vectors that come out has some of all rows, whose place in
// it a shuffle finds.
func avx2Interleave3() {
	function("interleave3AVX2", "dst, src *uint8, n, columns int",
		"interleave3AVX2 works like turnGeneric for three rows and a stride of 3; columns is a multiple of 16 above 0.")
	dst, src, n, columns := arg("dst"), arg("src"), arg("n"), arg("columns")
	var places [3][3]reg.VecVirtual // by vector and row
	for v := range places {
		for row := range places[v] {
			words := make([]uint32, 4)
			for i := range 16 {
				place := uint32(0x80) // of another row
				if k := 16*v + i; k%3 == row {
					place = uint32(k / 3)
				}
				words[i/4] |= place << (8 * (i % 4))
			}
			places[v][row] = constant(fmt.Sprintf("interleave%d%d", v, row), words...)
		}
	}
	rows, part := [3]reg.VecVirtual{XMM(), XMM(), XMM()}, XMM()
	loop("columns", columns, 16, func() {
		VMOVDQU(at(src, 0), rows[0])
		VMOVDQU(Mem{Base: src, Index: n, Scale: 1}, rows[1])
		VMOVDQU(Mem{Base: src, Index: n, Scale: 2}, rows[2])
		for v := range places {
			y := XMM()
			VPSHUFB(places[v][0].AsX(), rows[0], y)
			for row := 1; row < 3; row++ {
				VPSHUFB(places[v][row].AsX(), rows[row], part)
				VPOR(part, y, y)
			}
			VMOVDQU(y, at(dst, 16*v))
		}
		ADDQ(Imm(16), src)
		ADDQ(Imm(48), dst)
	})
	VZEROUPPER()
	RET()
}
