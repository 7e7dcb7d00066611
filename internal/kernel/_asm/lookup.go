package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// avx2LookUp has VPSHUFB look a value up in each 16 bytes of a half of the table. It takes the lower four
// bits, and gives 0 where the sign is set: where a value, of which 16 is subtracted each time, is below 0.
// What the others give adds up to the last of them.
func avx2LookUp() {
	function("lookUpAVX2", "dst, src *uint8, n int, differences *uint8",
		"lookUpAVX2 works like lookUpGeneric for n > 0, a multiple of 64. differences[i] is table[i] ^ table[i − 16], but table[i] for the first 16 of each half.")
	dst, src, n, differences := arg("dst"), arg("src"), arg("n"), arg("differences")
	sixteen, sign := constant("sixteens", 0x10101010), constant("signs", 0x80808080)
	x, y := []reg.VecVirtual{YMM(), YMM()}, []reg.VecVirtual{YMM(), YMM()}
	half, table, found, piece, end := YMM(), YMM(), YMM(), GP64(), GP64()
	VMOVDQA(sign, half)
	LEAQ(at(differences, 256), end)
	loop("codes", n, 64, func() {
		MOVQ(differences, piece)
		for _, v := range y {
			VPXOR(v, v, v)
		}
		Label("halves")
		VPXOR(sign, half, half) // 0, and then the signs
		for i, v := range x {
			VPXOR(at(src, 32*i), half, v)
		}
		for k := range 8 {
			VBROADCASTI128(at(piece, 16*k), table)
			for i, v := range x {
				VPSHUFB(v, table, found)
				VPXOR(found, y[i], y[i])
				if k < 7 {
					VPSUBSB(sixteen, v, v)
				}
			}
		}
		ADDQ(U32(128), piece)
		CMPQ(piece, end)
		JNE(LabelRef("halves"))
		for i, v := range y {
			VMOVDQU(v, at(dst, 32*i))
		}
		ADDQ(Imm(64), src)
		ADDQ(Imm(64), dst)
	})
	VZEROUPPER()
	RET()
}

// vbmiLookUp looks a value up in both halves of the table, by seven bits, and takes that of its eighth.
func vbmiLookUp() {
	function("lookUpVBMI", "dst, src *uint8, vectors int, last uint64, table *uint8",
		"lookUpVBMI works like lookUpGeneric for so many vectors of 64 values, above 0, of the last of which those that last has bits for.")
	dst, src, vectors, last, table := arg("dst"), arg("src"), arg("vectors"), arg("last"), arg("table")
	quarters, low, high := four(), ZMM(), ZMM()
	for i, v := range quarters {
		VMOVDQU32(at(table, 64*i), v)
	}
	mask, upper := K(), K()
	KXNORQ(mask, mask, mask)
	Label("vectors")
	CMPQ(vectors, Imm(1))
	JNE(LabelRef("whole"))
	KMOVQ(last, mask)
	Label("whole")
	VMOVDQU8_Z(at(src, 0), mask, low)
	VMOVDQU32(low, high)
	VPMOVB2M(low, upper)
	VPERMI2B(quarters[1], quarters[0], low)
	VPERMI2B(quarters[3], quarters[2], high)
	VPBLENDMB(high, low, upper, low)
	VMOVDQU8(low, mask, at(dst, 0))
	ADDQ(Imm(64), src)
	ADDQ(Imm(64), dst)
	SUBQ(Imm(1), vectors)
	JNZ(LabelRef("vectors"))
	VZEROUPPER()
	RET()
}
