package calib

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// estimators are all that take a range from a histogram.
func estimators() []RangeEstimator {
	return []RangeEstimator{
		MinMax(), Percentile(99.9), Percentile(50), Percentile(1e-12), Percentile(100), MSE(), Entropy(), HistogramL2(),
	}
}

// schemes have every method, and every way of sharing scales.
func schemes() []qtensor.Scheme {
	return []qtensor.Scheme{
		qtensor.Affine(8), qtensor.UInt4(), qtensor.Affine(2).PerAxis(1), qtensor.Symmetric(8), qtensor.Int4().PerGroup(0, 32),
		qtensor.Symmetric(2).PerGroup(0, 32).WithScales(qtensor.ScaleFloat16), qtensor.PowerOfTwo(8), qtensor.PowerOfTwo(2),
		qtensor.Uniform(8), qtensor.Uniform(2), qtensor.BFloat16(),
	}
}

// estimate returns the range of an estimator that is not to fail.
func estimate(t *testing.T, e RangeEstimator, h *Histogram, s qtensor.Scheme) (lo, hi float32) {
	t.Helper()
	lo, hi, err := e.Range(h, s)
	if err != nil {
		t.Fatalf("%v of %v: %v", e, s, err)
	}
	return lo, hi
}

// TestRangesOfEdgeData has every estimator make a range within the observed one, of every kind of data and
// scheme; the histogram stays as it is, and halves that were read from JSON and merged give the same.
func TestRangesOfEdgeData(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	cases := 0
	for _, name := range slices.Sorted(maps.Keys(samples)) {
		values := samples[name]
		h, before := histogramOf(values), histogramOf(values)
		merged := readBack(t, histogramOf(values[len(values)/2:]))
		merged.Merge(readBack(t, histogramOf(values[:len(values)/2])))
		for _, e := range estimators() {
			for _, s := range schemes() {
				cases++
				what := fmt.Sprintf("%s, %v of %v", name, e, s)
				lo, hi, err := e.Range(h, s)
				if h.Count() == 0 {
					if !errors.Is(err, ErrEmpty) {
						t.Errorf("%s: got error %v, want ErrEmpty", what, err)
					}
					continue
				}
				if err != nil || !(h.Min() <= lo && lo <= hi && hi <= h.Max()) {
					t.Errorf("%s: got [%v, %v], %v, want it within [%v, %v]", what, lo, hi, err, h.Min(), h.Max())
				}
				if s.IsFloat() && (lo != h.Min() || hi != h.Max()) {
					t.Errorf("%s: got [%v, %v], want all, since no range is used", what, lo, hi)
				}
				if l, h := estimate(t, e, merged, s); l != lo || h != hi {
					t.Errorf("%s, merged: got [%v, %v], want [%v, %v]", what, l, h, lo, hi)
				}
			}
		}
		if !reflect.DeepEqual(h, before) {
			t.Errorf("%s: got another histogram behind the estimators", name)
		}
	}
	t.Logf("%d ranges", cases)
}

// readBack returns the histogram that what is written as JSON stands for.
func readBack(t *testing.T, h any) *Histogram {
	t.Helper()
	text, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	read := new(Histogram)
	if err := json.Unmarshal(text, read); err != nil {
		t.Fatalf("%s: %v", text[:min(len(text), 200)], err)
	}
	return read
}

// TestOneSide clips data that is never negative above alone, and data that is never positive below alone, but
// for Uniform.
func TestOneSide(t *testing.T) {
	positive := relu(gaussians(21, 20000, 3))
	shiftedUp := shifted(gaussians(22, 20000, 0.1), 5)
	for _, e := range estimators() {
		for _, s := range []qtensor.Scheme{qtensor.Affine(8), qtensor.UInt4(), qtensor.PowerOfTwo(8), qtensor.Symmetric(8), qtensor.Int4()} {
			for name, values := range map[string][]float32{"ReLU": positive, "around 5": shiftedUp} {
				h := histogramOf(values)
				if lo, _ := estimate(t, e, h, s); lo != h.Min() {
					t.Errorf("%s, %v of %v: got %v at the lower end, want %v", name, e, s, lo, h.Min())
				}
				down := histogramOf(negated(values))
				if _, hi := estimate(t, e, down, s); hi != down.Max() {
					t.Errorf("%s negated, %v of %v: got %v at the upper end, want %v", name, e, s, hi, down.Max())
				}
			}
		}
	}
}

func negated(x []float32) []float32 {
	out := slices.Clone(x)
	for i := range out {
		out[i] = -out[i]
	}
	return out
}

// TestRangesScale has values that are a power of two times larger, from tiny to huge ones: the ranges are too.
func TestRangesScale(t *testing.T) {
	cases := 0
	for _, values := range [][]float32{gaussians(23, 5000, 1), relu(gaussians(24, 5000, 1)), append(gaussians(25, 5000, 1), 40, -90)} {
		for _, e := range estimators() {
			for _, s := range []qtensor.Scheme{qtensor.Affine(8), qtensor.Symmetric(8), qtensor.UInt4(), qtensor.Uniform(8), qtensor.PowerOfTwo(4)} {
				lo, hi := estimate(t, e, histogramOf(values), s)
				for _, exponent := range []int{-100, 1, 119} {
					cases++
					times := float32(math.Ldexp(1, exponent))
					scaled := slices.Clone(values)
					for i := range scaled {
						scaled[i] *= times
					}
					if l, h := estimate(t, e, histogramOf(scaled), s); l != lo*times || h != hi*times {
						t.Errorf("%v of %v, times 2^%d: got [%v, %v], want [%v, %v]", e, s, exponent, l, h, lo*times, hi*times)
					}
				}
			}
		}
	}
	t.Logf("%d ranges", cases)
}

// TestRangesEverywhere has ranges of values that are exact on every machine: so are the ranges, whether or not
// its compiler fuses products with sums.
func TestRangesEverywhere(t *testing.T) {
	values := make([]float32, 30_000)
	state := uint32(1)
	for i := range values {
		for range 6 {
			state = state*1664525 + 1013904223 // Numerical Recipes
			values[i] += float32(int(state>>16)-1<<15) / 1024
		}
	}
	values[7] = 231
	h := histogramOf(values)
	for _, c := range []struct {
		e      RangeEstimator
		s      qtensor.Scheme
		lo, hi float32
	}{
		{MSE(), qtensor.Affine(8), -145.5732, 221.76},
		{MSE(), qtensor.UInt4(), -109.39062, 110.78837},
		{MSE(), qtensor.Uniform(3), -89.248535, 94.02364},
		{MSE(), qtensor.Int4(), -106.356834, 106.356834},
		{Entropy(), qtensor.Affine(8), -157.95703, 177.125},
		{Entropy(), qtensor.Symmetric(8), -157.95703, 178.125},
		{Entropy(), qtensor.UInt4(), -146.125, 146.125},
		{HistogramL2(), qtensor.Affine(8), -157.95703, 231},
		{HistogramL2(), qtensor.UInt4(), -141.75, 108.5},
		{HistogramL2(), qtensor.Int4(), -107.5, 107.5},
		{Percentile(99.9), qtensor.Affine(8), -136.5, 141.25},
		{Percentile(99), qtensor.Symmetric(8), -113.625, 113.625},
	} {
		if lo, hi := estimate(t, c.e, h, c.s); lo != c.lo || hi != c.hi {
			t.Errorf("%v of %v: got [%v, %v], want [%v, %v]", c.e, c.s, lo, hi, c.lo, c.hi)
		}
	}
}

// TestRangesCountShares has every value 1000 times: the ranges stay.
func TestRangesCountShares(t *testing.T) {
	for _, values := range [][]float32{gaussians(26, 40000, 1), relu(gaussians(27, 40000, 1))} {
		once, often := histogramOf(values), new(Histogram)
		for range 1000 {
			often.Merge(once)
		}
		for _, e := range []RangeEstimator{MinMax(), Percentile(99.9), MSE(), Entropy()} {
			for _, s := range []qtensor.Scheme{qtensor.Affine(8), qtensor.Int4()} {
				lo, hi := estimate(t, e, once, s)
				if l, h := estimate(t, e, often, s); l != lo || h != hi {
					t.Errorf("%v of %v: got [%v, %v], want [%v, %v] as of each value once", e, s, l, h, lo, hi)
				}
			}
		}
	}
}

// TestRangesOfHostileHistograms has what only a file can hold: counts up to 2^53, in as many bins as there
// are, and ranges as large as float32 has.
func TestRangesOfHostileHistograms(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	full := func(first int64, bins int, count int64) []int64 {
		return append([]int64{first}, slices.Repeat([]int64{count}, bins)...)
	}
	const most = 1 << 53
	alternate := [][]int64{}
	for b := int64(-2048); b < 2046; b += 2 {
		alternate = append(alternate, []int64{b, 1})
	}
	alternate = append(alternate, []int64{2046, most - 2048, 1})
	cases := 0
	for name, j := range map[string]histogramJSON{
		"full":         {Count: most, Min: -2048, Max: 2047.5, Exponent: 0, Bins: [][]int64{full(-2048, 4096, most/4096)}},
		"huge":         {Count: 4096, Min: -huge, Max: huge, Exponent: 117, Bins: [][]int64{full(-2048, 4096, 1)}},
		"one far away": {Count: most, Min: 0, Max: huge, Exponent: 116, Bins: [][]int64{{0, most - 1}, {4095, 1}}},
		"alternate":    {Count: most, Min: -2048, Max: 2047, Exponent: 0, Bins: alternate},
		"subnormal":    {Count: most, Min: -2048 * tiny, Max: 2047 * tiny, Exponent: -149, Bins: [][]int64{{-2048, 1}, {0, most - 2}, {2047, 1}}},
		"one bin":      {Count: most, Min: 1, Max: 1, Exponent: -23, Bins: [][]int64{{1 << 23, most}}},
		"two bins":     {Count: most, Min: 1, Max: 1 + 0x1p-23, Exponent: -23, Bins: [][]int64{{1 << 23, 1, most - 1}}},
		"negative":     {Count: 3, Min: -huge, Max: -1, Exponent: 116, Bins: [][]int64{{-4096, 2}, {-1, 1}}},
	} {
		h := readBack(t, j)
		for _, e := range estimators() {
			for _, s := range []qtensor.Scheme{
				qtensor.Affine(8), qtensor.Symmetric(8), qtensor.Uniform(8), qtensor.UInt4(), qtensor.PowerOfTwo(2), qtensor.Float16(),
			} {
				cases++
				lo, hi := estimate(t, e, h, s)
				if _, err := qtensor.NewParams(s, []float32{lo}, []float32{hi}); err != nil || lo < h.Min() || hi > h.Max() {
					t.Errorf("%s, %v of %v: got [%v, %v], %v, want it within [%v, %v]", name, e, s, lo, hi, err, h.Min(), h.Max())
				}
			}
		}
	}
	t.Logf("%d ranges", cases)
}

// TestRangesPerChannel has channels of different data, each of which gets the range of its own histogram, and
// the whole that of all.
func TestRangesPerChannel(t *testing.T) {
	channels := [][]float32{
		gaussians(31, 3000, 1), relu(gaussians(32, 3000, 10)), negated(relu(gaussians(33, 3000, 1e-6))),
		append(gaussians(34, 2999, 1e-3), 500), slices.Repeat([]float32{7}, 3000), make([]float32, 3000),
	}
	rows := tensor.New(tensor.WithShape(len(channels), 3000), tensor.WithBacking(slices.Concat(channels...)))
	p := new(Profile)
	if err := p.ObserveAxis("x", 0, rows); err != nil {
		t.Fatal(err)
	}
	for _, e := range estimators() {
		for _, s := range []qtensor.Scheme{qtensor.PerChannelAffine(8, 0), qtensor.PerChannelSymmetric(4, 0), qtensor.Affine(8)} {
			got, err := p.Params("x", s, e)
			if err != nil {
				t.Fatalf("%v of %v: %v", e, s, err)
			}
			want := channels
			if _, perAxis := s.Axis(); !perAxis {
				want = [][]float32{slices.Concat(channels...)}
			}
			if len(got.Min) != len(want) {
				t.Fatalf("%v of %v: got %d ranges, want %d", e, s, len(got.Min), len(want))
			}
			for c, values := range want {
				if lo, hi := estimate(t, e, histogramOf(values), s); got.Min[c] != lo || got.Max[c] != hi {
					t.Errorf("%v of %v, channel %d: got [%v, %v], want [%v, %v]", e, s, c, got.Min[c], got.Max[c], lo, hi)
				}
			}
		}
	}
}

// TestProfilesOfHalves merges what two saw of the halves: it is what one sees of all, to the bit, and so are
// the ranges of every estimator.
func TestProfilesOfHalves(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	rng := rand.New(rand.NewPCG(41, 0))
	var whole, first, second Profile
	for batch := range 40 {
		half := &first
		if rng.IntN(2) > 0 {
			half = &second
		}
		for key, values := range map[string][]float32{
			"gaussian": gaussians(uint64(batch), 300, float64(1+batch)), "ReLU": relu(gaussians(uint64(batch)+100, 300, 1)),
		} {
			x := tensor.New(tensor.WithShape(30, 10), tensor.WithBacking(values))
			if err := errors.Join(half.Observe(key, x), whole.Observe(key, x), half.ObserveAxis(key+" by channel", 1, x),
				whole.ObserveAxis(key+" by channel", 1, x)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := second.Merge(&first); err != nil {
		t.Fatal(err)
	}
	if got, want := text(t, &second), text(t, &whole); got != want {
		t.Fatalf("got profile %s, want %s", got, want)
	}
	for _, key := range whole.Keys() {
		for _, e := range estimators() {
			for _, s := range []qtensor.Scheme{qtensor.Affine(8), qtensor.Symmetric(4), qtensor.PerChannelAffine(8, 1)} {
				want, errWant := whole.Params(key, s, e)
				got, err := second.Params(key, s, e)
				if !reflect.DeepEqual(got, want) || (err == nil) != (errWant == nil) {
					t.Errorf("%s, %v of %v: got %v, %v, want %v, %v", key, e, s, got, err, want, errWant)
				}
			}
		}
	}
}
