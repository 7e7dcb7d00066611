package gemm_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/gemm"
	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// TestAllocations wants none, once the scratch memory has grown.
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
	measure := func(name string, multiply func() error) {
		t.Helper()
		run := func() {
			if err := multiply(); err != nil {
				t.Fatal(err)
			}
		}
		if got := testing.AllocsPerRun(100, run); got != 0 {
			t.Errorf("%s: %v allocations a call, want none", name, got)
		}
	}
	for _, arithmetic := range arithmetics {
		measure(arithmetic.name, func() error { return gemm.Multiply(dst, x, m, w, arithmetic.a, out) })
	}
	codes, made := make([]uint8, m*k), make([]uint8, m*n)
	signed := random(rng, k, n, k, 8, true, false, false).pack(t)
	measure("codes to codes", func() error {
		return gemm.Product(gemm.Numbers{Codes: made, Map: kernel.Affine{Scale: 1, High: 255}}, gemm.Numbers{Codes: codes, Map: kernel.Affine{Scale: 1, High: 255}}, m, signed, gemm.Arithmetic{}, out)
	})
	measure("half", func() error { return gemm.ProductHalf(dst, gemm.Numbers{Float: x}, m, h, false, out) })
}

// BenchmarkMultiply is 64×784×512 by weights of 8 bits, in groups of 32 by 4 bits, and by bfloat16.
func BenchmarkMultiply(b *testing.B) {
	rng := rand.New(rand.NewPCG(6, 6))
	const m, k, n = 64, 784, 512
	x, dst := make([]float32, m*k), make([]float32, m*n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	bench := func(name string, multiply func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := multiply(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(2*m*k*n*float64(b.N)/b.Elapsed().Seconds()/1e9, "GOP/s")
		})
	}
	bytes := random(rng, k, n, k, 8, true, false, false).pack(b)
	nibbles := random(rng, k, n, 32, 4, false, true, false).pack(b)
	for _, arithmetic := range arithmetics[:4] {
		bench("int8/"+arithmetic.name, func() error { return gemm.Multiply(dst, x, m, bytes, arithmetic.a, gemm.Output{}) })
		bench("uint4 in groups/"+arithmetic.name, func() error { return gemm.Multiply(dst, x, m, nibbles, arithmetic.a, gemm.Output{}) })
	}
	h := halfWeight(k, n, slices.Repeat([]uint16{0x3f80}, k*n)).pack()
	bench("bfloat16", func() error { return gemm.ProductHalf(dst, gemm.Numbers{Float: x}, m, h, false, gemm.Output{}) })
}

// BenchmarkConvolve is 64 images of 1×28² with 32 filters of 5×5, and of 32×14² with 64 of 3×3 and of 5×5: codes of a byte, made of
// numbers or given, to numbers or codes.
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
		packed, windows := w.pack(b), gemm.NewWindows(v)
		to := kernel.Affine{Scale: 0.01, Zero: 128, High: 255}
		numbers := [2]gemm.Numbers{{Float: activations(rng, samples, in)}, {Codes: make([]uint8, samples*in), Map: to}}
		results := [2]gemm.Numbers{{Float: make([]float32, samples*out)}, {Codes: make([]uint8, samples*out), Map: to}}
		kinds := [2]string{"numbers", "codes"}
		for i, x := range numbers {
			for j, y := range results {
				b.Run(fmt.Sprintf("%dx%d² %d of %d²/%s to %s", c.channels, c.side, c.filters, c.kernel, kinds[i], kinds[j]), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if err := gemm.Convolve(y, x, samples, windows, []*pack.Matrix{packed}, gemm.Arithmetic{Static: &to}, gemm.Output{ReLU: true}); err != nil {
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
