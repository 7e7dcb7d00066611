package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vectors is what differs between vectors of 256 bits and of 512.
type vectors struct {
	isa   string
	bytes int
	make  func() reg.VecVirtual
	load  func(ops ...Op) // of integers
}

var (
	ymm = vectors{"AVX2", 32, YMM, func(ops ...Op) { VMOVDQU(ops[0], ops[1]) }}
	zmm = vectors{"AVX512", 64, ZMM, func(ops ...Op) { VMOVDQU32(ops[0], ops[1]) }}
)

// half returns the lower half of a vector.
func (v vectors) half(x reg.VecVirtual) reg.Register {
	if v.bytes == 64 {
		return x.AsY()
	}
	return x.AsX()
}

// zero returns a vector of zeros. The VEX form clears a register whole.
func (v vectors) zero() reg.VecVirtual {
	x := v.make()
	if v.bytes == 64 {
		VPXORD(x, x, x)
	} else {
		VPXOR(x, x, x)
	}
	return x
}

// repeat returns a vector that repeats a float32 argument.
func (v vectors) repeat(name string) reg.VecVirtual {
	x := v.make()
	VBROADCASTSS(param(name), x)
	return x
}

// param returns where an argument is.
func param(name string) Mem {
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return p.Addr
}

// again loads an argument into a register that has one already.
func again(name string, into reg.GPVirtual) { Load(Param(name), into) }

// columnwise emits start for every step of columns, given how far they are as an index of bytes into elements of 4,
// and body for every row of them, given pointers to where that row is in dst, c, u and r. Rows of dst are stride
// apart, those of c dense, and elements of u and r have the given size.
func columnwise(step, size int, stride, dense reg.GPVirtual, start func(column reg.GPVirtual), body func(dst, c, u, r reg.GPVirtual)) {
	column, end, left := GP64(), arg("columns"), GP64()
	dst, c, u, r := GP64(), GP64(), GP64(), GP64()
	SHLQ(Imm(2), end)
	XORQ(column, column)
	Label("columns")
	start(column)
	again("dst", dst)
	ADDQ(column, dst)
	again("c", c)
	ADDQ(column, c)
	again("u", u)
	again("r", r)
	again("rows", left)
	loop("rows", left, 1, func() {
		body(dst, c, u, r)
		ADDQ(stride, dst)
		ADDQ(dense, c)
		ADDQ(Imm(uint64(size)), u)
		ADDQ(Imm(uint64(size)), r)
	})
	ADDQ(Imm(uint64(4*step)), column)
	CMPQ(column, end)
	JNE(LabelRef("columns"))
	VZEROUPPER()
	RET()
}

// byColumn returns the element of a vector per column.
func byColumn(base, column reg.GPVirtual) Mem { return Mem{Base: base, Index: column, Scale: 1} }

// direct is the whole output stage of codes of a byte, where a column has one scale and no zero point.
func direct(v vectors) {
	name := "direct" + v.isa
	function(name, "dst *float32, stride int, c, u, v *int32, scales, r, bias *float32, floor float32, rows, columns int",
		name+" works like directGeneric, with stride in bytes"+tile)
	stride, sums, scales, bias := arg("stride"), arg("v"), arg("scales"), arg("bias")
	floor, zero := v.repeat("floor"), v.zero()
	sum, scale, b, x, y := v.make(), v.make(), v.make(), v.make(), v.make()
	dense := arg("columns")
	SHLQ(Imm(2), dense)
	columnwise(v.bytes/4, 4, stride, dense, func(column reg.GPVirtual) {
		v.load(byColumn(sums, column), sum)
		VMOVUPS(byColumn(scales, column), scale)
		VMOVUPS(byColumn(bias, column), b)
	}, func(dst, c, u, r reg.GPVirtual) {
		VPBROADCASTD(at(u, 0), x)
		VPMULLD(sum, x, x)
		v.load(at(c, 0), y)
		VPSUBD(x, y, y)
		VCVTDQ2PS(y, y)
		VMULPS(scale, y, y)
		VBROADCASTSS(at(r, 0), x)
		VMULPS(x, y, y)
		VADDPS(b, y, y)
		rise(y, floor)
		VADDPS(zero, y, y) // 0 for −0
		VMOVUPS(y, at(dst, 0))
	})
}

// directWide is the whole output stage of a fixed point of some planes, where a column has one scale and no zero
// point.
func directWide(v vectors, planes int) {
	name := fmt.Sprintf("directWide%d%s", planes, v.isa)
	function(name, "dst *float32, stride int, c *int32, base float64, u *float64, v *int32, scales *float32, r *float64, bias *float32, floor float32, rows, columns int",
		fmt.Sprintf("%s works like directWideGeneric for %d planes, with stride in bytes%s", name, planes, tile))
	stride, sums, scales, bias := arg("stride"), arg("v"), arg("scales"), arg("bias")
	base := v.make()
	VBROADCASTSD(param("base"), base)
	zero, floor := v.zero(), v.make()
	VBROADCASTSS(param("floor"), v.half(floor))
	sum, scale, b, x, y := v.make(), v.make(), v.make(), v.make(), v.make()
	dense, plane := arg("columns"), arg("rows")
	SHLQ(Imm(2), dense)
	IMULQ(dense, plane)
	columnwise(v.bytes/8, 8, stride, dense, func(column reg.GPVirtual) {
		VCVTDQ2PD(byColumn(sums, column), sum)
		VCVTPS2PD(byColumn(scales, column), scale)
		VMOVUPS(byColumn(bias, column), v.half(b))
	}, func(dst, c, u, r reg.GPVirtual) {
		part := func(i int) Mem {
			m := Mem{Base: c}
			if i > 0 {
				m.Index, m.Scale = plane, uint8(i)
			}
			return m
		}
		VCVTDQ2PD(part(planes-1), y)
		for i := planes - 2; i >= 0; i-- {
			VMULPD(base, y, y)
			VCVTDQ2PD(part(i), x)
			VADDPD(x, y, y)
		}
		VBROADCASTSD(at(u, 0), x)
		VMULPD(sum, x, x)
		VSUBPD(x, y, y)
		VMULPD(scale, y, y)
		VBROADCASTSD(at(r, 0), x)
		VMULPD(x, y, y)
		if v.bytes == 64 {
			VCVTPD2PS(y, y.AsY())
		} else {
			VCVTPD2PSY(y, y.AsX())
		}
		VADDPS(v.half(b), v.half(y), v.half(y))
		VMAXPS(v.half(y), v.half(floor), v.half(y))
		VADDPS(v.half(zero), v.half(y), v.half(y)) // 0 for −0
		VMOVUPS(v.half(y), at(dst, 0))
	})
}
