package kernel

import "math"

// Pooling holds kernels that reduce float32: windows of images, and rows.
type Pooling struct {
	MaxFloatWindows     func(dst, src []float32, w *FloatWindows)
	AverageFloatWindows func(dst, src []float32, w *FloatWindows)
	MaxRows             func(dst, src []float32, n int)
	SumRows             func(dst, src []float32, n int)
}

// FloatWindows are Rows times Columns windows, whose elements are at Offsets from their first. Rows of
// windows begin RowStep elements apart, their results DstStep; the windows of a row Step, their results one.
// An average is over Count.
type FloatWindows struct {
	Offsets                []int
	Rows, RowStep, DstStep int
	Columns, Step          int
	Count                  float32
}

// check panics where lengths do not go together, a bug of the caller.
func (w *FloatWindows) check(dst, src []float32) {
	if w.Rows < 1 || w.Columns < 1 || len(w.Offsets) < 1 {
		panic("kernel: FloatWindows: nothing to reduce")
	}
	_ = dst[(w.Rows-1)*w.DstStep:][:w.Columns]
	last := (w.Rows-1)*w.RowStep + (w.Columns-1)*w.Step
	for _, offset := range w.Offsets {
		_ = src[offset:][last]
	}
}

// maxFloatWindowsGeneric gives the largest of each window, NaN where there is one.
func maxFloatWindowsGeneric(dst, src []float32, w *FloatWindows) {
	w.check(dst, src)
	for i := range w.Rows {
		row := dst[i*w.DstStep:][:w.Columns]
		for j := range row {
			row[j] = float32(math.Inf(-1))
		}
		for _, offset := range w.Offsets {
			x := src[i*w.RowStep+offset:]
			for j := range row {
				row[j] = max(row[j], x[j*w.Step])
			}
		}
	}
}

// averageFloatWindowsGeneric gives the average of each window: the sum, in order of Offsets from 0 on, over
// Count.
func averageFloatWindowsGeneric(dst, src []float32, w *FloatWindows) {
	w.check(dst, src)
	for i := range w.Rows {
		row := dst[i*w.DstStep:][:w.Columns]
		clear(row)
		for _, offset := range w.Offsets {
			x := src[i*w.RowStep+offset:]
			for j := range row {
				row[j] += x[j*w.Step]
			}
		}
		for j := range row {
			row[j] /= w.Count
		}
	}
}

// rowLanes is how many interleaved results a row is reduced to first.
const rowLanes = 16

// rowAtOnce is how many elements of a row are reduced at once. The results of longer rows are joined in order.
const rowAtOnce = 1 << 16

// reduceRows sets dst[i] to what is made of src[i·n:][:n], n > 0: result l of those that are interleaved
// joins the elements l, l + 16, l + 32, … from first on; then l joins l + 8, l + 4, l + 2 and l + 1.
func reduceRows(dst, src []float32, n int, first float32, join func(y, a, b []float32, da, db int)) {
	lanes := make([]float32, rowLanes)
	for i := range dst {
		row := src[i*n:][:n]
		for from := 0; from < n; from += rowAtOnce {
			for l := range lanes {
				lanes[l] = first
			}
			for x := row[from:min(from+rowAtOnce, n)]; len(x) > 0; {
				count := min(rowLanes, len(x))
				join(lanes[:count], lanes, x, 1, 1)
				x = x[count:]
			}
			for half := rowLanes / 2; half > 0; half /= 2 {
				join(lanes[:half], lanes, lanes[half:], 1, 1)
			}
			if from == 0 {
				dst[i] = lanes[0]
			} else {
				join(dst[i:i+1], dst[i:], lanes, 1, 1)
			}
		}
	}
}

func maxRowsGeneric(dst, src []float32, n int) {
	reduceRows(dst, src, n, float32(math.Inf(-1)), largerGeneric)
}

func sumRowsGeneric(dst, src []float32, n int) { reduceRows(dst, src, n, 0, plusGeneric) }
