package kernel

import (
	"math"
	"slices"
	"testing"
)

// crossingsTrial has the shape {elements, positive thresholds, negative thresholds}.
var crossingsTrial = trial{"Crossings", func(s *Set, m *memory, shape shape) {
	thresholds := func(n int) []float32 {
		t := make([]float32, n)
		for i := range t {
			t[i] = float32(1+m.IntN(254)) / 2
		}
		slices.Sort(t)
		return param(m, t)
	}
	t := NewThresholds(thresholds(shape[1]), thresholds(shape[2]))
	element := oneOf(m, m.finite32, func() float32 { return float32(m.NormFloat64()) }, func() float32 { return float32(m.IntN(9) - 4) })
	x := take(m, shape[0], element)
	ends := []float32{oneOf(m, 0, 1, 60*m.Float32()), oneOf(m, float32(math.Inf(1)), 60, 200*m.Float32())}
	slices.Sort(ends)
	first, last := math.Float32bits(ends[0]), math.Float32bits(ends[1])
	param(m, ends)
	events := take(m, shape[0]*max(shape[1], shape[2])+8, func() uint64 { return 0 })
	passed := take(m, shape[0], func() int32 { return -1 })
	n := s.Crossings(events, passed, x, t, first, last)
	clear(events[n:])
	result(m, int64(n))
}}

// TestCrossingsOfSets goes through all numbers of thresholds of a side.
func TestCrossingsOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for n := range 20 {
			for positive := range MostThresholds {
				for negative := range MostThresholds {
					b.compare(crossingsTrial, shape{n, positive, negative}, effort(2))
				}
			}
		}
		b.compare(crossingsTrial, shape{128, 15, 15}, 20)
	})
}

func FuzzCrossingsOfSets(f *testing.F) {
	fuzzSets(f, []trial{crossingsTrial}, func(_ *Set, x, y, z uint8) shape {
		return shape{int(x), int(y) % MostThresholds, int(z) % MostThresholds}
	})
}
