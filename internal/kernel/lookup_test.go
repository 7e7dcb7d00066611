package kernel_test

import (
	"fmt"
	"testing"

	"euryale/internal/isa"
	"euryale/internal/kernel"
)

func BenchmarkLookUp(b *testing.B) {
	var table [256]uint8
	for i := range table {
		table[i] = uint8(i * i)
	}
	for _, n := range []int{1 << 14, 1 << 20, 64 << 20} {
		src, dst := make([]uint8, n), make([]uint8, n)
		for i := range src {
			src[i] = uint8(i * 7919 / 256)
		}
		for _, tier := range isa.All() {
			if !isa.Supported(tier) {
				continue
			}
			b.Run(fmt.Sprintf("%v/%d", tier, n), func(b *testing.B) {
				b.SetBytes(int64(n))
				for b.Loop() {
					kernel.Of(tier).LookUp(dst, src, &table)
				}
			})
		}
	}
}
