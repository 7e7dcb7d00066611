package kernel

import "testing"

// pixelTrials have the shapes {pixels, step} and {filters, pixels, steps}.
var gatherPixelsTrial = trial{"GatherPixels", func(s *Set, m *memory, shape shape) {
	pixels, step := shape[0], shape[1]
	s.GatherPixels(take(m, pixels*StepDepth, m.byte), take(m, (pixels-1)*step+StepDepth, m.byte), step, pixels)
}}

var multiplyPixelsTrial = trial{"MultiplyPixels", func(s *Set, m *memory, shape shape) {
	filters, pixels, steps := shape[0], shape[1], shape[2]
	row := (pixels + 15) / 16 * 16 * StepDepth
	offsets, last := make([]int, steps), 0
	for i := range offsets {
		offsets[i] = m.IntN(2 * row)
		last = max(last, offsets[i])
	}
	param(m, offsets)
	rows, ldx := param(m, 1+m.IntN(3)), param(m, m.IntN(3*row))
	stride := param(m, rows*pixels+m.IntN(2)*m.IntN(40))
	dst := take(m, (filters-1)*stride+rows*pixels, m.number32)
	x := Pixels{Data: take(m, (rows-1)*ldx+last+row, m.byte), Offsets: offsets, Rows: rows, RowStep: ldx, Count: pixels}
	b := take(m, steps*StepBytes, m.int8)
	e := epilogueOf(m, [3]int{1, PanelColumns})
	e.Columns = filters
	s.MultiplyPixels(dst, stride, &x, b, e)
}}

// TestGatherPixelsOfSets goes through pixels around whole vectors, at every step with a kernel and beyond.
func TestGatherPixelsOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for pixels := 1; pixels <= 70; pixels++ {
			for step := 1; step <= 10; step++ {
				b.compare(gatherPixelsTrial, shape{pixels, step}, effort(2))
			}
		}
	})
}

// TestMultiplyPixelsOfSets goes through all tiles, and what is left of them.
func TestMultiplyPixelsOfSets(t *testing.T) {
	eachSet(t, func(b *bench) {
		for filters := 1; filters <= PanelColumns; filters++ {
			for _, pixels := range []int{1, 2, 15, 16, 17, 31, 32, 33, 47, 48, 49, 64, 70} {
				for _, steps := range []int{1, 2, 10, 33} {
					b.compare(multiplyPixelsTrial, shape{filters, pixels, steps}, effort(2))
				}
			}
		}
	})
}

func FuzzPixelsOfSets(f *testing.F) {
	fuzzSets(f, []trial{gatherPixelsTrial, multiplyPixelsTrial}, func(_ *Set, x, y, z uint8) shape {
		return shape{1 + int(x)%PanelColumns, 1 + int(y)%100, 1 + int(z)%40}
	})
}
