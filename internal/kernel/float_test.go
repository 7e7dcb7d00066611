package kernel_test

import (
	"math"
	"math/rand/v2"
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

// TestMultiplyFloat has sums whose order shows, at each of 16 columns, and random ones.
func TestMultiplyFloat(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, tier := range isa.All() {
		if !isa.Supported(tier) {
			continue
		}
		set := kernel.Of(tier)
		for _, c := range []struct {
			x    []float32
			want float64
		}{
			{[]float32{1, 0x1p60, -0x1p60}, 0},
			{[]float32{0x1p60, -0x1p60, 1}, 1},
			{[]float32{1, 0x1p-53, 0x1p-53}, 1}, // each tie goes to even
			{[]float32{0x1p-53, 0x1p-53, 1}, 1 + 0x1p-52},
		} {
			w := make([]float32, len(c.x)*16)
			for i := range w {
				w[i] = float32(int(1) << (i % 16))
			}
			got := make([]float64, 16)
			set.MultiplyFloat(got, c.x, len(c.x), w, 1)
			for j, v := range got {
				if want := c.want * float64(int(1)<<j); v != want {
					t.Errorf("%v: %v in column %d: %v, want %v", tier, c.x, j, v, want)
				}
			}
		}
		for rows := 1; rows <= 9; rows++ {
			for k := 1; k <= 20; k++ {
				const extra = 3
				x, w := make([]float32, (rows-1)*(k+extra)+k), make([]float32, k*16)
				for i := range x {
					x[i] = float32(rng.NormFloat64() * math.Pow(10, 20*rng.Float64()-10))
				}
				for i := range w {
					w[i] = half.BFloat16().Decode(half.BFloat16().Encode(float32(rng.NormFloat64())))
				}
				got, want := make([]float64, rows*16+1), make([]float64, rows*16+1)
				set.MultiplyFloat(got, x, k+extra, w, rows)
				kernel.Of(isa.Generic).MultiplyFloat(want, x, k+extra, w, rows)
				for i := range want {
					if math.Float64bits(got[i]) != math.Float64bits(want[i]) {
						t.Fatalf("%v: %d rows, depth %d: row %d, column %d is %v, want %v", tier, rows, k, i/16, i%16, got[i], want[i])
					}
				}
			}
		}
	}
}
