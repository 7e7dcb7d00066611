package kernel

import (
	"testing"
)

// walkTrial has the shape {events, elements, 0}.
var walkTrial = trial{"Walk", func(s *Set, m *memory, shape shape) {
	number := oneOf(m, m.Float32, func() float32 { return float32(m.IntN(4)) }, func() float32 { return oneOf[float32](m, 0, 1, 1e30, 1e-38) })
	codes := func() (c Codes) {
		c.Correlation, c.Energy = [2]float32{number(), number()}, [2]float32{number(), number()}
		return c
	}
	w := Walk{Common: SameCodes(number(), number()), Apart: codes(), Best: Codes{Energy: [2]float32{1, 1}}}
	var gains Gains
	for side := range gains {
		for t := range gains[side] {
			correlation, energy := number(), number()
			switch candidate := m.IntN(4); candidate {
			case 0, 1:
				gains[side][t].Apart.Correlation[candidate], gains[side][t].Apart.Energy[candidate] = correlation, energy
			default:
				gains[side][t].Common = SameCodes(correlation, energy)
			}
		}
	}
	elements := make([]Element, shape[1])
	for i := range elements {
		elements[i] = Element{number(), number(), number(), m.Uint32() & 1}
	}
	param(m, gains)
	param(m, elements)
	events := take(m, shape[0], func() uint64 { return m.Uint64()<<32 | uint64(m.IntN(shape[1])<<4|m.IntN(MostThresholds)) })
	s.Walk(&w, events, elements, &gains)
	for _, c := range []Codes{w.Common, w.Apart, w.Best, {Correlation: w.Square}} {
		result(m, c.Correlation[:]...)
		result(m, c.Energy[:]...)
	}
}}

// TestWalksOfSets goes through numbers of events.
func TestWalksOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for events := range 40 {
			b.compare(walkTrial, shape{events, 1 + events}, effort(20))
		}
	})
}

func FuzzWalksOfSets(f *testing.F) {
	fuzzSets(f, []trial{walkTrial}, func(_ *Set, x, y, _ uint8) shape { return shape{int(x), 1 + int(y)%128} })
}
