package kernel_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/kernel"
)

func TestBitsLayout(t *testing.T) {
	for _, c := range []struct {
		bits     int
		signed   []int8
		unsigned []uint8
		packed   []uint8
	}{
		{4, nil, nil, []uint8{}},
		{4, []int8{1}, []uint8{1}, []uint8{0x01}},
		{4, []int8{-1}, []uint8{15}, []uint8{0x0f}},
		{4, []int8{1, 2}, []uint8{1, 2}, []uint8{0x21}},
		{4, []int8{-8, 7}, []uint8{8, 7}, []uint8{0x78}},
		{4, []int8{7, -8, -2}, []uint8{7, 8, 14}, []uint8{0x87, 0x0e}},
		{4, []int8{0, -1, -7, 3}, []uint8{0, 15, 9, 3}, []uint8{0xf0, 0x39}},
		{2, []int8{1, -2, -1, 0, 1}, []uint8{1, 2, 3, 0, 1}, []uint8{0b00111001, 0b01}},
		{3, []int8{1, -4, -1, 2}, []uint8{1, 4, 7, 2}, []uint8{0b11100001, 0b0101}},
		{5, []int8{1, -16, -1}, []uint8{1, 16, 31}, []uint8{0b00000001, 0b01111110}},
		{6, []int8{1, -32}, []uint8{1, 32}, []uint8{0b00000001, 0b1000}},
		{7, []int8{1, -64, -1}, []uint8{1, 64, 127}, []uint8{0b00000001, 0b11100000, 0b11111}},
	} {
		// What was there before does not shine through.
		for _, pack := range []func(dst []uint8){
			func(dst []uint8) { kernel.PackBits(dst, c.signed, c.bits) },
			func(dst []uint8) { kernel.PackBits(dst, c.unsigned, c.bits) },
		} {
			packed := slices.Repeat([]uint8{0xa5}, len(c.packed))
			if pack(packed); !slices.Equal(packed, c.packed) {
				t.Errorf("%d bits: PackBits(%v) = %#x, want %#x", c.bits, c.signed, packed, c.packed)
			}
		}
		signed, unsigned := make([]int8, len(c.signed)), make([]uint8, len(c.unsigned))
		kernel.UnpackBits(signed, c.packed, c.bits)
		kernel.UnpackBits(unsigned, c.packed, c.bits)
		if !slices.Equal(signed, c.signed) || !slices.Equal(unsigned, c.unsigned) {
			t.Errorf("%d bits: UnpackBits(%#x) = %v and %v, want %v and %v", c.bits, c.packed, signed, unsigned, c.signed, c.unsigned)
		}
	}
}

// TestBitsOfLengths packs codes that have higher bits too, of every number from 0 on, and compares bit by bit.
func TestBitsOfLengths(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for bits := 2; bits <= 7; bits++ {
		for n := range 70 {
			codes := make([]uint8, n)
			for i := range codes {
				codes[i] = uint8(rng.Uint32())
			}
			size := kernel.PackedBytes(n, bits)
			if size != (n*bits+7)/8 {
				t.Fatalf("PackedBytes(%d, %d) = %d, want %d", n, bits, size, (n*bits+7)/8)
			}
			packed := slices.Repeat([]uint8{0xa5}, size+9)
			kernel.PackBits(packed[:size], codes, bits)
			bit := func(k int) uint8 { return packed[k/8] >> (k % 8) & 1 }
			for k := range 8 * size {
				var want uint8
				if k < n*bits {
					want = codes[k/bits] >> (k % bits) & 1
				}
				if bit(k) != want {
					t.Fatalf("%d codes of %d bits: bit %d is %d, want %d", n, bits, k, bit(k), want)
				}
			}
			if past := packed[size:]; !slices.Equal(past, slices.Repeat([]uint8{0xa5}, 9)) {
				t.Fatalf("%d codes of %d bits: what follows became %#x", n, bits, past)
			}
			// What follows the codes is not read into them, nor written.
			signed, unsigned := slices.Repeat([]int8{99}, n+9), slices.Repeat([]uint8{99}, n+9)
			kernel.UnpackBits(signed[:n], packed[:size], bits)
			kernel.UnpackBits(unsigned[:n], packed[:size], bits)
			for i, c := range codes {
				high := 8 - bits
				if unsigned[i] != c<<high>>high || signed[i] != int8(c<<high)>>high {
					t.Fatalf("code %d of %d is %d and %d, want the low %d bits of %#x", i, n, unsigned[i], signed[i], bits, c)
				}
			}
			if signed[n] != 99 || unsigned[n] != 99 {
				t.Fatalf("%d codes of %d bits: more were written", n, bits)
			}
		}
	}
}
