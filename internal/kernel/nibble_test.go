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

// TestNibblesOfLengths packs and unpacks what takes more than one step, and less than a whole number of them.
func TestNibblesOfLengths(t *testing.T) {
	for n := range 50 {
		signed, unsigned := make([]int8, n), make([]uint8, n)
		for i := range signed {
			signed[i] = int8(i*7%16 - 8)
			unsigned[i] = uint8(signed[i]) & 0xf
		}
		for _, pack := range []func([]uint8){
			func(dst []uint8) { kernel.PackNibbles(dst, signed) },
			func(dst []uint8) { kernel.PackNibbles(dst, unsigned) },
		} {
			packed := slices.Repeat([]uint8{0xa5}, (n+1)/2+1)
			pack(packed[:(n+1)/2])
			for i, q := range unsigned {
				if got := packed[i/2] >> (4 * (i % 2)) & 0xf; got != q {
					t.Fatalf("half %d of %d is %d, want %d", i, n, got, q)
				}
			}
			if packed[(n+1)/2] != 0xa5 || n%2 == 1 && packed[n/2]>>4 != 0 {
				t.Fatalf("%d codes packed as %#x, want zero in the last half, and 0xa5 beyond", n, packed)
			}
			gotSigned, gotUnsigned := make([]int8, n), make([]uint8, n)
			kernel.UnpackInt4(gotSigned, packed[:(n+1)/2])
			kernel.UnpackUint4(gotUnsigned, packed[:(n+1)/2])
			if !slices.Equal(gotSigned, signed) || !slices.Equal(gotUnsigned, unsigned) {
				t.Fatalf("%v packed as %#x came back as %v and %v", signed, packed, gotSigned, gotUnsigned)
			}
		}
	}
}
