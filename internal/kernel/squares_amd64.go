//go:build !purego

package kernel

// addSquaresBy returns a kernel that calls assembly for so many elements at a time.
func addSquaresBy(asm func(squares *float64, x *float32, n int)) func(squares *Lanes, x []float32) {
	return func(squares *Lanes, x []float32) {
		n := len(x) / LaneCount * LaneCount
		for first := 0; first < n; first += atOnce {
			asm(&squares[0], &x[first], min(atOnce, n-first))
		}
		addSquaresGeneric(squares, x[n:])
	}
}

// addDifferencesBy is addSquaresBy for two vectors.
func addDifferencesBy(asm func(squares, off *float64, x, y *float32, n int)) func(squares, off *Lanes, x, y []float32) {
	return func(squares, off *Lanes, x, y []float32) {
		y = y[:len(x)]
		n := len(x) / LaneCount * LaneCount
		for first := 0; first < n; first += atOnce {
			asm(&squares[0], &off[0], &x[first], &y[first], min(atOnce, n-first))
		}
		addDifferencesGeneric(squares, off, x[n:], y[n:])
	}
}

// addRowsOffInAVX2 takes eight rows at a time, and four elements of each.
func addRowsOffInAVX2(sums []float64, x, y []float32, stride, n int) {
	const rows, together = 8, 4
	whole := n / together * together
	for ; len(sums) >= rows && whole > 0; sums = sums[rows:] {
		_, _ = x[:(rows-1)*stride+n], y[:(rows-1)*stride+n]
		for first := 0; first < whole; first += rowAtOnce {
			addRowsOffAVX2(&sums[0], &x[first], &y[first], stride, min(rowAtOnce, whole-first))
		}
		if whole < n {
			addRowsOffGeneric(sums[:rows], x[whole:], y[whole:], stride, n-whole)
		}
		if len(sums) > rows {
			x, y = x[rows*stride:], y[rows*stride:]
		}
	}
	addRowsOffGeneric(sums, x, y, stride, n)
}
