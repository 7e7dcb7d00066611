package gemm_test

import (
	"fmt"
	"math"
	"math/big"
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

// reference returns x·w with products and sums in math/big, rounded to 53 bits after each sum and after the
// product with the scale.
func (w minifloatMatrix) reference(x []float32, m int, out gemm.Output) []float32 {
	y := make([]float32, m*w.n)
	for i := range m {
		for j := range w.n {
			sum := new(big.Float).SetPrec(53)
			for p := range w.k {
				product := big.NewFloat(float64(x[i*w.k+p]))
				product.SetPrec(100).Mul(product, big.NewFloat(float64(w.format.Values[w.codes[j*w.k+p]])))
				sum.Add(sum, product)
			}
			v, _ := sum.Mul(sum, big.NewFloat(float64(w.scales[j]))).Float32()
			y[i*w.n+j] = output(v, j, out)
		}
	}
	return y
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
