package kernel

import "testing"

// noiseTrial has the shape {quotients, levels, 0}.
var noiseTrial = trial{"Noise", func(s *Set, m *memory, shape shape) {
	var levels [LevelsAtOnce]*Levels
	for i := range levels {
		level := oneOf(m, m.choose(-127, 127), m.choose(-10, 10), m.choose(1, 127), func() int32 { return 0 })
		weights := make([]int8, shape[1])
		for q := range weights {
			weights[q] = int8(level())
		}
		levels[i] = NewLevels(param(m, weights))
	}
	integers, half := m.choose(-512, 512), param(m, m.IntN(4)) == 0 // halves are where the nearest level changes
	x := take(m, shape[0], func() float32 {
		if half {
			return float32(integers()) / 2
		}
		return (m.Float32() - 0.5) * 512
	})
	ratio := param(m, oneOf(m, FixedOne, FixedOne*0.7874, FixedOne*m.Float32(), FixedOne/2))
	var w []uint32
	if param(m, m.IntN(2)) == 0 {
		weight := m.choose(0, 1<<16-1)
		w = take(m, shape[0], func() uint32 { return uint32(weight()) })
	}
	noise := take(m, LevelsAtOnce, func() int64 { return 1 })
	s.Noise((*[LevelsAtOnce]int64)(noise), x, ratio, w, &levels)
}}

// TestNoiseOfSets goes through quotients around whole vectors.
func TestNoiseOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for n := range 135 {
			for _, levels := range []int{4, 8, 16} {
				b.compare(noiseTrial, shape{n, levels}, effort(4))
			}
		}
	})
}

func FuzzNoiseOfSets(f *testing.F) {
	fuzzSets(f, []trial{noiseTrial}, func(_ *Set, x, y, _ uint8) shape { return shape{int(x), 1 + int(y)%16} })
}
