package kernel_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/kernel"
)

// exactDot returns Σ a[p]·b[p], and Σ a[p] where b is nil, without a bound.
func exactDot(a []int32, b []int8) *big.Int {
	sum := new(big.Int)
	for p := len(a) - 1; p >= 0; p-- {
		term := big.NewInt(int64(a[p]))
		if b != nil {
			term.Mul(term, big.NewInt(int64(b[p])))
		}
		sum.Add(sum, term)
	}
	return sum
}

func TestDotAndSum(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	fills := map[string]func(p int) (int32, int8){
		"random":  func(int) (int32, int8) { return rng.Int32N(1<<24) - 1<<23, int8(rng.IntN(256) - 128) },
		"largest": func(int) (int32, int8) { return 1<<23 - 1, -128 },
		"whole":   func(int) (int32, int8) { return math.MinInt32, -128 },
		"ramp":    func(p int) (int32, int8) { return int32(p + 1), int8(p%100 + 1) },
	}
	for name, fill := range fills {
		for n := range 71 {
			a, b := make([]int32, n), make([]int8, n+3)
			for p := range b {
				x, y := fill(p)
				b[p] = y
				if p < n {
					a[p] = x
				}
			}
			if got, want := kernel.Dot(a, b), exactDot(a, b); want.Cmp(big.NewInt(got)) != 0 {
				t.Errorf("Dot of %d %s numbers = %d, want %d", n, name, got, want)
			}
			if got, want := kernel.Sum(a), exactDot(a, nil); want.Cmp(big.NewInt(got)) != 0 {
				t.Errorf("Sum of %d %s numbers = %d, want %d", n, name, got, want)
			}
		}
	}
}

// TestDotOfOneNumber puts the only non-zero number at each place in turn.
func TestDotOfOneNumber(t *testing.T) {
	const n = 13
	for place := range n {
		a, b := make([]int32, n), slices.Repeat([]int8{-7}, n)
		a[place] = 5
		if got := kernel.Dot(a, b); got != -35 {
			t.Errorf("Dot with 5 at %d against −7 everywhere = %d, want −35", place, got)
		}
		if got := kernel.Sum(a); got != 5 {
			t.Errorf("Sum with 5 at %d = %d, want 5", place, got)
		}
	}
}

// TestDotPassesInt32 has sums beyond 32 and 53 bits.
func TestDotPassesInt32(t *testing.T) {
	const n = 1 << 17
	a, b := slices.Repeat([]int32{math.MinInt32}, n), slices.Repeat([]int8{-128}, n)
	if got := kernel.Dot(a, b); got != 1<<(31+7+17) {
		t.Errorf("Dot = %d, want 2^55", got)
	}
	if got := kernel.Sum(a); got != -1<<(31+17) {
		t.Errorf("Sum = %d, want −2^48", got)
	}
}

func TestDotFloat(t *testing.T) {
	const huge, tiny = math.MaxFloat32, math.SmallestNonzeroFloat32
	for _, c := range []struct {
		a, b []float32
		want float64
	}{
		{nil, nil, 0},
		{nil, []float32{3}, 0},
		{[]float32{2}, []float32{-3, 9}, -6},
		{[]float32{1, 2, 3}, []float32{4, 5, 6}, 32},
		{[]float32{huge, huge}, []float32{huge, huge}, 2 * huge * huge},
		{[]float32{tiny}, []float32{tiny}, 0x1p-298},
		{[]float32{1, 0x1p60, -0x1p60}, []float32{1, 1, 1}, 0},  // in order, the 1 is lost
		{[]float32{0x1p60, -0x1p60, 1}, []float32{1, 1, 1}, 1},  // and here it is not
		{[]float32{1, 0x1p-53, 0x1p-53}, []float32{1, 1, 1}, 1}, // each tie goes to even
		{[]float32{0x1p-53, 0x1p-53, 1}, []float32{1, 1, 1}, 1 + 0x1p-52},
	} {
		if got := kernel.DotFloat(c.a, c.b); got != c.want {
			t.Errorf("DotFloat(%v, %v) = %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

// TestDotFloatRandom holds products and sums of 53 bits against math/big.
func TestDotFloatRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for n := range 40 {
		a, b := make([]float32, n), make([]float32, n)
		want := new(big.Float).SetPrec(53)
		for p := range n {
			a[p] = float32(rng.NormFloat64() * math.Pow(10, 40*rng.Float64()-20))
			b[p] = float32(rng.NormFloat64())
			product := new(big.Float).SetPrec(53).Mul(big.NewFloat(float64(a[p])), big.NewFloat(float64(b[p])))
			want.Add(want, product)
		}
		if got := kernel.DotFloat(a, b); want.Cmp(big.NewFloat(got)) != 0 {
			t.Errorf("DotFloat(%v, %v) = %v, want %v", a, b, got, want)
		}
	}
}
