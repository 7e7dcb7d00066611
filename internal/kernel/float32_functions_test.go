package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"euryale/internal/isa"
)

// functionsOfFloat are the real functions, and the kernels that a set has for them.
var functionsOfFloat = map[string]struct {
	real   func(x float64) float64
	kernel func(k *Set) Each
}{
	"exp":      {math.Exp, func(k *Set) Each { return k.Exp }},
	"sigmoid":  {func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, func(k *Set) Each { return k.Sigmoid }},
	"tanh":     {math.Tanh, func(k *Set) Each { return k.Tanh }},
	"log":      {math.Log, func(k *Set) Each { return k.Log }},
	"softplus": {func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }, func(k *Set) Each { return k.Softplus }},
}

// unitsOff returns how many units in the last place a float32 is from a real value, 0 for what is as infinite
// or as little a number.
func unitsOff(y float32, want float64) float64 {
	nearest := float32(want)
	if math.Float32bits(y) == math.Float32bits(nearest) || y != y && want != want {
		return 0
	}
	_, power := math.Frexp(want)
	if units := math.Abs(float64(y)-want) / math.Ldexp(1, max(power-24, -149)); units == units {
		return units
	}
	return math.Inf(1)
}

// TestFunctionsOfFloat draws numbers of every exponent, and what is next to where the functions change.
func TestFunctionsOfFloat(t *testing.T) {
	m := rand.New(rand.NewPCG(5, 6))
	var x []float32
	for top := range uint32(1 << 9) { // sign and exponent
		for range effort(4000) {
			x = append(x, math.Float32frombits(top<<23|m.Uint32()>>9))
		}
	}
	for _, v := range []float64{0, 1, 0.625, math.Ln2 / 2, math.Sqrt2, math.Sqrt2 / 2, 88.72284, 87.33655, 103.972084, 16.635532, 9.01, math.Inf(1)} {
		for step := range 65 {
			bits := math.Float32bits(float32(v)) - 32 + uint32(step)
			x = append(x, math.Float32frombits(bits), math.Float32frombits(bits|1<<31))
		}
	}
	for name, f := range functionsOfFloat {
		y, specification := make([]float32, len(x)), make([]float32, len(x))
		f.kernel(&generic)(specification, x)
		worst, at := 0.0, 0
		for i, v := range x {
			if off := unitsOff(specification[i], f.real(float64(v))); off > worst {
				worst, at = off, i
			}
		}
		t.Logf("%s: %.3f units off at most", name, worst)
		if worst > 2 {
			t.Errorf("%s of %v is %v, %.2f units off, want 2 at most", name, x[at], specification[at], worst)
		}
		for _, tier := range isa.All() {
			if !isa.Supported(tier) {
				continue
			}
			f.kernel(Of(tier))(y, x)
			if at := difference(y, specification); at >= 0 {
				t.Errorf("%v: %s of %v is %v, want %v", tier, name, x[at], y[at], specification[at])
			}
		}
	}
}
