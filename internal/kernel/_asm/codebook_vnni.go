package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vnniCodeRows is how many rows are multiplied at a time, and by how many groups of columns: a panel is gone
// through in passes where these are less than four.
var vnniCodeRows = []struct{ rows, groups int }{{1, 4}, {2, 4}, {4, 2}}

// vnniMultiplyCodes emits the product of rows: what codes look up is multiplied as it is, by 16 activations
// that are repeated in all lanes.
func vnniMultiplyCodes(bits, rows, groups int) {
	name := fmt.Sprintf("multiply%dBitsR%dVNNI", bits, rows)
	function(name, "t *uint8", fmt.Sprintf("%s sets lanes to the products of %d rows and a panel of codes of %d bits.", name, rows, bits))
	b := newCodeBlocks(zmm, bits)
	b.keepLevels()
	sums, pointers := make([][]reg.VecVirtual, rows), make([]reg.GPVirtual, rows)
	for i := range rows {
		pointers[i] = GP64()
		MOVQ(b.t.at("rows").Offset(8*i), pointers[i])
		for range groups {
			sums[i] = append(sums[i], ZMM())
		}
	}
	selections, fieldBits := b.vnniConstants()
	p, table, weights, x := GP64(), ZMM(), ZMM(), ZMM()
	activations := func(i, field int, v reg.VecVirtual) {
		VBROADCASTI32X4(Mem{Base: pointers[i], Index: p, Scale: 1, Disp: 16 * field}, v)
	}
	var kept []reg.VecVirtual // activations of a block, where they are so few
	if rows*b.fields <= 8 {
		for range rows * b.fields {
			kept = append(kept, ZMM())
		}
	}
	Label("pass")
	for _, row := range sums {
		for _, v := range row {
			VPXORD(v, v, v)
		}
	}
	XORQ(p, p)
	b.eachBlock(groups, func() {
		for i, v := range kept {
			activations(i/b.fields, i%b.fields, v)
		}
		window := b.multipliers
		if groups > 1 {
			window = GP64()
			MOVQ(b.multipliers, window)
		}
		for group := range groups {
			b.scale(window, selections, table, weights)
			for field := range b.fields {
				if bits == 4 && field > 0 {
					b.where16(fmt.Sprintf("group%d", group), func() { b.scale(window, [2]Op{selections[1]}, table, weights) })
				}
				b.vnniIndex(group, field, fieldBits, weights)
				VPSHUFB(weights, table, weights)
				for i := range rows {
					if len(kept) > 0 {
						VPDPBUSD(weights, kept[i*b.fields+field], sums[i][group])
						continue
					}
					activations(i, field, x)
					VPDPBUSD(weights, x, sums[i][group])
				}
			}
			if group < groups-1 {
				ADDQ(b.place, window)
			}
		}
		ADDQ(Imm(uint64(b.depth)), p)
	})
	b.vnniEndPass(sums, groups)
	VZEROUPPER()
	RET()
}

// vnniConstants loads the selections, and for codes of 2 bits what is set in the index of each field but the
// first, whose weights are the first in a table.
func (b *codeBlocks) vnniConstants() (selections [2]Op, fieldBits []reg.VecVirtual) {
	selection := b.t.load("selection")
	for i := range selections {
		v := ZMM()
		VMOVDQU32(at(selection, 64*i), v)
		selections[i] = v
	}
	if b.bits == 2 {
		for field := range b.fields - 1 {
			fieldBits = append(fieldBits, zmm.constant(fmt.Sprintf("fieldBits%d", field+1), uint32(field+1)*0x04040404))
		}
	}
	return selections, fieldBits
}

// vnniIndex sets x to what the codes of a field look up.
func (b *codeBlocks) vnniIndex(group, field int, fieldBits []reg.VecVirtual, x reg.VecVirtual) {
	codes := at(b.codes, groupBytes*group)
	if field == 0 {
		VPANDD(codes, b.low, x)
		return
	}
	VPSRLW(Imm(uint64(field*b.bits)), codes, x)
	if b.bits == 2 {
		VPTERNLOGD(Imm(0xea), fieldBits[field-1], b.low, x) // x and low, or the bits
	} else {
		VPANDD(b.low, x, x)
	}
}

// vnniEndPass stores the sums of groups of columns and goes on to the next groups, unless these were the last.
// pass is how many bytes of lanes are done.
func (b *codeBlocks) vnniEndPass(sums [][]reg.VecVirtual, groups int) {
	const all = codeGroups * groupBytes
	pass := b.t.load("pass")
	for i, row := range sums {
		for group, v := range row {
			VMOVDQU32(v, Mem{Base: b.t.base, Index: pass, Scale: 1, Disp: b.t.at("lanes").Disp + all*i + groupBytes*group})
		}
	}
	if groups == codeGroups {
		return
	}
	ADDQ(Imm(uint64(groupBytes*groups)), pass)
	MOVQ(pass, b.t.at("pass"))
	MOVQ(b.t.at("codes"), b.codes)
	ADDQ(pass, b.codes)
	MOVQ(b.t.at("multipliers"), b.multipliers)
	LEAQ(Mem{Base: b.multipliers, Index: b.place, Scale: uint8(groups)}, b.multipliers)
	MOVQ(b.multipliers, b.t.at("multipliers"))
	CMPQ(pass, U32(all))
	JNE(LabelRef("pass"))
}
