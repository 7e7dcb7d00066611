package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// sumLanes is how many sums of float64 the kernels here have: kernel.LaneCount.
const sumLanes = 16

// lanes is sums of float64 in registers.
type lanes struct {
	base reg.GPVirtual
	sums []reg.VecVirtual
}

func loadLanes(v vectors, name string) lanes {
	l := lanes{base: arg(name)}
	for i := range sumLanes * 8 / v.bytes {
		sum := v.make()
		VMOVUPD(at(l.base, i*v.bytes), sum)
		l.sums = append(l.sums, sum)
	}
	return l
}

func (l lanes) store(v vectors) {
	for i, sum := range l.sums {
		VMOVUPD(sum, at(l.base, i*v.bytes))
	}
}

// addSquares emits the sums of squares, and with two operands those of differences too.
func addSquares(v vectors) {
	name := "addSquares" + v.isa
	function(name, "squares *float64, x *float32, n int", name+" works like addSquaresGeneric for n > 0 elements, a multiple of 16.")
	squares, x, n := loadLanes(v, "squares"), arg("x"), arg("n")
	loop("elements", n, sumLanes, func() {
		for i, sum := range squares.sums {
			a := v.make()
			VCVTPS2PD(at(x, i*v.bytes/2), a)
			VMULPD(a, a, a)
			VADDPD(a, sum, sum)
		}
		ADDQ(Imm(sumLanes*4), x)
	})
	squares.store(v)
	VZEROUPPER()
	RET()
}

func addDifferences(v vectors) {
	name := "addDifferences" + v.isa
	function(name, "squares, off *float64, x, y *float32, n int", name+" works like addDifferencesGeneric for n > 0 elements, a multiple of 16.")
	squares, off, x, y, n := loadLanes(v, "squares"), loadLanes(v, "off"), arg("x"), arg("y"), arg("n")
	loop("elements", n, sumLanes, func() {
		for i := range squares.sums {
			a, b := v.make(), v.make()
			VCVTPS2PD(at(x, i*v.bytes/2), a)
			VCVTPS2PD(at(y, i*v.bytes/2), b)
			VSUBPD(b, a, b)
			VMULPD(a, a, a)
			VADDPD(a, squares.sums[i], squares.sums[i])
			VMULPD(b, b, b)
			VADDPD(b, off.sums[i], off.sums[i])
		}
		ADDQ(Imm(sumLanes*4), x)
		ADDQ(Imm(sumLanes*4), y)
	})
	squares.store(v)
	off.store(v)
	VZEROUPPER()
	RET()
}

// avx2AddRowsOff has a sum for each row in a lane, and adds columns of rows that it transposes.
func avx2AddRowsOff() {
	function("addRowsOffAVX2", "sums *float64, x, y *float32, stride, n int",
		"addRowsOffAVX2 works like addRowsOffGeneric for 8 rows of n > 0 elements, a multiple of 4.")
	sums, x, y, stride, n := arg("sums"), arg("x"), arg("y"), arg("stride"), arg("n")
	SHLQ(Imm(2), stride)
	three := GP64()
	LEAQ(at(stride, 0).Idx(stride, 2), three)
	lower, upper := YMM(), YMM()
	VMOVUPD(at(sums, 0), lower)
	VMOVUPD(at(sums, 32), upper)
	further, others := GP64(), GP64()
	LEAQ(at(x, 0).Idx(stride, 4), further)
	LEAQ(at(y, 0).Idx(stride, 4), others)
	add := func(x, y reg.GPVirtual, sum reg.VecVirtual) {
		var d [4]reg.VecVirtual
		for i := range d {
			from, other := at(x, 0), at(y, 0)
			switch i {
			case 1:
				from, other = from.Idx(stride, 1), other.Idx(stride, 1)
			case 2:
				from, other = from.Idx(stride, 2), other.Idx(stride, 2)
			case 3:
				from, other = from.Idx(three, 1), other.Idx(three, 1)
			}
			d[i] = XMM()
			VMOVUPS(from, d[i])
			VSUBPS(other, d[i], d[i])
		}
		var pairs [4]reg.VecVirtual // low and high halves of the first two rows, and of the others
		for i := range pairs {
			pairs[i] = XMM()
		}
		for i := range 2 {
			VUNPCKLPS(d[2*i+1], d[2*i], pairs[2*i])
			VUNPCKHPS(d[2*i+1], d[2*i], pairs[2*i+1])
		}
		for i := range 2 {
			column, wide := XMM(), YMM()
			VUNPCKLPD(pairs[2+i], pairs[i], column)
			VCVTPS2PD(column, wide)
			VADDPD(wide, sum, sum)
			VUNPCKHPD(pairs[2+i], pairs[i], column)
			VCVTPS2PD(column, wide)
			VADDPD(wide, sum, sum)
		}
		ADDQ(Imm(16), x)
		ADDQ(Imm(16), y)
	}
	loop("columns", n, 4, func() {
		add(x, y, lower)
		add(further, others, upper)
	})
	VMOVUPD(lower, at(sums, 0))
	VMOVUPD(upper, at(sums, 32))
	VZEROUPPER()
	RET()
}
