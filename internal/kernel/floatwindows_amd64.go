//go:build !purego

package kernel

// windowsTile is the arguments of the assembly for windows. Steps are in bytes. A row has so many whole vectors of
// windows, and then a rest of 1 to a vector.
type windowsTile struct {
	dst, src               *float32
	offsets                *int
	taps                   int
	rows, rowStep, dstStep int
	vectors, rest          int
	count                  float32
}

// windowsBy returns a kernel that has assembly for windows that are one element apart, and for two.
func windowsBy(lanes int, one, two asm, generic func(dst, src []float32, w *FloatWindows)) func(dst, src []float32, w *FloatWindows) {
	return func(dst, src []float32, w *FloatWindows) {
		if w.Step != 1 && w.Step != 2 {
			generic(dst, src, w)
			return
		}
		w.check(dst, src)
		t := windowsTile{
			offsets: &w.Offsets[0], taps: len(w.Offsets), rowStep: 4 * w.RowStep, dstStep: 4 * w.DstStep,
			vectors: (w.Columns - 1) / lanes, rest: (w.Columns-1)%lanes + 1, count: w.Count,
		}
		run := one
		if w.Step == 2 {
			run = two
		}
		most := max(1, atOnce/(w.Columns*len(w.Offsets)))
		for row := 0; row < w.Rows; row += most {
			t.dst, t.src, t.rows = &dst[row*w.DstStep], &src[row*w.RowStep], min(most, w.Rows-row)
			run(hidden(&t))
		}
	}
}

// rowsBy returns a kernel that calls assembly for some rows at a time, and joins the parts of long ones.
func rowsBy(asm func(dst, src *float32, n, rows int), join func(y, a, b []float32, da, db int)) func(dst, src []float32, n int) {
	return func(dst, src []float32, n int) {
		_ = src[:len(dst)*n]
		if n > rowAtOnce {
			part := make([]float32, 1)
			for i := range dst {
				asm(&dst[i], &src[i*n], rowAtOnce, 1)
				for from := rowAtOnce; from < n; from += rowAtOnce {
					asm(&part[0], &src[i*n+from], min(rowAtOnce, n-from), 1)
					join(dst[i:i+1], dst[i:], part, 1, 1)
				}
			}
			return
		}
		most := rowAtOnce / n
		for i := 0; i < len(dst); i += most {
			asm(&dst[i], &src[i*n], n, min(most, len(dst)-i))
		}
	}
}

var poolingAVX2 = Pooling{
	windowsBy(8, maxWindowsBy1AVX2, maxWindowsBy2AVX2, maxFloatWindowsGeneric),
	windowsBy(8, averageWindowsBy1AVX2, averageWindowsBy2AVX2, averageFloatWindowsGeneric),
	rowsBy(maxRowsAVX2, largerGeneric),
	rowsBy(sumRowsAVX2, plusGeneric),
}

var poolingAVX512 = Pooling{
	windowsBy(16, maxWindowsBy1AVX512, maxWindowsBy2AVX512, maxFloatWindowsGeneric),
	windowsBy(16, averageWindowsBy1AVX512, averageWindowsBy2AVX512, averageFloatWindowsGeneric),
	rowsBy(maxRowsAVX512, largerGeneric),
	rowsBy(sumRowsAVX512, plusGeneric),
}
