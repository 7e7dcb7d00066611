package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vectors is what differs between vectors of 256 bits and of 512.
type vectors struct {
	isa   string
	bytes int
	make  func() reg.VecVirtual
	move  func(ops ...Op) // of integers
	and   func(ops ...Op)
	or    func(ops ...Op)
}

var (
	ymm = vectors{"AVX2", 32, YMM, moveYMM, func(ops ...Op) { VPAND(ops[0], ops[1], ops[2]) }, func(ops ...Op) { VPOR(ops[0], ops[1], ops[2]) }}
	zmm = vectors{"AVX512", 64, ZMM, moveZMM, func(ops ...Op) { VPANDD(ops[0], ops[1], ops[2]) }, func(ops ...Op) { VPORD(ops[0], ops[1], ops[2]) }}
)

func moveYMM(ops ...Op) { VMOVDQU(ops[0], ops[1]) }
func moveZMM(ops ...Op) { VMOVDQU32(ops[0], ops[1]) }

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

// A record is a struct that a kernel has a pointer to, as package kernel declares it: fields of 8 bytes each,
// where a float32 and an int32 are in the lower half.
type record struct {
	base   reg.GPVirtual
	fields []string
}

// at returns where a field is.
func (r record) at(name string) Mem {
	for i, field := range r.fields {
		if field == name {
			return Mem{Base: r.base, Disp: 8 * i}
		}
	}
	panic("no field " + name)
}

// load returns a field in a register.
func (r record) load(name string) reg.GPVirtual {
	x := GP64()
	MOVQ(r.at(name), x)
	return x
}

// repeat returns a vector that repeats a float32 or int32 field.
func (r record) repeat(v vectors, name string) reg.VecVirtual {
	x := v.make()
	VBROADCASTSS(r.at(name), x)
	return x
}
