package kernel

import "testing"

var maxWindowsTrial = trial{"MaxWindows", func(s *Set, m *memory, shape shape) {
	n, pixels, count := shape[0], shape[1], shape[2]
	step := param(m, m.IntN(3*n))
	offsets, last := make([]int, count), 0
	for i := range offsets {
		offsets[i] = m.IntN(5 * n)
		last = max(last, offsets[i])
	}
	param(m, offsets)
	s.MaxWindows(take(m, pixels*n, m.byte), take(m, (pixels-1)*step+last+n, m.byte), offsets, n, pixels, step)
}}

// TestMaxWindowsOfSets goes through values of a pixel around whole vectors.
func TestMaxWindowsOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for n := range 70 {
			for pixels := range 5 {
				for _, count := range []int{1, 2, 4, 9} {
					b.compare(maxWindowsTrial, shape{n + 1, pixels + 1, count}, effort(2))
				}
			}
		}
	})
}

func FuzzMaxWindowsOfSets(f *testing.F) {
	fuzzSets(f, []trial{maxWindowsTrial}, func(_ *Set, x, y, z uint8) shape {
		return shape{1 + int(x), 1 + int(y)%40, 1 + int(z)%30}
	})
}
