package gemm_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/gemm"
	"euryale/internal/half"
	"euryale/internal/isa"
	"euryale/internal/pack"
)

// halfMatrix is a weight of 16-bit floats as files hold it.
type halfMatrix struct {
	K, N   int
	Codes  []uint16 // [n][k]
	Format half.Format
}

func (w halfMatrix) pack() *pack.Half { return pack.NewHalf(w.K, w.N, w.Codes, w.Format) }

func halfWeight(k, n int, codes []uint16) halfMatrix {
	return halfMatrix{k, n, codes, half.BFloat16()}
}

// checkHalf compares ProductHalf on every tier with the reference, bit for bit.
func checkHalf(t *testing.T, name string, x []float32, m int, w halfMatrix, out gemm.Output) {
	t.Helper()
	want := halfReference(x, m, w, out)
	eachTier(func(tier isa.Tier) {
		got := slices.Repeat([]float32{7}, m*w.N+3)
		if err := multiplyFloat16(got, x, m, w.pack(), out); err != nil {
			t.Fatal(err)
		}
		compare(t, fmt.Sprintf("%v, %s", tier, name), got, want, w.N)
	})
}

// halfReference returns exact chains by the widened weights.
func halfReference(x []float32, m int, w halfMatrix, out gemm.Output) []float32 {
	wide := make([]float32, len(w.Codes))
	for i, c := range w.Codes {
		wide[i] = w.Format.Decode(c)
	}
	return chains(x, m, wide, w.K, w.N, out)
}

func TestProductHalf(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for name, format := range map[string]half.Format{"float16": half.Float16(), "bfloat16": half.BFloat16()} {
		for _, m := range []int{1, 2, 65} {
			for _, k := range []int{1, 2, 5, 33} {
				for at, n := range []int{1, 16, 19} {
					w := halfMatrix{K: k, N: n, Format: format}
					for range n * k {
						w.Codes = append(w.Codes, format.Encode(float32(rng.NormFloat64()*math.Exp(rng.NormFloat64()))))
					}
					x := activations(rng, m, k)
					given := slices.Clone(x)
					out := gemm.Output{ReLU: outputs[at].relu}
					if outputs[at].bias {
						out.Bias = activations(rng, 1, n)
					}
					checkHalf(t, fmt.Sprintf("%s, m %d, k %d, n %d", name, m, k, n), x, m, w, out)
					if difference(x, given) >= 0 {
						t.Fatalf("k %d: ProductHalf changed its input", k)
					}
				}
			}
		}
	}
}

// TestProductHalfByHand has a sum whose order shows: the bias is its first.
func TestProductHalfByHand(t *testing.T) {
	encode := half.BFloat16().Encode
	w := halfWeight(3, 2, []uint16{encode(1), encode(0x1p60), encode(-0x1p61), encode(-2), encode(0.5), encode(3)})
	for _, c := range []struct {
		out  gemm.Output
		want []float32
	}{
		{gemm.Output{}, []float32{0, -2 + 1 + 3}},
		{gemm.Output{Bias: []float32{1, -5}}, []float32{0, -3}},
		{gemm.Output{Bias: []float32{1, -5}, ReLU: true}, []float32{0, 0}},
	} {
		got := make([]float32, 2)
		if err := multiplyFloat16(got, []float32{1, 2, 1}, 1, w.pack(), c.out); err != nil ||
			difference(got, c.want) >= 0 {
			t.Errorf("%+v: %v, %v, want %v", c.out, got, err, c.want)
		}
	}
}
