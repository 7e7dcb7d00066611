//go:build !purego

package kernel

import "unsafe"

// multiplyVNNI is kernels for some panels, less one.
var multiplyVNNI = [vnniPanels]asm{multiplyU8P1VNNI, multiplyU8P2VNNI, multiplyU8P3VNNI}

// multiplyInVNNI takes as many panels and rows at a time as there are registers for, rows as evenly as can be
// and with all their planes: weights are loaded once for them.
func multiplyInVNNI(sums []int32, a *Left, b *Right) {
	checkMultiply(sums, a, b, 1)
	if a.Planes > 3 {
		panic("kernel: Multiply: more than 3 planes")
	}
	row := b.Panels * PanelColumns
	plane := a.Lines * a.Rows * row
	t := newMultiplyTile(a, b)
	for panel, panels := 0, 0; panel < b.Panels; panel += panels {
		panels = panelsAtOnce(b.Panels-panel, vnniPanels)
		t.b = &b.Codes[panel*b.Stride]
		to := sums[panel*PanelColumns:]
		if a.Planes == 1 {
			t.a, t.a2, t.lda = byTurns(a.Data, 1, a.Rows, a.Stride, 0)
			t.sums, t.sums2, t.ldc = byTurns(to, 1, a.Rows, row, 0)
			t.allLines(a, row)
			multiplyVNNI[panels-1](hidden(&t))
			continue
		}
		height := evenly(a.Rows, vnniRows/a.Planes)
		for i := 0; i < a.Lines*a.Rows; {
			first := i % a.Rows
			rows := min(height, a.Rows-first)
			t.a, t.a2, t.lda = byTurns(a.Data[i/a.Rows*a.LineStride+first*a.Stride:], a.Planes, rows, a.Stride, a.Plane)
			t.sums, t.sums2, t.ldc = byTurns(to[i*row:], a.Planes, rows, row, plane)
			t.lines, t.rows, t.height, t.done = 1, rows*a.Planes, vnniRows, [4]int{}
			multiplyVNNI[panels-1](hidden(&t))
			i += rows
		}
	}
}

// multiplyDequantizeInVNNI turns the sums of a tile into results as soon as they are made: results are written
// to memory while the next tile is computed.
func multiplyDequantizeInVNNI(dst []float32, stride int, sums []int32, a *Left, b *Right, e *Epilogue) {
	checkMultiply(sums, a, b, 1)
	e.check(len(dst), stride, len(sums), a.Lines*a.Rows, len(e.RowScales))
	t := newMultiplyTile(a, b)
	t.a, t.a2, t.lda = byTurns(a.Data, 1, a.Rows, a.Stride, 0)
	t.zeros, t.rowScales, t.floor, t.stride = &e.Zeros[0], &e.RowScales[0], e.Floor, 4*stride
	for panel, panels := 0, 0; panel < b.Panels; panel += panels {
		panels = panelsAtOnce(b.Panels-panel, vnniPanels)
		column := panel * PanelColumns
		t.b = &b.Codes[panel*b.Stride]
		t.last = 1<<min(PanelColumns, e.Columns-column-(panels-1)*PanelColumns) - 1
		t.compensation, t.scales, t.bias = &e.Compensation[column], &e.Scales[column], &e.Bias[column]
		t.dst = &dst[column]
		t.allLines(a, 0)
		multiplyVNNI[panels-1](hidden(&t))
	}
}

// allLines sets the tile to the rows of all lines of one plane, as evenly as can be, whose sums are row apart.
func (t *multiplyTile) allLines(a *Left, row int) {
	t.lines, t.rows, t.height, t.done = a.Lines, a.Rows, evenly(a.Rows, vnniRows), [4]int{}
	t.nextA, t.nextSums = t.height*a.Stride, 4*t.height*row
	past := (a.Rows+t.height-1)/t.height*t.height - a.Rows // how far the last tile of a line goes on
	t.lineRows, t.lineA, t.lineSums = a.Rows, a.LineStride-(a.Rows+past)*a.Stride, -4*past*row
}

func newMultiplyTile(a *Left, b *Right) multiplyTile {
	return multiplyTile{ldb: b.Stride, steps: a.Steps, gaps: unsafe.SliceData(a.Gaps), segments: len(a.Gaps) + 1}
}

// panelsAtOnce returns how many panels of those that are left are multiplied at a time, by kernels for at most so
// many.
func panelsAtOnce(left, most int) int {
	if most > 2 && left == most+1 {
		return (most + 1) / 2 // one panel alone is slow
	}
	return min(most, left)
}

// evenly returns the most of n things that are in a part, where there are as few parts of at most some as can
// be.
func evenly(n, most int) int {
	parts := (n + most - 1) / most
	return (n + parts - 1) / parts
}

// byTurns returns where the elements of rows of planes are by turns, and how many bytes it is from one to the
// next but one: rows of a plane, planes of a row, or where there are two of either, those.
func byTurns[T uint8 | int32](list []T, planes, rows, row, plane int) (first, second *T, ld int) {
	turn, ld := row, 2*row
	switch {
	case planes == 2:
		turn, ld = plane, row
	case planes > 1 && rows == 1:
		turn, ld = plane, 2*plane
	case planes > 1:
		turn, ld = row, plane
	}
	if planes*rows > 1 {
		second = &list[turn]
	}
	return &list[0], second, ld * int(unsafe.Sizeof(list[0]))
}
