package calib

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// observedPlainly is the Histogram of values, by two plain loops over all of them.
func observedPlainly(values []float32) *Histogram {
	h := new(Histogram)
	lo, hi := float32(math.MaxFloat32), float32(-math.MaxFloat32)
	for _, x := range values {
		if x-x != 0 {
			h.nonFinite++
			continue
		}
		h.count++
		lo, hi = min(lo, x), max(hi, x)
	}
	if h.count == 0 {
		return h
	}
	h.span(lo, hi)
	for _, x := range values {
		if x-x == 0 {
			h.bins[int(math.Floor(math.Ldexp(float64(x), -h.exponent)))&(len(h.bins)-1)]++
		}
	}
	return h
}

// streams are functions that return values of any number.
func streams() map[string]func(rng *rand.Rand, i int) float32 {
	minusZero := float32(math.Copysign(0, -1))
	return map[string]func(rng *rand.Rand, i int) float32{
		"gaussian":   func(rng *rand.Rand, _ int) float32 { return float32(rng.NormFloat64()) },
		"relu":       func(rng *rand.Rand, _ int) float32 { return max(float32(rng.NormFloat64()), 0) },
		"zeros":      func(rng *rand.Rand, _ int) float32 { return []float32{0, minusZero}[rng.IntN(2)] },
		"constant":   func(*rand.Rand, int) float32 { return -0.3 },
		"growing":    func(_ *rand.Rand, i int) float32 { return float32(i) * float32(1-2*(i&1)) },
		"shrinking":  func(_ *rand.Rand, i int) float32 { return 1 / float32(i+1) },
		"doubling":   func(_ *rand.Rand, i int) float32 { return float32(math.Ldexp(1, i/50%276-149)) },
		"patterns":   func(rng *rand.Rand, _ int) float32 { return math.Float32frombits(rng.Uint32()) },
		"subnormals": func(rng *rand.Rand, _ int) float32 { return math.Float32frombits(rng.Uint32() &^ (0xff << 23)) },
		"huge":       func(rng *rand.Rand, _ int) float32 { return huge * (1 - 2*rng.Float32()) },
		"huge and −0": func(rng *rand.Rand, _ int) float32 {
			return []float32{huge, -huge, minusZero, tiny, -tiny}[rng.IntN(5)]
		},
		"few finite": func(rng *rand.Rand, _ int) float32 {
			return []float32{nan, inf, -inf, float32(rng.NormFloat64())}[rng.IntN(4)]
		},
		"last NaN": func(_ *rand.Rand, i int) float32 { return []float32{float32(i), nan}[(i+1)%atOnce/(atOnce-1)] },
		"masked": func(_ *rand.Rand, i int) float32 {
			if i/atOnce%2 == 0 {
				return -inf
			}
			return float32(i)
		},
	}
}

func TestHistogramObserveEqualsPlainLoops(t *testing.T) {
	lengths := []int{atOnce - 1, atOnce, atOnce + 1, atOnce + 17, 2 * atOnce, 4*atOnce + 31, 1 << 15}
	for n := range 100 {
		lengths = append(lengths, n)
	}
	for name, next := range streams() {
		t.Run(name, func(t *testing.T) {
			for _, n := range lengths {
				rng := rand.New(rand.NewPCG(uint64(n), 8))
				values := make([]float32, n)
				for i := range values {
					values[i] = next(rng, i)
				}
				given := slices.Clone(values)
				if got, want := histogramOf(values), observedPlainly(values); !reflect.DeepEqual(got, want) {
					t.Fatalf("%d values: got %s, want %s", n, brief(got), brief(want))
				}
				for i, x := range values {
					if math.Float32bits(x) != math.Float32bits(given[i]) {
						t.Fatalf("%d values: Observe made %v of %v at %d", n, x, given[i], i)
					}
				}
			}
		})
	}
}

// brief returns h without its empty bins.
func brief(h *Histogram) string {
	s := fmt.Sprintf("%d values and %d more in [%v, %v], exponent %d, bins", h.count, h.nonFinite, h.min, h.max, h.exponent)
	for bin, n := range h.bins {
		if n > 0 && len(s) < 2000 {
			s += fmt.Sprintf(" %d: %d", bin, n)
		}
	}
	return s
}

// TestBounds compares with plain loops over values of any kind, of which few may be finite.
func TestBounds(t *testing.T) {
	for name, next := range streams() {
		for _, n := range []int{0, 1, 5, 16, 100, atOnce, 2*atOnce + 3} {
			rng := rand.New(rand.NewPCG(uint64(n), 9))
			values := make([]float32, n)
			for i := range values {
				values[i] = next(rng, i)
			}
			want := observedPlainly(values)
			lo, hi, finite := bounds(values)
			if uint64(finite) != want.count || finite > 0 && (lo != want.min || hi != want.max) {
				t.Errorf("%s, %d values: got %d in [%v, %v], want %d in [%v, %v]", name, n, finite, lo, hi, want.count, want.min, want.max)
			}
			if finite > 0 && (math.Signbit(float64(lo)) != (want.min < 0) || math.Signbit(float64(hi)) != (want.max < 0)) {
				t.Errorf("%s, %d values: got −0 in [%v, %v]", name, n, lo, hi)
			}
		}
	}
}

// TestHistogramRangeGrowsInPlace has a range that grows while the exponent and the number of places stay.
func TestHistogramRangeGrowsInPlace(t *testing.T) {
	values := []float32{-1, 1.5}
	h, all := histogramOf(values), slices.Clone(values)
	grow := func() {
		values[0] -= 0x1p-6
		values[1] += 0x1p-5
		h.Observe(values)
		all = append(all, values...)
	}
	all = slices.Grow(all, 100)
	if got := testing.AllocsPerRun(5, grow); got != 0 {
		t.Errorf("got %v allocations, want none for bins that have places", got)
	}
	if want := observedPlainly(all); !reflect.DeepEqual(h, want) {
		t.Errorf("got %s, want %s", brief(h), brief(want))
	}
}

func TestObserveOfNonFiniteAllocatesNothing(t *testing.T) {
	values := append(gaussians(3, 3*atOnce, 1), nan)
	h, m := histogramOf(values), new(MovingAverage)
	if got := testing.AllocsPerRun(20, func() { h.Observe(values); m.Observe(values) }); got >= 1 {
		t.Errorf("got %v allocations, want none", got)
	}
}
