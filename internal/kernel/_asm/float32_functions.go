package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Functions of float32 are those of package kernel, line for line. Numbers are operands in memory.

var floatFunctions = []struct {
	name string
	emit func(v vectors, x, y reg.VecVirtual)
}{{"exp", exp}, {"sigmoid", sigmoid}, {"tanh", tanh}, {"log", log}, {"softplus", softplus}}

func writeFloatFunctions(v vectors) {
	for _, f := range floatFunctions {
		name := f.name + v.isa
		function(name, "y, x *float32, n int", fmt.Sprintf("%s sets y to the %s of x for n > 0 elements.", name, f.name))
		y, x, n := arg("y"), arg("x"), arg("n")
		v.eachElement(y, x, n, func(from, to reg.VecVirtual) { f.emit(v, from, to) })
	}
}

// at returns where a number is, repeated.
func (v vectors) at(x float64) Mem { return v.word(math.Float32bits(float32(x))) }

func (v vectors) word(bits uint32) Mem { return v.memory(fmt.Sprintf("word%08x", bits), bits) }

// polynomial sets y to a polynomial of x, highest coefficient first.
func (v vectors) polynomial(x, y reg.VecVirtual, coefficients ...float64) {
	VMOVUPS(v.at(coefficients[0]), y)
	for _, c := range coefficients[1:] {
		VFMADD213PS(v.at(c), x, y)
	}
}

func exp(v vectors, from, y reg.VecVirtual) {
	x, n, r, half := v.make(), v.make(), v.make(), v.make()
	VMOVUPS(v.at(-104), x)
	VMAXPS(from, x, x) // from where it is NaN
	VMOVUPS(v.at(89), r)
	VMINPS(x, r, r)
	VMULPS(v.at(float64(float32(math.Log2E))), r, n)
	v.round(0, n, n)
	VFNMADD231PS(v.at(0.693359375), n, r)
	VFNMADD231PS(v.at(math.Ln2-0.693359375), n, r)
	v.polynomial(r, y, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1, 1)
	VCVTPS2DQ(n, n)
	VPSRAD(Imm(1), n, half)
	VPSUBD(half, n, n)
	for _, power := range []reg.VecVirtual{half, n} {
		VPADDD(v.word(127), power, power)
		VPSLLD(Imm(23), power, power)
		VMULPS(power, y, y)
	}
}

// expOfMinus sets y to e^−|x|.
func expOfMinus(v vectors, x, y reg.VecVirtual) {
	minus := v.make()
	VMOVUPS(v.word(0x80000000), minus)
	v.or(x, minus, minus)
	exp(v, minus, y)
}

func sigmoid(v vectors, x, y reg.VecVirtual) {
	e, sum, zero, left, inverse, other := v.make(), v.make(), v.zero(), v.make(), v.make(), v.make()
	expOfMinus(v, x, e)
	VADDPS(v.at(1), e, sum)
	VMOVUPS(v.at(1), left)
	v.choose(17, x, zero, e, left)
	VDIVPS(sum, left, y)
	v.copy(y, inverse)
	VMOVUPS(v.at(1), other)
	VSUBPS(y, other, other)
	v.choose(17, x, zero, other, inverse)
	VFNMADD231PS(sum, y, left)
	VSUBPS(v.at(1), sum, sum)
	VSUBPS(sum, e, sum)
	VFNMADD231PS(sum, y, left)
	VFMADD231PS(left, inverse, y)
}

func tanh(v vectors, x, y reg.VecVirtual) {
	a, square, small, limit, sign := v.make(), v.make(), v.make(), v.make(), v.make()
	VMOVUPS(v.word(0x7fffffff), a)
	v.and(x, a, a)
	VMULPS(a, a, square)
	v.polynomial(square, small, -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)
	VMULPS(a, square, square)
	VFMADD213PS(a, square, small)
	twice := v.make()
	VADDPS(a, a, twice)
	exp(v, twice, y)
	VADDPS(v.at(1), y, twice)
	VMOVUPS(v.at(2), y)
	VDIVPS(twice, y, twice)
	VMOVUPS(v.at(1), y)
	VSUBPS(twice, y, y)
	VMOVUPS(v.at(0.625), limit)
	v.choose(17, a, limit, small, y)
	VMOVUPS(v.word(0x80000000), sign)
	v.and(x, sign, sign)
	v.or(sign, y, y)
}

func log(v vectors, from, y reg.VecVirtual) { logPlus(v, from, v.zero(), y) }

func logPlus(v vectors, from, rest, y reg.VecVirtual) {
	x, raised, least, times := v.make(), v.zero(), v.make(), v.make()
	v.copy(from, x)
	VMOVUPS(v.at(0x1p-126), least)
	VMULPS(v.at(0x1p23), x, times)
	VMOVUPS(v.at(23), y)
	v.choose(17, from, least, y, raised)
	v.choose(17, from, least, times, x)
	n, f, square := v.make(), v.make(), v.make()
	VPSUBD(v.word(0x3f3504f3), x, n)
	VPSRAD(Imm(23), n, n)
	VPSLLD(Imm(23), n, f)
	VPSUBD(f, x, f)
	VSUBPS(v.at(1), f, f)
	VCVTDQ2PS(n, n)
	VSUBPS(raised, n, n)
	VMULPS(f, f, square)
	v.polynomial(f, y, 7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)
	VMULPS(f, y, y)
	VMULPS(square, y, y)
	VFMADD231PS(v.at(math.Ln2-0.693359375), n, y)
	VFMADD231PS(v.at(-0.5), square, y)
	VADDPS(rest, y, y)
	VADDPS(y, f, y)
	VFMADD231PS(v.at(0.693359375), n, y)
	other, special := v.zero(), v.make()
	VMOVUPS(v.at(math.Inf(-1)), special)
	v.choose(0, from, other, special, y)
	VMOVUPS(v.word(0x7fc00000), special)
	v.choose(25, from, other, special, y) // not ≥ 0
	VMOVUPS(v.at(math.MaxFloat32), other)
	v.choose(30, from, other, from, y)
}

func softplus(v vectors, x, y reg.VecVirtual) {
	e, sum, rest, zero := v.make(), v.make(), v.make(), v.zero()
	expOfMinus(v, x, e)
	VADDPS(v.at(1), e, sum)
	VSUBPS(v.at(1), sum, rest)
	VSUBPS(rest, e, rest)
	VDIVPS(sum, rest, rest)
	logPlus(v, sum, rest, y)
	VMAXPS(x, zero, rest)
	VADDPS(y, rest, y)
}
