package kernel

import "testing"

// laneTrials have the shapes {pixels, step} and {filters, pixels, steps}.
var lanesTrial = trial{"Lanes", func(s *Set, m *memory, shape shape) {
	pixels, step := shape[0], shape[1]
	s.Lanes(take(m, pixels*StepDepth, m.byte), take(m, (pixels-1)*step+StepDepth, m.byte), step, pixels)
}}

var multiplyLanesTrial = trial{"MultiplyLanes", func(s *Set, m *memory, shape shape) {
	filters, pixels, steps := shape[0], shape[1], shape[2]
	multiply := s.MultiplyLanes
	if multiply == nil {
		multiply = multiplyLanesGeneric
	}
	row := (pixels + 15) / 16 * 16 * StepDepth
	offsets, last := make([]int, steps), 0
	for i := range offsets {
		offsets[i] = m.IntN(2 * row)
		last = max(last, offsets[i])
	}
	param(m, offsets)
	rows, ldx := param(m, 1+m.IntN(3)), param(m, m.IntN(3*row))
	stride := param(m, rows*pixels+m.IntN(2)*m.IntN(40))
	floor := param(m, oneOf(m, float32(-infinity), 0, m.finite32()))
	multiply(take(m, (filters-1)*stride+rows*pixels, m.number32), stride, take(m, (rows-1)*ldx+last+row, m.byte), ldx, offsets, take(m, steps*StepBytes, m.int8),
		take(m, filters, m.integer32), take(m, filters, m.number32), param(m, m.number32()), take(m, filters, m.number32), floor, pixels, rows)
}}

// TestLanesOfSets goes through pixels around whole vectors, at every step with a kernel and beyond.
func TestLanesOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for pixels := 1; pixels <= 70; pixels++ {
			for step := 1; step <= 7; step++ {
				b.compare(lanesTrial, shape{pixels, step}, effort(2))
			}
		}
	})
}

// TestMultiplyLanesOfSets goes through all tiles, and what is left of them.
func TestMultiplyLanesOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for filters := 1; filters <= PanelColumns; filters++ {
			for _, pixels := range []int{1, 2, 15, 16, 17, 31, 32, 33, 47, 48, 49, 64, 70} {
				for _, steps := range []int{1, 2, 10, 33} {
					b.compare(multiplyLanesTrial, shape{filters, pixels, steps}, effort(2))
				}
			}
		}
	})
}

func FuzzLanesOfSets(f *testing.F) {
	fuzzSets(f, []trial{lanesTrial, multiplyLanesTrial}, func(_ *Set, x, y, z uint8) shape {
		return shape{1 + int(x)%PanelColumns, 1 + int(y)%100, 1 + int(z)%40}
	})
}
