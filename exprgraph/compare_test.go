package exprgraph

import (
	"math"
	"testing"

	"euryale/internal/noise"
)

// TestEqual plants wrong values among right ones, at every index of outputs of several sizes: NaN and
// infinities in one of the two, other infinities, a value that is off by a fraction of the largest.
func TestEqual(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	count := 0
	check := func(what string, gorgonias, got []float32, want bool) {
		t.Helper()
		count++
		if db, ok := equal(gorgonias, got); ok != want || math.IsNaN(db) {
			t.Errorf("%s: %v against %v: got %v at %v dB, want %v", what, got, gorgonias, ok, db, want)
		}
	}
	for _, n := range []int{1, 2, 3, 100} {
		for _, scale := range []float32{1, 1e-3, 1e-20, 1e20, 1e38} {
			right := func() []float32 {
				x := make([]float32, n)
				for i := range x {
					x[i] = scale * (float32(i+1) / float32(n))
				}
				return x
			}
			for at := range n {
				for _, c := range []struct {
					name           string
					gorgonias, got float32
					want           bool
				}{
					{"the same", 0.5 * scale, 0.5 * scale, true},
					{"off by 1e-7 of the largest", 0.5 * scale, 0.5*scale + 1e-7*scale, true},
					{"off by 1e-5 of the largest", 0.5 * scale, 0.5*scale + 1e-5*scale, false},
					{"off by 1e-4 of the largest", 0.5 * scale, 0.5*scale + 1e-4*scale, false},
					{"off by 1e-3 of the largest", 0.5 * scale, 0.499 * scale, false},
					{"of another sign", scale, -scale, false},
					{"zero", scale, 0, false},
					{"NaN in both", nan, nan, true},
					{"∞ in both", inf, inf, true},
					{"−∞ in both", -inf, -inf, true},
					{"NaN", scale, nan, false},
					{"∞", scale, inf, false},
					{"−∞", scale, -inf, false},
					{"no NaN", nan, scale, false},
					{"no ∞", inf, scale, false},
					{"other ∞", inf, -inf, false},
					{"NaN for ∞", inf, nan, false},
					{"∞ for NaN", nan, inf, false},
				} {
					gorgonias, got := right(), right()
					gorgonias[at], got[at] = c.gorgonias, c.got
					check(c.name, gorgonias, got, c.want || n == 100 && c.name == "off by 1e-5 of the largest") // 115 dB
				}
			}
		}
	}
	for _, c := range []struct {
		name           string
		gorgonias, got []float32
		want           bool
	}{
		{"nothing", nil, nil, true},
		{"too few", []float32{1, 2}, []float32{1}, false},
		{"too many", []float32{1}, []float32{1, 1}, false},
		{"zeros", make([]float32, 4), make([]float32, 4), true},
		{"negative zeros", []float32{0, 0}, []float32{0, float32(math.Copysign(0, -1))}, true},
		{"zeros but for 1e-30", make([]float32, 4), []float32{0, 1e-30, 0, 0}, true},
		{"1e-30 among zeros", []float32{0, 1e-30, 0, 0}, make([]float32, 4), true},
		{"1e-30 among zeros, twice", []float32{0, 1e-30, 0, 0}, []float32{0, 1e-30, 0, 0}, true},
		{"1e-20 among zeros", make([]float32, 4), []float32{0, 1e-20, 0, 0}, false},
		{"small beside large", []float32{1e6, 1e-3}, []float32{1e6, 0}, true},
		{"off by 2e-6 among many, 144 dB", steady(0), steady(2e-6), true},
		{"off by 1e-3 among many, 90 dB", steady(0), steady(1e-3), false},
		{"NaN everywhere", []float32{nan, nan}, []float32{nan, nan}, true},
		{"NaN everywhere in one", []float32{1, 2}, []float32{nan, nan}, false},
	} {
		check(c.name, c.gorgonias, c.got, c.want)
	}
	t.Logf("%d cases", count)
}

// steady returns a thousand ones, the first of them off by an amount.
func steady(off float32) []float32 {
	x := make([]float32, 1000)
	for i := range x {
		x[i] = 1
	}
	x[0] += off
	return x
}

// TestNoise: what does not compare never looks good.
func TestNoise(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		float, others []float32
		want          float64
	}{
		{[]float32{1, 2}, []float32{1, 2}, math.Inf(1)},
		{[]float32{1, 0}, []float32{0.9, 0}, 20},
		{[]float32{1, nan}, []float32{0.9, nan}, 20},
		{[]float32{1, inf}, []float32{0.9, inf}, 20},
		{[]float32{1, 2}, []float32{1, nan}, math.Inf(-1)},
		{[]float32{1, nan}, []float32{1, 2}, math.Inf(-1)},
		{[]float32{1, inf}, []float32{1, -inf}, math.Inf(-1)},
		{[]float32{0, 0}, []float32{0, 1}, math.Inf(-1)},
	} {
		var n noise.Noise
		n.Add(c.float, c.others)
		if got := n.SQNR(); got != c.want && !(math.Abs(got-c.want) < 0.01) {
			t.Errorf("%v against %v: got %v dB, want %v", c.others, c.float, got, c.want)
		}
	}
}
