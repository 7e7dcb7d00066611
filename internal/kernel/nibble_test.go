package kernel_test

import (
	"slices"
	"testing"

	"euryale/internal/kernel"
)

func TestNibblesLayout(t *testing.T) {
	for _, c := range []struct {
		signed   []int8
		unsigned []uint8
		packed   []uint8
	}{
		{nil, nil, []uint8{}},
		{[]int8{1}, []uint8{1}, []uint8{0x01}},
		{[]int8{-1}, []uint8{15}, []uint8{0x0f}},
		{[]int8{1, 2}, []uint8{1, 2}, []uint8{0x21}},
		{[]int8{-8, 7}, []uint8{8, 7}, []uint8{0x78}},
		{[]int8{7, -8, -2}, []uint8{7, 8, 14}, []uint8{0x87, 0x0e}},
		{[]int8{0, -1, -7, 3}, []uint8{0, 15, 9, 3}, []uint8{0xf0, 0x39}},
	} {
		// What was there before does not shine through.
		packed := slices.Repeat([]uint8{0xa5}, len(c.packed))
		kernel.PackNibbles(packed, c.signed)
		if !slices.Equal(packed, c.packed) {
			t.Errorf("PackNibbles(%v) = %#x, want %#x", c.signed, packed, c.packed)
		}
		packed = slices.Repeat([]uint8{0xa5}, len(c.packed))
		kernel.PackNibbles(packed, c.unsigned)
		if !slices.Equal(packed, c.packed) {
			t.Errorf("PackNibbles(%v) = %#x, want %#x", c.unsigned, packed, c.packed)
		}
		signed := make([]int8, len(c.signed))
		kernel.UnpackInt4(signed, c.packed)
		if !slices.Equal(signed, c.signed) {
			t.Errorf("UnpackInt4(%#x) = %v, want %v", c.packed, signed, c.signed)
		}
		unsigned := make([]uint8, len(c.unsigned))
		kernel.UnpackUint4(unsigned, c.packed)
		if !slices.Equal(unsigned, c.unsigned) {
			t.Errorf("UnpackUint4(%#x) = %v, want %v", c.packed, unsigned, c.unsigned)
		}
	}
}

// TestNibblesRoundTrip packs every pair of codes.
func TestNibblesRoundTrip(t *testing.T) {
	for b := range 256 {
		for count := 1; count <= 2; count++ {
			unsigned := []uint8{uint8(b % 16), uint8(b / 16)}[:count]
			signed := []int8{int8((b%16+8)%16 - 8), int8((b/16+8)%16 - 8)}[:count]
			for i := range signed {
				if signed[i] < -8 || signed[i] > 7 || uint8(signed[i])%16 != unsigned[i] {
					t.Fatalf("the test is wrong: %d is not %d", signed[i], unsigned[i])
				}
			}
			packed := make([]uint8, 1)
			kernel.PackNibbles(packed, signed)
			gotSigned, gotUnsigned := make([]int8, count), make([]uint8, count)
			kernel.UnpackInt4(gotSigned, packed)
			kernel.UnpackUint4(gotUnsigned, packed)
			if !slices.Equal(gotSigned, signed) || !slices.Equal(gotUnsigned, unsigned) {
				t.Errorf("%v packed as %#x came back as %v and %v", signed, packed, gotSigned, gotUnsigned)
			}
		}
	}
}
