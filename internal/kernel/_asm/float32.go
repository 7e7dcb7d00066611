package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// floatFields is kernel.floatTile.
var floatFields = []string{"dst", "stride", "x", "xStride", "w", "panel", "offsets", "segments", "length", "step", "from", "fromRow", "fromPanel", "floor"}

// A floatTile is so many rows and panels of 16 columns, whose chains are in registers.
type floatTile struct{ rows, panels int }

// The tiles of 16 registers, and of 32. A row has no more panels than memory has streams that are as fast as one.
var (
	avx2Floats   = []floatTile{{6, 1}, {4, 1}, {2, 2}, {2, 1}, {1, 4}, {1, 2}, {1, 1}}
	avx512Floats = []floatTile{{12, 2}, {12, 1}, {8, 2}, {8, 1}, {4, 4}, {4, 2}, {4, 1}, {2, 4}, {2, 2}, {2, 1}, {1, 4}, {1, 2}, {1, 1}}
)

func floats(v vectors, tiles []floatTile) func() {
	return func() {
		for _, t := range tiles {
			multiplyFloats(v, t, nil)
		}
		for _, t := range []floatTile{{1, tiles[len(tiles)-1].panels}, {1, mostPanels(tiles)}} {
			for i := range widenings {
				multiplyFloats(v, t, &widenings[i])
			}
		}
		for vectors := 2; vectors > 0; vectors-- {
			multiplyChannels(v, vectors)
		}
		writeFloatFunctions(v)
	}
}

// mostPanels returns the panels of the widest tile of one row.
func mostPanels(tiles []floatTile) (most int) {
	for _, t := range tiles {
		if t.rows == 1 {
			most = max(most, t.panels)
		}
	}
	return most
}

// A widening loads weights of 16 bits as float32.
type widening struct {
	name string
	load func(from Mem, x reg.VecVirtual)
}

var widenings = []widening{
	{"Float16", func(from Mem, x reg.VecVirtual) { VCVTPH2PS(from, x) }},
	{"BFloat16", func(from Mem, x reg.VecVirtual) {
		VPMOVZXWD(from, x)
		VPSLLD(Imm(16), x, x)
	}},
}

// A spread is places that are the same distance apart, four to a base.
type spread struct {
	bases          []reg.GPVirtual
	stride, thrice reg.GPVirtual
}

// spreadOver returns count places from base on.
func spreadOver(base, stride reg.GPVirtual, count int) *spread {
	s := &spread{[]reg.GPVirtual{base}, stride, nil}
	if count > 3 {
		s.thrice = GP64()
		LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, s.thrice)
	}
	for len(s.bases)*4 < count {
		s.bases = append(s.bases, GP64())
	}
	return s
}

// follow sets all bases by the first.
func (s *spread) follow() {
	for i := 1; i < len(s.bases); i++ {
		LEAQ(Mem{Base: s.bases[i-1], Index: s.stride, Scale: 4}, s.bases[i])
	}
}

// add moves all places.
func (s *spread) add(by Op) {
	for _, base := range s.bases {
		ADDQ(by, base)
	}
}

// at returns place i.
func (s *spread) at(i, disp int) Mem {
	m := Mem{Base: s.bases[i/4], Disp: disp}
	switch i % 4 {
	case 1, 2:
		m.Index, m.Scale = s.stride, uint8(i%4)
	case 3:
		m.Index, m.Scale = s.thrice, 1
	}
	return m
}

// multiplyFloats emits the product of a tile by weights of float32, or of 16 bits.
func multiplyFloats(v vectors, tile floatTile, from *widening) {
	format, like, size := "Floats", "multiplyFloatsGeneric", uint64(2)
	if from != nil {
		format, like, size = from.name, "multiplyHalvesGeneric", 1
	}
	name := fmt.Sprintf("multiply%sR%dP%d%s", format, tile.rows, tile.panels, v.isa)
	function(name, "t *uint8", fmt.Sprintf("%s works like %s for %d rows and %d panels, with strides and steps in bytes.", name, like, tile.rows, tile.panels))
	t := record{arg("t"), floatFields}
	parts := 64 / v.bytes // of a panel
	sums := make([][]reg.VecVirtual, tile.rows)
	for i := range sums {
		for range tile.panels * parts {
			sums[i] = append(sums[i], v.make())
		}
	}
	begin, next := spreadOver(t.load("from"), t.load("fromRow"), tile.rows), t.load("fromPanel")
	begin.follow()
	for panel := range tile.panels {
		for part := range parts {
			for i := range sums {
				VMOVUPS(begin.at(i, v.bytes*part), sums[i][parts*panel+part])
			}
		}
		if panel < tile.panels-1 {
			begin.add(next)
		}
	}
	rows := spreadOver(t.load("x"), t.load("xStride"), tile.rows)
	rows.follow()
	panels := spreadOver(GP64(), t.load("panel"), tile.panels)
	offsets, left, step, count, x := t.load("offsets"), t.load("segments"), t.load("step"), GP64(), v.make()
	Label("segments")
	MOVQ(at(offsets, 0), panels.bases[0])
	SHLQ(Imm(size), panels.bases[0])
	ADDQ(t.at("w"), panels.bases[0])
	panels.follow()
	MOVQ(t.at("length"), count)
	Label("depth")
	weights := make([]Op, 0, tile.panels*parts)
	for i := range tile.panels {
		for j := range parts {
			weights = append(weights, panels.at(i, v.bytes/4<<size*j))
		}
	}
	if tile.rows > 1 {
		for i, from := range weights {
			w := v.make()
			VMOVUPS(from, w)
			weights[i] = w
		}
	}
	for i := range sums {
		VBROADCASTSS(rows.at(i, 0), x)
		for j, w := range weights {
			if from != nil {
				wide := v.make()
				from.load(w.(Mem), wide)
				w = wide
			}
			VFMADD231PS(w, x, sums[i][j])
		}
	}
	rows.add(Imm(4))
	panels.add(step)
	DECQ(count)
	JNZ(LabelRef("depth"))
	ADDQ(Imm(8), offsets)
	DECQ(left)
	JNZ(LabelRef("segments"))
	storeFloats(v, t, sums)
	VZEROUPPER()
	RET()
}

// storeFloats stores sums, row by row, and ends their chains.
func storeFloats(v vectors, t record, sums [][]reg.VecVirtual) {
	dst := spreadOver(t.load("dst"), t.load("stride"), len(sums))
	dst.follow()
	ends, y := endsOf(v, t.repeat(v, "floor")), v.make()
	for i, row := range sums {
		for j, x := range row {
			ends.end(x, y)
			VMOVUPS(y, dst.at(i, v.bytes*j))
		}
	}
}

// chainEnds ends chains.
type chainEnds struct {
	v                   vectors
	floor, nan, nothing reg.VecVirtual
}

func endsOf(v vectors, floor reg.VecVirtual) chainEnds {
	return chainEnds{v, floor, v.constant("quietNaN", 0x7fc00000), v.zero()}
}

// end sets y to max(x, floor), NaN and 0 in their only form.
func (e chainEnds) end(x, y reg.VecVirtual) {
	VMAXPS(x, e.floor, y) // x where it is NaN
	VADDPS(e.nothing, y, y)
	if e.v.bytes == 64 {
		unordered := K()
		VCMPPS(Imm(3), x, x, unordered)
		VMOVAPS(e.nan, unordered, y)
	} else {
		VCMPPS(Imm(3), x, x, x)
		VBLENDVPS(x, e.nan, y, y)
	}
}
