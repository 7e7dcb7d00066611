package kernel_test

import (
	"math"
	"testing"

	"euryale/internal/isa"
	"euryale/internal/kernel"
)

// TestDequantizeMuch dequantizes what is too big for the caches, into memory of every alignment.
func TestDequantizeMuch(t *testing.T) {
	const n = 1<<20 + 77
	codes, signed := make([]uint8, n), make([]int8, n)
	for i := range codes {
		codes[i], signed[i] = uint8(i*7), int8(i*5)
	}
	a := kernel.Affine{Scale: 0.3, Zero: 11, High: 255}
	generic, got := kernel.Of(isa.Generic), make([]float32, n+16)
	want, wantSigned := make([]float32, n), make([]float32, n)
	generic.DequantizeU8(want, codes, a)
	generic.DequantizeS8(wantSigned, signed, a)
	check := func(tier isa.Tier, first int, want []float32) {
		t.Helper()
		for i, v := range want {
			if math.Float32bits(got[first+i]) != math.Float32bits(v) {
				t.Fatalf("%v: %d elements into a slice: number %d is %v, want %v", tier, first, i, got[first+i], v)
			}
		}
		if got[first+n] != -7 {
			t.Fatalf("%v: %d elements into a slice: wrote past %d numbers", tier, first, n)
		}
	}
	for _, tier := range isa.All() {
		if !isa.Supported(tier) {
			continue
		}
		for first := range 8 {
			got[first+n] = -7
			kernel.Of(tier).DequantizeU8(got[first:first+n], codes, a)
			check(tier, first, want)
			kernel.Of(tier).DequantizeS8(got[first:first+n], signed, a)
			check(tier, first, wantSigned)
		}
	}
}
