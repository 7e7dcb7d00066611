package kernel

import (
	"math"
	"testing"

	"euryale/internal/isa"
)

// countBinsTrial has the shape {values}.
var countBinsTrial = trial{"CountBins", func(s *Set, m *memory, shape shape) {
	exponent := param(m, oneOf(m, m.IntN(276)-149, m.IntN(40)-30, -149, -128, -127, -126, 126))
	bins := take(m, 1<<oneOf(m, m.IntN(17), 12), func() uint64 { return uint64(m.IntN(3)) })
	src := take(m, shape[0], func() float32 { return m.binned(exponent) })
	s.CountBins(bins, src, exponent)
}}

// binned is any float32 within ±2^24 times 2^exponent, on an edge of a bin or near it half of the time.
func (m *memory) binned(exponent int) float32 {
	edge := math.Ldexp(float64(m.IntN(1<<13)-1<<12), exponent)
	pattern := math.Float32frombits(m.Uint32())
	x := oneOf(m,
		float32(edge), math.Nextafter32(float32(edge), 0), math.Nextafter32(float32(edge), float32(2*edge)), float32(m.NormFloat64()*edge),
		pattern, float32(math.Ldexp(m.NormFloat64(), m.IntN(277)-149)), oneOf[float32](m, 0x1p-149, -0x1p-149, 0x1p-126, -0x1p-126),
		0, float32(negativeZero), float32(math.Ldexp(float64(m.IntN(1<<25+1)-1<<24), exponent)))
	if !(math.Abs(float64(x)) <= min(math.MaxFloat32, math.Ldexp(1<<24, exponent))) {
		return -0x1p-149
	}
	return x
}

func TestCountBinsOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for n := range 150 {
			b.compare(countBinsTrial, shape{n}, effort(40))
		}
		for _, n := range []int{511, 1000, numbersInTests, 2*numbersInTests - 1, 3*numbersInTests + 65} {
			b.compare(countBinsTrial, shape{n}, effort(40))
		}
	})
}

// numbersInTests is how many values assembly takes at a time.
const numbersInTests = 1 << 10

func FuzzCountBinsOfSets(f *testing.F) {
	fuzzSets(f, []trial{countBinsTrial}, func(_ *Set, n, _, _ uint8) shape { return shape{int(n)} })
}

// TestCountBins has the bins that the definition gives by hand.
func TestCountBins(t *testing.T) {
	const tiny, huge = math.SmallestNonzeroFloat32, math.MaxFloat32
	minusZero := float32(negativeZero)
	for _, c := range []struct {
		x        float32
		exponent int
		want     int
	}{
		{0, 0, 0},
		{minusZero, 0, 0},
		{1, 0, 1},
		{0.99, 0, 0},
		{-0.01, 0, -1},
		{-1, 0, -1},
		{-1.01, 0, -2},
		{tiny, 0, 0},
		{-tiny, 0, -1},
		{-tiny, 126, -1},
		{-tiny, -149, -1},
		{3 * tiny, -149, 3},
		{3 * tiny, -148, 1},
		{-3 * tiny, -148, -2},
		{huge, 117, 2047},
		{-huge, 117, -2048},
		{huge, 104, 1<<24 - 1},
		{-0x1p24, 0, -1 << 24},
		{0x1p-126, -128, 4},
		{-0x1p-126, -127, -2},
	} {
		for _, tier := range isa.All() {
			if !isa.Supported(tier) {
				continue
			}
			src := make([]float32, 3*numbersInTests+5)
			for i := range src {
				src[i] = c.x
			}
			bins := make([]uint64, 1<<12)
			Of(tier).CountBins(bins, src, c.exponent)
			if got := bins[c.want&(len(bins)-1)]; got != uint64(len(src)) {
				t.Errorf("%v: %v/2^%d: got %d values in bin %d, want %d", tier, c.x, c.exponent, got, c.want, len(src))
			}
		}
	}
}

func BenchmarkCountBins(b *testing.B) {
	src, bins := make([]float32, 2048), make([]uint64, 4096)
	for i := range src {
		src[i] = float32(i*7919%4001 - 2000)
	}
	for _, tier := range isa.All() {
		if isa.Supported(tier) {
			b.Run(tier.String(), func(b *testing.B) {
				b.SetBytes(int64(4 * len(src)))
				for b.Loop() {
					Of(tier).CountBins(bins, src, 0)
				}
			})
		}
	}
}
