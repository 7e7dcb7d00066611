package kernel

import (
	"slices"
	"testing"
)

// depthwiseTrials have windows of {pixels, taps}, anywhere.
var depthwiseTrials = []trial{
	{"MultiplyDepthwise", func(s *Set, m *memory, shape shape) {
		x, pixels, offsets, b := depthwise(m, shape)
		s.MultiplyDepthwise(take(m, len(pixels)*PanelColumns, m.integer32), x, pixels, offsets, b)
	}},
	{"RequantizeDepthwise", func(s *Set, m *memory, shape shape) {
		x, pixels, offsets, b := depthwise(m, shape)
		e, to := requantization(m, [3]int{1, PanelColumns})
		dst, stride := results(m, len(pixels), e.Columns, m.byte)
		s.RequantizeDepthwise(dst, stride, x, pixels, offsets, b, e, to)
	}},
}

// depthwise returns what is multiplied.
func depthwise(m *memory, shape shape) (x []uint8, pixels, offsets []int, b []int8) {
	pixels, offsets = make([]int, shape[0]), make([]int, shape[1])
	for i := range pixels {
		pixels[i] = m.IntN(70) + pixels[max(0, i-1)]
	}
	for i := range offsets {
		offsets[i] = m.IntN(200)
	}
	param(m, pixels)
	param(m, offsets)
	x = take(m, pixels[len(pixels)-1]+slices.Max(offsets)+PanelColumns, m.byte)
	at := -1
	b = take(m, (len(offsets)+StepDepth-1)/StepDepth*StepBytes, func() int8 {
		if at++; at/StepBytes*StepDepth+at%StepDepth >= len(offsets) {
			return 0
		}
		return m.int8()
	})
	return x, pixels, offsets, b
}

// TestDepthwiseOfSets goes through taps around whole steps.
func TestDepthwiseOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for _, trial := range depthwiseTrials {
			for _, taps := range []int{0, 1, 2, 3, 4, 6, 8, 24, 48, 62, 63, 64} {
				for pixels := range 9 {
					b.compare(trial, shape{pixels + 1, taps + 1}, effort(2))
				}
			}
		}
	})
}

func FuzzDepthwiseOfSets(f *testing.F) {
	fuzzSets(f, depthwiseTrials, func(_ *Set, x, y, _ uint8) shape { return shape{1 + int(x)%60, 1 + int(y)%60} })
}
