package kernel

import (
	"math"
	"testing"

	"euryale/internal/half"
	"euryale/internal/isa"
)

// grid returns any parameters of quantized values of 2 to 8 bits.
func (m *memory) grid() Grid {
	g := Grid{Scale: m.finite32(), Offset: m.finite32(), High: int32(1)<<(2+m.IntN(7)) - 1}
	if g.Scale == 0 {
		g.Scale = 1
	}
	if m.IntN(2) == 0 {
		g.Offset = g.Scale * float32(m.IntN(9)-4) / 2
	}
	return param(m, g)
}

// pattern32 is any float32, near a tie of either 16-bit format half of the time.
func (m *memory) pattern32() float32 {
	bits := m.Uint32()
	if m.IntN(2) == 0 {
		bits = bits&^(1<<oneOf(m, 13, 16)-1) + oneOf[uint32](m, 0, 1<<12, 1<<12-1, 1<<12+1, 1<<15, 1<<15-1, 1<<15+1)
	}
	return oneOf(m, math.Float32frombits(bits), m.number32())
}

func (m *memory) format() half.Format {
	if param(m, m.IntN(2)) == 1 {
		return half.BFloat16()
	}
	return half.Float16()
}

// convertTrials have the shape {n, blocks}.
var convertTrials = []trial{
	{"QuantizeGrid", func(s *Set, m *memory, shape shape) {
		g := m.grid()
		src := take(m, shape[0], m.near(float64(g.Scale), 256))
		s.QuantizeGrid(take(m, shape[0], m.byte), src, g)
	}},
	{"DequantizeGrid", func(s *Set, m *memory, shape shape) {
		g := m.grid()
		s.DequantizeGrid(take(m, shape[0], m.number32), take(m, shape[0], m.byte), g)
	}},
	{"Encode", func(s *Set, m *memory, shape shape) {
		f := m.format()
		s.Encode(take(m, shape[0], func() uint16 { return uint16(m.Uint32()) }), take(m, shape[0], m.pattern32), f)
	}},
	{"MinMaxBlocks", func(s *Set, m *memory, shape shape) {
		size, blocks := shape[0]+1, shape[1]+1
		number := oneOf(m, m.finite32, func() float32 { return oneOf(m, 0, float32(negativeZero)) }, m.near(1, 9))
		src := take(m, size*blocks, number)
		if param(m, m.IntN(3)) == 0 {
			src[m.IntN(len(src))] = oneOf(m, float32(math.NaN()), float32(infinity), float32(-infinity))
		}
		low, high := take(m, blocks, m.number32), take(m, blocks, m.number32)
		allFinite := int32(1)
		if !s.MinMaxBlocks(low, high, src, size) {
			clear(low) // meaningless
			clear(high)
			allFinite = 0
		}
		result(m, allFinite)
	}},
	{"QuantizeBlocks", func(s *Set, m *memory, shape shape) {
		maps := m.maps(shape[1])
		src := take(m, shape[0]*len(maps), m.near(1, 256))
		s.QuantizeBlocks(take(m, len(src), m.byte), src, maps, shape[0])
	}},
	{"DequantizeBlocks", func(s *Set, m *memory, shape shape) {
		maps := m.maps(shape[1])
		src := take(m, shape[0]*len(maps), m.byte)
		s.DequantizeBlocks(take(m, len(src), m.number32), src, maps, shape[0])
	}},
}

// maps returns maps to values that all are signed, or none.
func (m *memory) maps(n int) []Affine {
	ranges := oneOf(m, signedRanges, unsignedRanges)
	maps := make([]Affine, n)
	for i := range maps {
		maps[i] = m.affine(ranges...)
	}
	return maps
}

func TestConvertOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for _, trial := range convertTrials {
			for n := range 70 {
				b.compare(trial, shape{n, n % 7}, effort(20))
			}
			for _, n := range []int{127, 128, 129, 255, 256, 511, 1023} {
				b.compare(trial, shape{n, n % 5}, effort(8))
			}
		}
	})
}

func FuzzConvertOfSets(f *testing.F) {
	fuzzSets(f, convertTrials, func(_ *Set, n, blocks, _ uint8) shape { return shape{int(n), int(blocks) % 9} })
}

// TestEncode encodes every sign and exponent with fractions around each tie that a 16-bit format has: those
// of a code, half of its last place beyond, and their neighbours, at every place that a subnormal may end at.
func TestEncode(t *testing.T) {
	var fractions []uint32
	for place := range 24 {
		for _, upper := range []uint32{0, 1, 2, 3, 0x155555, 0x2aaaaa, 1<<23 - 1} {
			for _, lower := range []int32{-2, -1, 0, 1, 2} {
				fractions = append(fractions, (upper<<place+uint32(lower))&(1<<23-1))
			}
		}
	}
	var src []float32
	for exponent := range uint32(1 << 9) {
		for _, fraction := range fractions {
			src = append(src, math.Float32frombits(exponent<<23|fraction))
		}
	}
	got, want := make([]uint16, len(src)), make([]uint16, len(src))
	for name, f := range map[string]half.Format{"float16": half.Float16(), "bfloat16": half.BFloat16()} {
		encodeGeneric(want, src, f)
		for _, tier := range isa.All() {
			if !isa.Supported(tier) {
				continue
			}
			clear(got)
			Of(tier).Encode(got, src, f)
			for i, code := range want {
				if got[i] != code {
					t.Fatalf("%v: %s of %v, %#08x, is %#04x, want %#04x", tier, name, src[i], math.Float32bits(src[i]), got[i], code)
				}
			}
		}
	}
}

// TestMinMaxBlocksMuch has more blocks, and longer ones, than assembly takes at a time.
func TestMinMaxBlocksMuch(t *testing.T) {
	for _, size := range []int{32, 1 << 10, atOnceInTests + 8} {
		blocks := 3*atOnceInTests/size + 2
		src := make([]float32, size*blocks)
		for i := range src {
			src[i] = float32(i * 7919 % 100003)
		}
		for _, tier := range isa.All() {
			if !isa.Supported(tier) {
				continue
			}
			low, high := make([]float32, blocks), make([]float32, blocks)
			if !Of(tier).MinMaxBlocks(low, high, src, size) {
				t.Errorf("%v: %d blocks of %d are not finite, want them finite", tier, blocks, size)
			}
			for i := range low {
				if l, h, _ := minMaxGeneric(src[i*size:][:size]); low[i] != l || high[i] != h {
					t.Fatalf("%v: block %d of %d: got %v … %v, want %v … %v", tier, i, size, low[i], high[i], l, h)
				}
			}
			src[len(src)-1] = float32(math.NaN())
			if Of(tier).MinMaxBlocks(low, high, src, size) {
				t.Errorf("%v: %d blocks of %d with NaN are finite, want them not", tier, blocks, size)
			}
			src[len(src)-1] = 0
		}
	}
}

const atOnceInTests = 1 << 16
