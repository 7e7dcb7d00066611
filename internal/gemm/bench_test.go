package gemm_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/gemm"
	"euryale/internal/isa"
	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// TestAllocations wants none on any tier, once the scratch memory has grown.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	rng := rand.New(rand.NewPCG(5, 5))
	const m, k, n = 65, 33, 4
	x, dst := activations(rng, m, k), make([]float32, m*n)
	w := random(rng, k, n, 8, 4, false, true, true).pack(t)
	h := halfWeight(k, n, slices.Repeat([]uint16{1}, k*n)).pack()
	out := gemm.Output{Bias: make([]float32, n), ReLU: true}
	measure := func(name string, p plan, dst, x gemm.Activations) {
		t.Helper()
		run := func() {
			if err := p.Run(dst, x, m); err != nil {
				t.Fatal(err)
			}
		}
		eachTier(func(tier isa.Tier) {
			if got := testing.AllocsPerRun(100, run); got != 0 {
				t.Errorf("%v, %s: %v allocations a call, want none", tier, name, got)
			}
		})
	}
	y, floats := gemm.Activations{Float: dst}, gemm.Activations{Float: x}
	for _, arithmetic := range arithmetics {
		measure(arithmetic.name, gemm.NewProduct(w, arithmetic.a, out), y, floats)
	}
	one := kernel.Affine{Scale: 1, High: 255}
	made, codes := gemm.Activations{Quantized: make([]uint8, m*n), Params: one}, gemm.Activations{Quantized: make([]uint8, m*k), Params: one}
	signed := random(rng, k, n, k, 8, true, false, false).pack(t)
	measure("quantized", gemm.NewProduct(signed, gemm.Arithmetic{}, out), made, codes)
	measure("16-bit floats", gemm.NewHalfProduct(h, out), y, floats)
	v := gemm.Conv{Channels: 1, Height: 1, Width: k, Kernel: [2]int{1, k}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, NCHW: true}
	measure("convolution", gemm.NewConvolution(v, []*pack.Matrix{signed}, gemm.Arithmetic{}, out), y, floats)
}

type plan interface {
	Run(dst, x gemm.Activations, m int) error
}

// BenchmarkMultiply is 64×784×512 by weights of 8 bits, in groups of 32 by 4 bits, by codes of 4 bits that are
// looked up, and by bfloat16.
func BenchmarkMultiply(b *testing.B) {
	rng := rand.New(rand.NewPCG(6, 6))
	const m, k, n = 64, 784, 512
	x, dst := make([]float32, m*k), make([]float32, m*n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	bench := func(name string, p plan) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Run(gemm.Activations{Float: dst}, gemm.Activations{Float: x}, m); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(2*m*k*n*float64(b.N)/b.Elapsed().Seconds()/1e9, "GOP/s")
		})
	}
	bytes := random(rng, k, n, k, 8, true, false, false).pack(b)
	nibbles := random(rng, k, n, 32, 4, false, true, false).pack(b)
	coded, _ := drawCodebook(rng, k, n, 4, 32, "any")
	for _, arithmetic := range arithmetics[:4] {
		bench("int8/"+arithmetic.name, gemm.NewProduct(bytes, arithmetic.a, gemm.Output{}))
		bench("codebook4 in groups/"+arithmetic.name, gemm.NewProduct(coded, arithmetic.a, gemm.Output{}))
		bench("uint4 in groups/"+arithmetic.name, gemm.NewProduct(nibbles, arithmetic.a, gemm.Output{}))
	}
	h := halfWeight(k, n, slices.Repeat([]uint16{0x3f80}, k*n)).pack()
	bench("bfloat16", gemm.NewHalfProduct(h, gemm.Output{}))
}

// BenchmarkConvolve is 64 images of 1×28² with 32 filters of 5×5, and of 32×14² with 64 of 3×3 and of 5×5:
// from real or quantized values, to either.
func BenchmarkConvolve(b *testing.B) {
	rng := rand.New(rand.NewPCG(7, 7))
	const samples = 64
	for _, c := range []struct{ channels, side, filters, kernel int }{{1, 28, 32, 5}, {16, 14, 32, 5}, {32, 14, 64, 3}, {32, 14, 64, 5}} {
		v := gemm.Conv{
			Channels: c.channels, Height: c.side, Width: c.side,
			Kernel: [2]int{c.kernel, c.kernel}, Pad: [4]int{c.kernel / 2, c.kernel / 2, c.kernel / 2, c.kernel / 2}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1},
		}
		k, in, out := v.Depth(), c.channels*c.side*c.side, c.filters*c.side*c.side
		w := random(rng, k, c.filters, k, 8, true, false, false)
		fillUp(w, v)
		to := kernel.Affine{Scale: 0.01, Zero: 128, High: 255}
		p := gemm.NewConvolution(v, []*pack.Matrix{w.pack(b)}, gemm.Arithmetic{Static: &to}, gemm.Output{ReLU: true})
		numbers := [2]gemm.Activations{{Float: activations(rng, samples, in)}, {Quantized: make([]uint8, samples*in), Params: to}}
		results := [2]gemm.Activations{{Float: make([]float32, samples*out)}, {Quantized: make([]uint8, samples*out), Params: to}}
		kinds := [2]string{"numbers", "codes"}
		for i, x := range numbers {
			for j, y := range results {
				b.Run(fmt.Sprintf("%dx%d² %d of %d²/%s to %s", c.channels, c.side, c.filters, c.kernel, kinds[i], kinds[j]), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if err := p.Run(y, x, samples); err != nil {
							b.Fatal(err)
						}
					}
					operations := 2 * samples * out * c.channels * c.kernel * c.kernel
					b.ReportMetric(float64(operations)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GOP/s")
				})
			}
		}
	}
}
