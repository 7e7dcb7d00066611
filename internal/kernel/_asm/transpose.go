package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// blocks of 8×8 that avx2Transpose transposes: the element's type and size, and what stores the columns of 8
// rows.
var transposes = []struct {
	name, goType string
	size         int
	transpose    func(load func(i int) Mem, store func(i int) Mem)
}{{"transpose", "float32", 4, transposeFloats}, {"transposeU8", "uint8", 1, transposeBytes}}

func avx2Transpose(name, goType string, size int, transpose func(load, store func(i int) Mem)) {
	function(name+"AVX2", fmt.Sprintf("dst *%s, stride int, src *%s, n, columns, rows int", goType, goType),
		name+"AVX2 works like transposeGeneric for so many columns and rows of src, multiples of 8 above 0, with stride and n in bytes.")
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
	Load(Param("rows"), rows)
	MOVQ(src, from)
	MOVQ(dst, to)
	loop("rows", rows, 8, func() {
		transpose(row(from, n, n3), row(to, stride, stride3))
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

// transposeFloats interleaves rows by one float and by two within halves of a vector, and then halves.
func transposeFloats(load, store func(i int) Mem) {
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

// transposeBytes interleaves rows by one byte, by two and by four, which leaves two columns in a vector.
func transposeBytes(load, store func(i int) Mem) {
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

// avx2Interleave3 takes 16 bytes of each row at a time. Byte i of vector v comes from row (i + v) mod 3: no two vectors
// have a row's bytes in the same places, so one shuffle puts them into place for all three.
func avx2Interleave3() {
	function("interleave3AVX2", "dst, src *uint8, n, columns int",
		"interleave3AVX2 works like transposeGeneric for three rows and a stride of 3; columns is a multiple of 16 above 0.")
	dst, src, n, columns := arg("dst"), arg("src"), arg("n"), arg("columns")
	bytes := func(name string, of func(i int) int) reg.Register {
		words := make([]uint32, 4)
		for i := range 16 {
			words[i/4] |= uint32(of(i)) << (8 * (i % 4))
		}
		return constant(name, words...).AsX()
	}
	places, everyThird := make([]reg.Register, 3), make([]reg.Register, 3)
	for k := range places {
		places[k] = bytes(fmt.Sprintf("interleave%d", k), func(i int) int { return (16*((k+2*i)%3) + i) / 3 })
		if k > 0 {
			everyThird[k] = bytes(fmt.Sprintf("everyThird%d", k), func(i int) int { return map[bool]int{i%3 == k: 0x80}[true] })
		}
	}
	rows, y := [3]reg.VecVirtual{XMM(), XMM(), XMM()}, XMM()
	loop("columns", columns, 16, func() {
		VMOVDQU(at(src, 0), rows[0])
		VMOVDQU(Mem{Base: src, Index: n, Scale: 1}, rows[1])
		VMOVDQU(Mem{Base: src, Index: n, Scale: 2}, rows[2])
		for k, row := range rows {
			VPSHUFB(places[k], row, row)
		}
		for v := range rows {
			VPBLENDVB(everyThird[1], rows[(v+1)%3], rows[v], y)
			VPBLENDVB(everyThird[2], rows[(v+2)%3], y, y)
			VMOVDQU(y, at(dst, 16*v))
		}
		ADDQ(Imm(16), src)
		ADDQ(Imm(48), dst)
	})
	VZEROUPPER()
	RET()
}
