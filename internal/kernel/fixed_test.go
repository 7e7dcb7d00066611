package kernel_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"euryale/internal/kernel"
)

// TestFixedOf looks at both ends of every binade: largest·2^e is in [2^(bits−2), 2^(bits−1)).
func TestFixedOf(t *testing.T) {
	for _, bits := range []int{2, 8, 16, 24} {
		if e := kernel.FixedOf(0, bits); e != 0 {
			t.Errorf("FixedOf(0, %d) = %d, want 0", bits, e)
		}
		low, high := math.Ldexp(1, bits-2), math.Ldexp(1, bits-1)
		for exponent := -149; exponent <= 127; exponent++ {
			first := float32(math.Ldexp(1, exponent))
			last := math.Nextafter32(float32(math.Ldexp(2, exponent)), 0)
			if exponent == 127 {
				last = math.MaxFloat32
			}
			for _, x := range []float32{first, last} {
				e := kernel.FixedOf(x, bits)
				if scaled := math.Ldexp(float64(x), e); scaled < low || scaled >= high {
					t.Errorf("FixedOf(%b, %d) = %d: %v·2^%d = %v, want it in [%v, %v)", x, bits, e, x, e, scaled, low, high)
				}
			}
		}
	}
}

func TestQuantizeFixed(t *testing.T) {
	const below1 = 1 - 0x1p-24 // the largest float32 under 1
	for _, c := range []struct {
		x       float32
		e, bits int
		want    int32
	}{
		{0, 0, 24, 0},
		{float32(math.Copysign(0, -1)), 9, 16, 0},
		{1, 22, 24, 1 << 22},
		{-1, 22, 24, -1 << 22},
		{1, 14, 16, 1 << 14},
		{0.5, 0, 16, 0}, // ties go to even
		{1.5, 0, 16, 2},
		{2.5, 0, 16, 2},
		{-0.5, 0, 16, 0},
		{-1.5, 0, 16, -2},
		{-2.5, 0, 16, -2},
		{2.5000002, 0, 16, 3},
		{2.4999998, 0, 16, 2},
		{below1, 23, 24, 1<<23 - 1}, // 2^23 − 1/2: a tie that would go up to 2^23
		{-below1, 23, 24, -(1<<23 - 1)},
		{below1, 15, 16, 1<<15 - 1},
		{-below1, 15, 16, -(1<<15 - 1)},
		{3, 30, 16, 1<<15 - 1},
		{math.MaxFloat32, 0, 16, 1<<15 - 1},
		{-math.MaxFloat32, 0, 24, -(1<<23 - 1)},
		{math.SmallestNonzeroFloat32, 171, 24, 1 << 22},
		{-math.SmallestNonzeroFloat32, 163, 16, -1 << 14},
		{math.MaxFloat32, -105, 24, 1<<23 - 1},
		{0x1p127, -105, 24, 1 << 22},
	} {
		dst := []int32{77}
		kernel.Current().QuantizeFixed(dst, []float32{c.x}, c.e, c.bits)
		if dst[0] != c.want {
			t.Errorf("QuantizeFixed(%v, e %d, %d bits) = %d, want %d", c.x, c.e, c.bits, dst[0], c.want)
		}
	}
}

// TestQuantizeFixedRandom rounds the exact product by hand, and looks at the error.
func TestQuantizeFixedRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		bits := []int{16, 24}[rng.IntN(2)]
		src := make([]float32, 1+rng.IntN(6))
		var largest float32
		for i := range src {
			src[i] = float32(rng.NormFloat64() * math.Pow(10, 76*rng.Float64()-44))
			largest = max(largest, src[i], -src[i])
		}
		e := kernel.FixedOf(largest, bits)
		dst := make([]int32, len(src))
		kernel.Current().QuantizeFixed(dst, src, e, bits)
		for i, x := range src {
			exact := new(big.Float).SetMantExp(big.NewFloat(float64(x)), e)
			off := new(big.Float).Sub(exact, new(big.Float).SetInt64(int64(dst[i])))
			distance, _ := off.Abs(off).Float64()
			saturated := dst[i] == 1<<(bits-1)-1 || dst[i] == -(1<<(bits-1)-1)
			if distance > 0.5 && !(saturated && distance < 1) || distance == 0.5 && dst[i]%2 != 0 && !saturated {
				t.Errorf("QuantizeFixed(%v, e %d, %d bits) = %d, %v away from %v", x, e, bits, dst[i], distance, exact)
			}
		}
	}
}
