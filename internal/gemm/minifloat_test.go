package gemm_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/gemm"
	"euryale/internal/isa"
	"euryale/internal/minifloat"
	"euryale/internal/pack"
)

// minifloatMatrix is a weight of floats of 8 bits as files hold it.
type minifloatMatrix struct {
	k, n   int
	codes  []uint8 // [n][k]
	scales []float32
	format *minifloat.Format
}

// reference returns exact chains by the elements times their scales.
func (w minifloatMatrix) reference(x []float32, m int, out gemm.Output) []float32 {
	wide := make([]float32, len(w.codes))
	for i, c := range w.codes {
		wide[i] = w.format.Values[c] * w.scales[i/w.k]
	}
	return chains(x, m, wide, w.k, w.n, out)
}

// TestProductMinifloats compares products by floats of 8 bits on every tier with the reference, bit for bit,
// under scales of all sizes and both signs.
func TestProductMinifloats(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 5))
	for name, format := range map[string]*minifloat.Format{"E4M3FN": minifloat.E4M3FN(), "E5M2": minifloat.E5M2()} {
		for _, m := range []int{1, 2, 65} {
			for _, k := range []int{1, 2, 5, 33} {
				for at, n := range []int{1, 16, 19} {
					w := minifloatMatrix{k: k, n: n, format: format, codes: make([]uint8, n*k), scales: make([]float32, n)}
					for i := range w.codes {
						w.codes[i] = uint8(rng.IntN(int(format.Last)+1)) | uint8(rng.IntN(2))<<7
					}
					for j := range w.scales {
						w.scales[j] = float32(math.Ldexp(rng.Float64()-2, rng.IntN(40)-30)) * float32(1-2*rng.IntN(2))
					}
					x := activations(rng, m, k)
					out := gemm.Output{ReLU: outputs[at].relu}
					if outputs[at].bias {
						out.Bias = activations(rng, 1, n)
					}
					want := w.reference(x, m, out)
					packed := pack.MinifloatsFrom(w.codes, format, w.scales, pack.ColumnMajor(k), pack.Serial)
					eachTier(func(tier isa.Tier) {
						got := slices.Repeat([]float32{7}, m*n+3)
						if err := multiplyFloat16(got, x, m, packed, out); err != nil {
							t.Fatal(err)
						}
						compare(t, fmt.Sprintf("%v, %s, m %d, k %d, n %d", tier, name, m, k, n), got, want, n)
					})
				}
			}
		}
	}
}
