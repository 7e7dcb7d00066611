package kernel_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"euryale/internal/kernel"
)

// rounded returns the float32 nearest to x, ties to even; a quotient too.
func rounded(x *big.Rat) float32 {
	f, _ := x.Float32()
	return f
}

func rat(x float32) *big.Rat { return new(big.Rat).SetFloat64(float64(x)) }

func TestStep(t *testing.T) {
	const huge = math.MaxFloat32
	rng := rand.New(rand.NewPCG(7, 8))
	ranges := [][2]float32{{0, 0}, {0, 1}, {-1, 1}, {-3, -1}, {2, 2}, {0, 1e-45}, {-1e-45, 1e-45}, {-1e-38, 1e-38}, {0, huge}, {-huge, 0}, {-2e38, 1e38}, {1, 16777217}}
	for range 500 {
		lo := float32(rng.NormFloat64() * math.Pow(10, 60*rng.Float64()-30))
		ranges = append(ranges, [2]float32{lo, lo + float32(math.Abs(rng.NormFloat64()))})
	}
	for _, r := range ranges {
		for _, steps := range []int32{1, 3, 15, 127, 255} {
			// Two roundings, to float32 each.
			span := rat(rounded(new(big.Rat).Sub(rat(r[1]), rat(r[0]))))
			want := rounded(span.Quo(span, new(big.Rat).SetInt64(int64(steps))))
			if got := kernel.Step(r[0], r[1], steps); got != want {
				t.Errorf("Step(%v, %v, %d) = %v, want %v", r[0], r[1], steps, got, want)
			}
		}
	}
}

// TestStepPastFloat32 has ranges whose width is no float32: the step goes through float64.
func TestStepPastFloat32(t *testing.T) {
	const huge = math.MaxFloat32
	for _, r := range [][2]float32{{-huge, huge}, {-huge, 1e38}, {-3e38, 3e38}} {
		for _, steps := range []int32{2, 15, 127, 255} {
			width := new(big.Rat).Sub(rat(r[1]), rat(r[0]))
			want := rounded(width.Quo(width, new(big.Rat).SetInt64(int64(steps))))
			if got := kernel.Step(r[0], r[1], steps); got != want {
				t.Errorf("Step(%v, %v, %d) = %v, want %v", r[0], r[1], steps, got, want)
			}
		}
	}
}

func TestZeroPoint(t *testing.T) {
	for _, c := range []struct {
		lo, scale float32
		high      int32
		want      int32
	}{
		{0, 1, 255, 0},
		{-1, 1, 255, 1},
		{-0.5, 1, 255, 0}, // ties go to even
		{-1.5, 1, 255, 2},
		{-2.5, 1, 255, 2},
		{-2.5000002, 1, 255, 3},
		{-127.4, 0.5, 255, 255},
		{-127, 0.5, 255, 254},
		{-8, 1, 15, 8},
		{-16, 1, 15, 15}, // saturated
		{-math.MaxFloat32, kernel.MinScale, 255, 255},
		{-0.05, 0.02, 255, 2}, // the quotient in float32 is the tie 2.5, the exact one just above
		{-0.21, 0.06, 255, 4}, // 3.5, and just under
	} {
		if got := kernel.ZeroPoint(c.lo, c.scale, c.high); got != c.want {
			t.Errorf("ZeroPoint(%v, %v, %d) = %d, want %d", c.lo, c.scale, c.high, got, c.want)
		}
	}
}

func TestAffineOf(t *testing.T) {
	const huge, tiny = math.MaxFloat32, math.SmallestNonzeroFloat32
	type affine = kernel.Affine
	for _, c := range []struct {
		lo, hi float32
		want   affine
	}{
		{0, 255, affine{Scale: 1}},
		{-255, 0, affine{Scale: 1, Zero: 255}},
		{-128, 127, affine{Scale: 1, Zero: 128}},
		{-0.5, 254.5, affine{Scale: 1, Zero: 0}}, // a tie
		{-1.5, 253.5, affine{Scale: 1, Zero: 2}},
		{51, 255, affine{Scale: 1}}, // widened to 0
		{-255, -51, affine{Scale: 1, Zero: 255}},
		{0, 0, affine{Scale: 1}},
		{0, tiny, affine{Scale: 1}}, // a step that rounds to 0
		{0, 200 * tiny, affine{Scale: kernel.MinScale}},
		{-200 * tiny, 0, affine{Scale: kernel.MinScale}},
		{-255 * kernel.MinScale, 0, affine{Scale: kernel.MinScale, Zero: 255}},
		{-huge, huge, affine{Scale: float32(2 * float64(huge) / 255), Zero: 128}},
		{0, huge, affine{Scale: float32(float64(huge) / 255)}},
	} {
		c.want.High = 255
		if got := kernel.AffineOf(c.lo, c.hi, 255); got != c.want {
			t.Errorf("AffineOf(%v, %v, 255) = %+v, want %+v", c.lo, c.hi, got, c.want)
		}
	}
	if got, want := kernel.AffineOf(-8, 7, 15), (affine{Scale: 1, Zero: 8, High: 15}); got != want {
		t.Errorf("AffineOf(−8, 7, 15) = %+v, want %+v", got, want)
	}
}
