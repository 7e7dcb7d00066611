package gemm_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/gemm"
	"euryale/internal/isa"
	"euryale/internal/pack"
)

// TestNoNegativeZero has results that round to −0 everywhere, of products that underflow with a bias of −0,
// for all ways to compute them: each is 0.
func TestNoNegativeZero(t *testing.T) {
	rng := rand.New(rand.NewPCG(19, 19))
	zero := float32(math.Copysign(0, -1))
	const rows, filters = 5, 18
	checked := 0
	all := func(name string, size int, run func(dst []float32) error) {
		eachTier(func(tier isa.Tier) {
			got := slices.Repeat([]float32{7}, size)
			if err := run(got); err != nil {
				t.Fatalf("%v, %s: %v", tier, name, err)
			}
			for i, v := range got {
				if math.Float32bits(v) != 0 {
					t.Errorf("%v, %s: result %d is %v, want 0", tier, name, i, v)
					break
				}
			}
			checked += size
		})
	}
	tiny := func(n int) []float32 { // of one sign each
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(math.Copysign(1e-24, float64(i%2)-0.5))
		}
		return x
	}
	weightOf := func(k, n, group, bits int, signed, zeros, offsets bool) weight {
		w := random(rng, k, n, group, bits, signed, zeros, offsets)
		for i := range w.scales {
			w.scales[i] = float32(math.Copysign(1e-30, float64(w.scales[i])))
		}
		for i := range w.offsets {
			w.offsets[i] = float32(math.Copysign(1e-30, float64(w.offsets[i])))
		}
		return w
	}
	for _, relu := range []bool{false, true} {
		out := gemm.Output{Bias: slices.Repeat([]float32{zero}, filters), ReLU: relu}
		for _, arithmetic := range arithmetics {
			a := arithmetic.a
			if a.Static != nil {
				small := *a.Static
				small.Scale *= 0x1p-80
				a.Static = &small
			}
			for _, group := range []int{70, 32} {
				for _, offsets := range []bool{false, true} {
					w := weightOf(70, filters, group, 8, true, offsets, offsets).pack(t)
					x := tiny(rows * 70)
					all(fmt.Sprintf("product, %s, groups of %d, offsets %v, ReLU %v", arithmetic.name, group, offsets, relu), rows*filters, func(dst []float32) error {
						return multiply(dst, x, rows, w, a, out)
					})
				}
			}
			for number, v := range convs {
				w := weightOf(v.Depth(), filters, v.Depth(), 8, true, number%2 == 0, number%4 == 0)
				fillUp(w, v)
				packed, windows := []*pack.Matrix{w.pack(t)}, v
				height, width := v.Out()
				x := gemm.Activations{Float: tiny(v.Channels * v.Height * v.Width)}
				all(fmt.Sprintf("convolution %+v, %s, ReLU %v", v, arithmetic.name, relu), filters*height*width, func(dst []float32) error {
					return convolve(gemm.Activations{Float: dst}, x, 1, windows, packed, a, out)
				})
			}
		}
		codes := make([]uint16, filters*9)
		for i := range codes {
			codes[i] = uint16(0x8001 - i%2*0x8000) // the least values of both signs
		}
		x := tiny(rows * 9)
		w := halfWeight(9, filters, codes).pack()
		all(fmt.Sprintf("product of halves, ReLU %v", relu), rows*filters, func(dst []float32) error {
			return multiplyFloat16(dst, x, rows, w, out)
		})
	}
	t.Logf("%d results", checked)
}
