package kernel_test

import (
	"math"
	"testing"

	"euryale/internal/half"
	"euryale/internal/isa"
	"euryale/internal/kernel"
)

// TestDecode decodes every finite value of both formats, and every length that is not a whole vector.
func TestDecode(t *testing.T) {
	for _, tier := range isa.All() {
		if !isa.Supported(tier) {
			continue
		}
		set := kernel.Of(tier)
		for name, f := range map[string]half.Format{"float16": half.Float16(), "bfloat16": half.BFloat16()} {
			var codes []uint16
			for c := range 1 << 16 {
				if v := f.Decode(uint16(c)); v-v == 0 {
					codes = append(codes, uint16(c))
				}
			}
			for n := len(codes); n > len(codes)-20; n-- {
				got := make([]float32, n+1)
				set.Decode(got, codes[:n], f)
				for i, c := range codes[:n] {
					if want := f.Decode(c); math.Float32bits(got[i]) != math.Float32bits(want) {
						t.Fatalf("%v: %s %#04x of %d is %v, want %v", tier, name, c, n, got[i], want)
					}
				}
				if got[n] != 0 {
					t.Fatalf("%v: %s: wrote past %d numbers", tier, name, n)
				}
			}
		}
	}
}
