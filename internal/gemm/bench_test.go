package gemm_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/gemm"
	"euryale/internal/kernel"
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
	measure("half", func() error { return gemm.MultiplyHalf(dst, x, m, h, out) })
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
	bench("bfloat16", func() error { return gemm.MultiplyHalf(dst, x, m, h, gemm.Output{}) })
}
