package kernel

import "testing"

// multiplyDepthwiseTrial has windows of {pixels, taps}, anywhere.
var multiplyDepthwiseTrial = trial{"MultiplyDepthwise", func(s *Set, m *memory, shape shape) {
	pixels, taps := shape[0], shape[1]
	step := param(m, m.IntN(70))
	offsets, last := make([]int, taps), 0
	for i := range offsets {
		offsets[i] = m.IntN(200)
		last = max(last, offsets[i])
	}
	param(m, offsets)
	x := take(m, (pixels-1)*step+last+PanelColumns, m.byte)
	at := -1
	b := take(m, (taps+StepDepth-1)/StepDepth*StepBytes, func() int8 {
		if at++; at/StepBytes*StepDepth+at%StepDepth >= taps {
			return 0
		}
		return m.int8()
	})
	s.MultiplyDepthwise(take(m, pixels*PanelColumns, m.integer32), x, step, offsets, b, pixels)
}}

// TestMultiplyDepthwiseOfSets goes through taps around whole steps.
func TestMultiplyDepthwiseOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for _, taps := range []int{0, 1, 2, 3, 4, 6, 8, 24, 48, 62, 63, 64} {
			for pixels := range 9 {
				b.compare(multiplyDepthwiseTrial, shape{pixels + 1, taps + 1}, effort(2))
			}
		}
	})
}

func FuzzMultiplyDepthwiseOfSets(f *testing.F) {
	fuzzSets(f, []trial{multiplyDepthwiseTrial}, func(_ *Set, x, y, _ uint8) shape { return shape{1 + int(x)%60, 1 + int(y)%60} })
}
