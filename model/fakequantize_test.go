package model_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/ir"
	"euryale/internal/isa"

	"gorgonia.org/tensor"
)

// TestFakeQuantize compares all sets of kernels to the definition, for numbers of every kind.
func TestFakeQuantize(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 3))
	inf := float32(math.Inf(1))
	special := []float32{
		0, float32(math.Copysign(0, -1)), inf, -inf, float32(math.NaN()), math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32,
		0.5, -0.5, 1.5, 2.5, -2.5, 127.5, 254.5, 255.5, -127.5, -128.5,
	}
	for _, p := range []struct {
		scale           float32
		zero, low, high int32
	}{
		{1, 0, 0, 255},
		{1, 3, -128, 127},
		{0x1p-126, 255, 0, 255},
		{0.1, 128, 0, 255},
		{3e-3, -2, -8, 7},
		{1, 0, -128, 255},
		{0.7, 255, -128, 255},
		{math.MaxFloat32, 1, 0, 3},
		{math.MaxFloat32 / 100, -128, -128, 127},
		{0x1.8p-120, 5, 5, 5},
		{1, 200, 190, 255},
	} {
		g := &ir.Network{
			Inputs: []ir.Value{{Name: "x", Shape: []int{-1}}}, Outputs: []ir.Value{{Name: "y"}},
			Nodes: []ir.Node{{Op: "FakeQuantize", Name: "y", Inputs: []string{"x"}, Output: "y", Scale: p.scale, ZeroPoint: p.zero, QuantMin: p.low, QuantMax: p.high}},
		}
		m := newModel(t, g, nil)
		for _, n := range []int{1, 31, 67, 4096, 3*4096 + 45} {
			x := make([]float32, n)
			for i := range x {
				switch rng.IntN(4) {
				case 0:
					x[i] = float32(p.scale * float32(float32(rng.IntN(1200)-600)/2)) // ties, and what is clamped
				case 1:
					x[i] = float32(p.scale * float32(rng.NormFloat64()*100))
				case 2:
					x[i] = special[rng.IntN(len(special))]
				default:
					x[i] = math.Float32frombits(rng.Uint32())
				}
				if n > 2*4096 && i/4096 != 1 && x[i]-x[i] != 0 { // some blocks are finite
					x[i] = p.scale
				}
			}
			for _, tier := range isa.All() {
				if !isa.Supported(tier) {
					continue
				}
				restore := isa.Use(tier)
				y := run(t, m, map[string]tensor.Tensor{"x": tensor.New(tensor.WithShape(n), tensor.WithBacking(slices.Clone(x)))}, "y")
				restore()
				for i, v := range x {
					want := v
					if v-v == 0 {
						q := max(float64(p.low), min(float64(p.high), math.RoundToEven(float64(v/p.scale))+float64(p.zero)))
						want = max(-math.MaxFloat32, min(math.MaxFloat32, p.scale*float32(q-float64(p.zero)))) + 0
					}
					if math.Float32bits(y[i]) != math.Float32bits(want) && (v == v || y[i] == y[i]) {
						t.Fatalf("%v, %v, %d elements: got %v at %d for %v, want %v", tier, p, n, y[i], i, v, want)
					}
				}
			}
		}
	}
}
