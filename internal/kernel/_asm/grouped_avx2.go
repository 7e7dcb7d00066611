package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// avx2GroupRows is the most rows whose sums there are registers for: three for each half of a panel, those of
// 16 bits among them.
const avx2GroupRows = 2

// avx2Block is how many steps 16 bits hold the sums of: 16 products of 255 and −8.
const avx2Block = 8

func avx2Groups() {
	for _, packed := range []bool{false, true} {
		for rows := 1; rows <= avx2GroupRows; rows++ {
			avx2MultiplyGroups(height{rows, rows}, packed) // jumps cost 4% here
		}
	}
	for planes := 2; planes <= 3; planes++ {
		avx2MultiplyWide(planes, height{1, avx2GroupRows})
	}
}

// avx2MultiplyGroups adds products in pairs, VPMADDUBSW, for a block of steps, and what that makes to the
// sums of a group.
func avx2MultiplyGroups(h height, packed bool) {
	k := newGroupsTile(ymm, h, 1, packed, "AVX2")
	pairs, weights, product, left, n := make([][2]reg.VecVirtual, h.rows), [2]reg.VecVirtual{YMM(), YMM()}, YMM(), GP64(), GP64()
	for i := range pairs {
		pairs[i] = [2]reg.VecVirtual{YMM(), YMM()}
	}
	k.x, k.y = YMM(), product
	step := 1
	if packed {
		step = 2
	}
	ones := ymm.memory("ones16", 0x00010001)
	low, eights := ymm.memory("lowHalves", 0x0f0f0f0f), ymm.memory("eights", 0x08080808)
	load := func(h, half int) {
		v := weights[h]
		VMOVDQU(at(k.codes, 32*h), v)
		if packed {
			if half > 0 {
				VPSRLW(Imm(4), v, v)
			}
			VPAND(low, v, v)
			VPSUBB(eights, v, v)
		}
	}
	k.eachGroup(func() {
		for _, row := range k.sums {
			for _, v := range row {
				VPXOR(v, v, v)
			}
		}
		MOVQ(k.t.at("steps"), left)
		Label("blocks")
		MOVQ(U32(avx2Block), n)
		CMPQ(n, left)
		CMOVQGT(left, n)
		SUBQ(n, left)
		for _, row := range pairs {
			for _, v := range row {
				VPXOR(v, v, v)
			}
		}
		k.either(k.t.at("few"), func(name string, rows int) {
			loop(name, n, step, func() {
				PREFETCHT0(at(k.codes, avx2Ahead))
				for half := range step {
					for h := range weights {
						load(h, half)
					}
					for i, row := range k.from[:rows] {
						VPBROADCASTD(Mem{Base: row, Index: k.p, Scale: 1, Disp: stepDepth * half}, k.x)
						for h, v := range weights {
							VPMADDUBSW(v, k.x, product)
							VPADDW(product, pairs[i][h], pairs[i][h])
						}
					}
				}
				ADDQ(Imm(uint64(stepDepth*step)), k.p)
				ADDQ(Imm(stepBytes), k.codes)
			})
		})
		for i, row := range pairs {
			for h, v := range row {
				VPMADDWD(ones, v, v)
				VPADDD(v, k.sums[i][h], k.sums[i][h])
			}
		}
		TESTQ(left, left)
		JNZ(LabelRef("blocks"))
	})
}
