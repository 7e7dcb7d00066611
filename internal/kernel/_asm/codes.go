package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// codeType is what differs between codes of signed and of unsigned bytes.
type codeType struct {
	name, goType string
	narrow       func(ops ...Op) // packs words to bytes
	widen        func(ops ...Op)
}

var (
	signedByte = codeType{
		"S8", "int8",
		func(ops ...Op) { VPACKSSWB(ops[0], ops[1], ops[2]) },
		func(ops ...Op) { VPMOVSXBD(ops[0], ops[1]) },
	}
	unsignedByte = codeType{
		"U8", "uint8",
		func(ops ...Op) { VPACKUSWB(ops[0], ops[1], ops[2]) },
		func(ops ...Op) { VPMOVZXBD(ops[0], ops[1]) },
	}
)

// numbersAhead is how far ahead of their use numbers are fetched.
const numbersAhead = 2048

func avx2Quantize(c codeType) {
	name := "quantize" + c.name + "AVX2"
	function(name, "dst *"+c.goType+", src *float32, n int, scale, low, high float32, zero int32",
		name+" sets dst[i] = clamp(RNE(src[i]/scale), low, high) + zero, which a byte holds, for n > 0, a multiple of 32.")
	dst, src, n := arg("dst"), arg("src"), arg("n")
	scale, low, high := broadcast("scale", broadcastPS), broadcast("low", broadcastPS), broadcast("high", broadcastPS)
	zero := broadcast("zero", broadcastPS)
	order := packedOrder()
	x := []reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}
	loop("numbers", n, 32, func() {
		PREFETCHT0(at(src, numbersAhead))
		PREFETCHT0(at(src, numbersAhead+64))
		for i, v := range x {
			VMOVUPS(at(src, 32*i), v)
			VDIVPS(scale, v, v)
			toIntegers(v, low, high)
			VPADDD(zero, v, v)
		}
		storeBytes(c, x, order, at(dst, 0))
		ADDQ(Imm(128), src)
		ADDQ(Imm(32), dst)
	})
	VZEROUPPER()
	RET()
}

// avx2Dequantize stores past the caches where stream is set: what is too big for them would be read first to be
// overwritten.
func avx2Dequantize(c codeType, stream bool) {
	name, where := "dequantize"+c.name+"AVX2", ""
	store := func(v reg.VecVirtual, m Mem) { VMOVUPS(v, m) }
	if stream {
		store = func(v reg.VecVirtual, m Mem) { VMOVNTPS(v, m) }
		name, where = "dequantizeStream"+c.name+"AVX2", ", and dst at a multiple of 32 bytes"
	}
	function(name, "dst *float32, src *"+c.goType+", n int, scale float32, zero int32",
		name+" sets dst[i] = scale·(src[i] − zero), saturated to the finite numbers, for n > 0, a multiple of 32"+where+".")
	dst, src, n := arg("dst"), arg("src"), arg("n")
	scale, zero := broadcast("scale", broadcastPS), broadcast("zero", broadcastPS)
	largest, least := constant("largest", math.Float32bits(math.MaxFloat32)), constant("least", math.Float32bits(-math.MaxFloat32))
	x := YMM()
	loop("codes", n, 32, func() {
		for i := range 4 {
			c.widen(at(src, 8*i), x)
			VPSUBD(zero, x, x)
			VCVTDQ2PS(x, x)
			VMULPS(scale, x, x)
			VMINPS(largest, x, x)
			VMAXPS(least, x, x)
			store(x, at(dst, 32*i))
		}
		ADDQ(Imm(32), src)
		ADDQ(Imm(128), dst)
	})
	if stream {
		SFENCE()
	}
	VZEROUPPER()
	RET()
}

// avx2AddU8 adds codes as numbers.
func avx2AddU8() {
	function("addU8AVX2", "dst, x, y *uint8, n int, scaleX, scaleY, scale, low, high float32, zeroX, zeroY, zero int32",
		"addU8AVX2 sets dst[i] = clamp(RNE((scaleX·(x[i] − zeroX) + scaleY·(y[i] − zeroY))/scale), low, high) + zero, which a byte holds, for n > 0, a multiple of 32.")
	dst, x, y, n := arg("dst"), arg("x"), arg("y"), arg("n")
	terms := []struct {
		from        reg.GPVirtual
		scale, zero reg.VecVirtual
	}{
		{x, broadcast("scaleX", broadcastPS), broadcast("zeroX", broadcastPS)},
		{y, broadcast("scaleY", broadcastPS), broadcast("zeroY", broadcastPS)},
	}
	scale, low, high := broadcast("scale", broadcastPS), broadcast("low", broadcastPS), broadcast("high", broadcastPS)
	zero := broadcast("zero", broadcastPS)
	order := packedOrder()
	sums, term := []reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}, YMM()
	loop("codes", n, 32, func() {
		for i, sum := range sums {
			for j, t := range terms {
				to := []reg.VecVirtual{sum, term}[j]
				VPMOVZXBD(at(t.from, 8*i), to)
				VPSUBD(t.zero, to, to)
				VCVTDQ2PS(to, to)
				VMULPS(t.scale, to, to)
			}
			VADDPS(term, sum, sum)
			VDIVPS(scale, sum, sum)
			toIntegers(sum, low, high)
			VPADDD(zero, sum, sum)
		}
		storeBytes(unsignedByte, sums, order, at(dst, 0))
		ADDQ(Imm(32), x)
		ADDQ(Imm(32), y)
		ADDQ(Imm(32), dst)
	})
	VZEROUPPER()
	RET()
}

// packedOrder returns the order of the dwords that storeBytes has packed, as packing works within halves of a vector.
func packedOrder() reg.VecVirtual { return constant("dwords", 0, 4, 1, 5, 2, 6, 3, 7) }

// storeBytes stores 32 dwords, which bytes of c hold, and overwrites them.
func storeBytes(c codeType, x []reg.VecVirtual, order reg.VecVirtual, dst Mem) {
	VPACKSSDW(x[1], x[0], x[0])
	VPACKSSDW(x[3], x[2], x[2])
	c.narrow(x[2], x[0], x[0])
	VPERMD(x[0], order, x[0])
	VMOVDQU(x[0], dst)
}

// avx2SplitU8 serves the sets that take planes of bytes.
func avx2SplitU8(planes int) {
	name := fmt.Sprintf("split%dU8AVX2", planes)
	function(name, "dst *uint8, stride int, x *int32, n int, offset int32",
		fmt.Sprintf("%s works like splitU8Generic for %d planes and n > 0, a multiple of 32.", name, planes))
	dst, x, n := arg("dst"), arg("x"), arg("n")
	var stride reg.GPVirtual
	if planes > 1 {
		stride = arg("stride")
	}
	offset, mask := broadcast("offset", broadcastPS), constant("lowBytes", 0xff)
	order := packedOrder()
	v := []reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}
	w := []reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}
	loop("integers", n, 32, func() {
		for i := range v {
			VPADDD(at(x, 32*i), offset, v[i])
		}
		for p := range planes {
			for i := range v {
				if p == 0 {
					VPAND(mask, v[i], w[i])
					continue
				}
				VPSRLD(Imm(uint64(8*p)), v[i], w[i])
				VPAND(mask, w[i], w[i])
			}
			m := at(dst, 0)
			if p > 0 {
				m.Index, m.Scale = stride, uint8(p)
			}
			storeBytes(unsignedByte, w, order, m)
		}
		ADDQ(Imm(128), x)
		ADDQ(Imm(32), dst)
	})
	VZEROUPPER()
	RET()
}
