package calib

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"euryale/internal/tensortest"
)

var nan, inf = float32(math.NaN()), float32(math.Inf(1))

const (
	tiny = math.SmallestNonzeroFloat32
	huge = math.MaxFloat32
)

// samples are the multisets of values that the tests of Histogram run on.
var samples = map[string][]float32{
	"nothing":          nil,
	"only NaN":         {nan, inf, -inf},
	"zero":             {0},
	"both zeros":       {float32(math.Copysign(0, -1)), 0, 0},
	"minus zero":       {float32(math.Copysign(0, -1))},
	"constant":         {0.1, 0.1, 0.1},
	"negative":         {-3, -2, -1.5},
	"tiny":             {tiny, -tiny, 0, 3 * tiny},
	"subnormal":        {1e-40, 2e-41, -3e-39},
	"normal edge":      {0x1p-126, 0x1p-149, -0x1p-126},
	"huge":             {huge, -huge},
	"huge and tiny":    {huge, tiny, -tiny, 1, -1e-20},
	"one":              {1},
	"ulps of one":      {1, 1 + 0x1p-23, 1 - 0x1p-24, 1 + 0x1p-22},
	"bins full":        {0, 4095},
	"bins overfull":    {0, 4096},
	"bins from −1":     {-1, 4094},
	"bins from −1, +1": {-1, 4095},
	"magnitudes":       {1e-30, 1e-20, 1e-10, 1, 1e10, 1e20, 1e30, -1e-30, -1e-15, -1, -1e15},
	"with NaN":         {1, nan, -2, inf, 3, -inf, nan},
	"gaussian":         gaussians(1, 3000, 1),
	"activations":      relu(gaussians(2, 3000, 50)),
	"outlier":          append(gaussians(3, 2000, 1e-3), 1e6),
	"far from zero":    shifted(gaussians(4, 500, 1), 1e6),
	"bit patterns":     patterns(5, 4000),
}

func gaussians(seed uint64, n int, sigma float64) []float32 {
	return tensortest.Gaussian(rand.New(rand.NewPCG(seed, 0)), n, sigma)
}

func relu(x []float32) []float32 {
	for i, v := range x {
		x[i] = max(v, 0)
	}
	return x
}

func shifted(x []float32, by float32) []float32 {
	for i := range x {
		x[i] += by
	}
	return x
}

// patterns returns float32 values of any bits.
func patterns(seed uint64, n int) []float32 {
	rng := rand.New(rand.NewPCG(seed, 0))
	out := make([]float32, n)
	for i := range out {
		out[i] = math.Float32frombits(rng.Uint32())
	}
	return out
}

func histogramOf(values []float32) *Histogram {
	h := new(Histogram)
	h.Observe(values)
	return h
}

// reference is what a Histogram of values must be, found with rational numbers and in the simplest way.
type reference struct {
	count, nonFinite uint64
	min, max         float32
	exponent         int
	bins             map[int64]uint64
}

func referenceOf(values []float32) reference {
	r := reference{bins: make(map[int64]uint64)}
	var finite []float32
	for _, x := range values {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			r.nonFinite++
		} else {
			finite = append(finite, x)
		}
	}
	if len(finite) == 0 {
		return r
	}
	r.count = uint64(len(finite))
	r.min, r.max = slices.Min(finite), slices.Max(finite)
	magnitude := max(math.Abs(float64(r.min)), math.Abs(float64(r.max)))
	gap := math.Abs(float64(math.Nextafter32(float32(magnitude), -1)) - magnitude)
	if magnitude > 0 && gap < magnitude*0x1p-24 { // the gap above, below a power of two
		gap *= 2
	}
	if math.Float32bits(float32(magnitude))&(1<<23-1) == 0 && magnitude > 0x1p-126 {
		gap = magnitude * 0x1p-23
	}
	if magnitude == 0 {
		gap = 0x1p-149
	}
	for r.exponent = int(math.Log2(gap)); floorOf(r.max, r.exponent)-floorOf(r.min, r.exponent) >= 4096; {
		r.exponent++
	}
	for _, x := range finite {
		r.bins[floorOf(x, r.exponent)]++
	}
	return r
}

// floorOf returns ⌊x/2^e⌋.
func floorOf(x float32, e int) int64 {
	q := new(big.Rat).SetFloat64(float64(x))
	width := new(big.Rat).SetFloat64(math.Ldexp(1, e))
	q.Quo(q, width)
	return new(big.Int).Div(q.Num(), q.Denom()).Int64() // Euclidean, and the denominator is positive
}

func TestHistogramAgainstReference(t *testing.T) {
	for name, values := range samples {
		t.Run(name, func(t *testing.T) {
			h, want := histogramOf(values), referenceOf(values)
			if h.Count() != want.count || h.NonFinite() != want.nonFinite {
				t.Errorf("got %d finite and %d other values, want %d and %d", h.Count(), h.NonFinite(), want.count, want.nonFinite)
			}
			if h.Min() != want.min || h.Max() != want.max {
				t.Errorf("got range [%v, %v], want [%v, %v]", h.Min(), h.Max(), want.min, want.max)
			}
			if want.count > 0 && h.exponent != want.exponent {
				t.Errorf("got exponent %d, want %d", h.exponent, want.exponent)
			}
			bins, width := 0, math.Ldexp(1, want.exponent)
			for b := range h.Bins() {
				bin := floorOf(h.Min(), want.exponent) + int64(bins)
				if b.Low != float64(bin)*width || b.High != float64(bin+1)*width {
					t.Fatalf("bin %d: got [%v, %v), want [%v, %v)", bin, b.Low, b.High, float64(bin)*width, float64(bin+1)*width)
				}
				if b.Count != want.bins[bin] {
					t.Fatalf("bin %d: got %d values, want %d", bin, b.Count, want.bins[bin])
				}
				delete(want.bins, bin)
				bins++
			}
			if bins > 4096 || len(want.bins) > 0 {
				t.Errorf("got %d bins, without %v, want at most 4096 that hold all", bins, want.bins)
			}
		})
	}
}

// Constants that the reference could have wrong in the same way.
func TestHistogramExponent(t *testing.T) {
	for _, c := range []struct {
		lo, hi float32
		want   int
	}{
		{0, 0, -149},
		{tiny, tiny, -149},
		{0x1p-126, 0x1p-126, -149},
		{0x1p-125, 0x1p-125, -148},
		{1, 1, -23},
		{1.9999999, 1.9999999, -23},
		{2, 2, -22},
		{-2, -2, -22},
		{0, 4095, 0},
		{0, 4096, 1},
		{-1, 4095, 1},
		{-2048, 2047.5, 0},
		{-2048.5, 2047.5, 1},
		{0, 1, -11}, // 2049 bins of 2^−11; 4097 of 2^−12
		{huge, huge, 104},
		{-huge, huge, 117},
	} {
		if got := exponentFor(c.lo, c.hi); got != c.want {
			t.Errorf("[%v, %v]: got exponent %d, want %d", c.lo, c.hi, got, c.want)
		}
	}
}

func TestHistogramMergeIsIndependentOfOrder(t *testing.T) {
	for name, values := range samples {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(6, 0))
			want := histogramOf(values)
			for trial := range 20 {
				if got := mergedInRandomOrder(rng, values); !reflect.DeepEqual(got, want) {
					t.Fatalf("trial %d: got %+v, want %+v", trial, got, want)
				}
			}
		})
	}
}

// mergedInRandomOrder returns the histogram of values, shuffled, cut into batches, spread over histograms,
// which merge in a random tree.
func mergedInRandomOrder(rng *rand.Rand, values []float32) *Histogram {
	values = slices.Clone(values)
	rng.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
	parts := make([]*Histogram, 1+rng.IntN(5))
	for i := range parts {
		parts[i] = new(Histogram)
	}
	for len(values) > 0 {
		n := 1 + rng.IntN(len(values))
		parts[rng.IntN(len(parts))].Observe(values[:n])
		values = values[n:]
	}
	for len(parts) > 1 {
		i, last := rng.IntN(len(parts)-1), len(parts)-1
		parts[i].Merge(parts[last])
		parts = parts[:last]
	}
	return parts[0]
}

func TestHistogramMergeTakesNothingFromOther(t *testing.T) {
	for name, values := range samples {
		other, want := histogramOf(values), histogramOf(values)
		h := histogramOf([]float32{-1e9, 1e-9})
		h.Merge(other)
		h.Observe([]float32{3, huge})
		if !reflect.DeepEqual(other, want) {
			t.Errorf("%s: got %+v after it was merged, want %+v", name, other, want)
		}
	}
}

func TestHistogramMergeWithItselfDoubles(t *testing.T) {
	for name, values := range samples {
		h := histogramOf(values)
		h.Merge(h)
		if want := histogramOf(slices.Repeat(values, 2)); !reflect.DeepEqual(h, want) {
			t.Errorf("%s: got %+v, want %+v", name, h, want)
		}
	}
}

func TestHistogramMergeNil(t *testing.T) {
	h := histogramOf([]float32{1, nan})
	h.Merge(nil)
	if want := histogramOf([]float32{1, nan}); !reflect.DeepEqual(h, want) {
		t.Errorf("got %+v, want %+v", h, want)
	}
}

func TestHistogramZeroHasNoSign(t *testing.T) {
	minus := float32(math.Copysign(0, -1))
	for _, values := range [][]float32{{minus}, {minus, 0}, {0, minus}, {minus, 1}, {-1, minus}} {
		h := histogramOf(values)
		for _, x := range []float32{h.Min(), h.Max()} {
			if x == 0 && math.Signbit(float64(x)) {
				t.Errorf("%v: got −0 in [%v, %v], want 0", values, h.Min(), h.Max())
			}
		}
	}
}

func TestHistogramBinsStops(t *testing.T) {
	h, bins, occupied := histogramOf([]float32{0, 1, 2}), 0, 0
	for range h.Bins() {
		if bins++; bins == 2 {
			break
		}
	}
	for range h.occupied() {
		if occupied++; occupied == 2 {
			break
		}
	}
	if bins != 2 || occupied != 2 {
		t.Errorf("got %d bins, %d occupied, want to stop at 2", bins, occupied)
	}
}

func TestHistogramObserveAllocates(t *testing.T) {
	values := append(gaussians(7, 1000, 1), nan)
	h := histogramOf(values)
	if got := testing.AllocsPerRun(10, func() { h.Observe(values) }); got != 0 {
		t.Errorf("got %v allocations for values in range, want 0", got)
	}
	other := histogramOf(values)
	if got := testing.AllocsPerRun(10, func() { h.Merge(other) }); got != 0 {
		t.Errorf("got %v allocations for merging in range, want 0", got)
	}
}

func TestHistogramMemory(t *testing.T) {
	for name, values := range samples {
		if got := len(histogramOf(values).bins); got > 4096 {
			t.Errorf("%s: got memory for %d bins, want at most 4096", name, got)
		}
	}
	if got := len(histogramOf([]float32{7, 7}).bins); got != 1 {
		t.Errorf("a constant: got memory for %d bins, want 1", got)
	}
}

func FuzzHistogram(f *testing.F) {
	for _, values := range samples {
		var data []byte
		for _, x := range values[:min(len(values), 64)] {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
		}
		f.Add(data, uint64(1))
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		var values []float32
		for ; len(data) >= 4; data = data[4:] {
			values = append(values, math.Float32frombits(binary.LittleEndian.Uint32(data)))
		}
		want := histogramOf(values)
		if got := mergedInRandomOrder(rand.New(rand.NewPCG(seed, 0)), values); !reflect.DeepEqual(got, want) {
			t.Fatalf("%v: got %+v, want %+v", values, got, want)
		}
		var total uint64
		for b := range want.Bins() {
			total += b.Count
		}
		if total != want.Count() || total+want.NonFinite() != uint64(len(values)) {
			t.Fatalf("%v: got %d in bins, %d counted, %d not finite, want %d in all", values, total, want.Count(), want.NonFinite(), len(values))
		}
		text, err := want.MarshalJSON()
		if err != nil {
			t.Fatalf("%v: MarshalJSON: %v", values, err)
		}
		got := histogramOf([]float32{1})
		err = got.UnmarshalJSON(text)
		if got.unpack(); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v: got %+v, %v from %s, want %+v", values, got, err, text, want)
		}
	})
}

func BenchmarkHistogramObserve(b *testing.B) {
	for name, values := range map[string][]float32{
		"gaussian": gaussians(1, 1<<16, 1), "relu": relu(gaussians(1, 1<<16, 1)), "zero": make([]float32, 1<<16),
	} {
		b.Run(name, func(b *testing.B) {
			h := new(Histogram)
			b.SetBytes(int64(4 * len(values)))
			for b.Loop() {
				h.Observe(values)
			}
		})
	}
}

func BenchmarkMovingAverageObserve(b *testing.B) {
	values, m := gaussians(1, 1<<16, 1), new(MovingAverage)
	b.SetBytes(int64(4 * len(values)))
	for b.Loop() {
		m.Observe(values)
	}
}
