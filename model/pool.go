package model

import (
	"euryale/internal/ir"
	"euryale/internal/kernel"
)

// A span is windows along an axis that have as much of an image: count of them from index first on, of length
// elements each, of which the first begins at from.
type span struct{ first, count, from, length int }

// eachSpan calls f for the windows along axis 0 or 1 of images of a size. Those inside of the image are one
// span.
func eachSpan(w *ir.Windows, axis, size, windows int, f func(s span)) {
	kernel, stride := w.Kernel[axis], w.Strides[axis]
	for s := (span{}); s.first < windows; s.first += s.count {
		begin := s.first*stride - w.Pads[axis]
		s.from = max(begin, 0)
		s.count, s.length = 1, min(begin+kernel, size)-s.from
		if begin >= 0 {
			s.count = max(1, min((size-kernel-begin)/stride+1, windows-s.first))
		}
		f(s)
	}
}

// offsetsOf returns the offsets of so many elements in a row, of rows that are apart.
func (s *scratch) offsetsOf(rows, stride, columns, step int) []int {
	s.offsets = s.offsets[:0]
	for r := range rows {
		for c := range columns {
			s.offsets = append(s.offsets, r*stride+c*step)
		}
	}
	return s.offsets
}

// A reduction of windows is MaxFloatWindows or AverageFloatWindows.
type reduction = func(dst, src []float32, w *kernel.FloatWindows)

// pool reduces the windows of NCHW images.
func pool(n *ir.Resolved, y, x array, s *scratch, reduce reduction) {
	planes, height, width, outWidth := x.shape[0]*x.shape[1], x.shape[2], x.shape[3], y.shape[3]
	image, out, w := height*width, y.shape[2]*outWidth, &n.Windows
	eachSpan(w, 0, height, y.shape[2], func(rows span) {
		eachSpan(w, 1, width, outWidth, func(columns span) {
			if together := planesAtOnce(image); out == 1 && rows.length*columns.length == image && together > 1 {
				poolPlanes(n, y.x, x.x, image, together, s, reduce)
				return
			}
			s.windows = kernel.FloatWindows{
				Offsets: s.offsetsOf(rows.length, width, columns.length, 1), Count: averaged(n, rows.length*columns.length),
				Rows: rows.count, RowStep: w.Strides[0] * width, DstStep: outWidth,
				Columns: columns.count, Step: w.Strides[1],
			}
			planes, image := planes, image
			if rows.count*s.windows.RowStep == image && rows.count*outWidth == out { // rows of a plane follow those of the last
				planes, s.windows.Rows = 1, planes*rows.count
			}
			for p := range planes {
				reduce(y.x[p*out+rows.first*outWidth+columns.first:], x.x[p*image+rows.from*width+columns.from:], &s.windows)
			}
		})
	})
}

// pixelsAtOnce is how many pixels of planes that are reduced to one number are transposed at once.
const pixelsAtOnce = 1 << 16

// planesAtOnce returns how many planes of an image's size are transposed at once.
func planesAtOnce(image int) int { return min(64, pixelsAtOnce/image) }

// poolPlanes reduces planes to one number each: transposed, they are windows next to each other.
func poolPlanes(n *ir.Resolved, y, x []float32, image, together int, s *scratch, reduce reduction) {
	for len(y) > 0 {
		count := min(together, len(y))
		pixels := s.floats(image * count)
		kernel.Transpose(pixels, count, x, image, image, count)
		s.windows = kernel.FloatWindows{
			Offsets: s.offsetsOf(image, count, 1, 0), Count: averaged(n, image), Rows: 1, Columns: count, Step: 1,
		}
		reduce(y, pixels, &s.windows)
		x, y = x[count*image:], y[count:]
	}
}

// maxPool sets y to the largest number of each window, NaN if there is one.
func maxPool(n *ir.Resolved, y array, in []array, s *scratch) {
	pool(n, y, in[0], s, kernel.Current().MaxFloatWindows)
}

// averagePool sets y to the average of each window, whose elements are added one by one.
func averagePool(n *ir.Resolved, y array, in []array, s *scratch) {
	pool(n, y, in[0], s, kernel.Current().AverageFloatWindows)
}

// maxPoolU8 works like maxPool, on NHWC images.
func maxPoolU8(n *ir.Resolved, y array, in []array, s *scratch) {
	w, channels, height, width := &n.Windows, y.shape[1], in[0].shape[2], in[0].shape[3]
	outHeight, outWidth := y.shape[2], y.shape[3]
	eachSpan(w, 0, height, outHeight, func(rows span) {
		eachSpan(w, 1, width, outWidth, func(columns span) {
			offsets := s.offsetsOf(rows.length, width*channels, columns.length, channels)
			for i := range y.shape[0] {
				for r := range rows.count {
					from := (i*height+rows.from+r*w.Strides[0])*width + columns.from
					to := (i*outHeight+rows.first+r)*outWidth + columns.first
					kernel.MaxWindows(y.q[to*channels:][:columns.count*channels], in[0].q[from*channels:], offsets, channels, columns.count, w.Strides[1]*channels)
				}
			}
		})
	})
}

// averaged returns how many elements an average is over, of a window with so many inside of the image: all of
// the kernel's where the padding counts.
func averaged(n *ir.Resolved, inside int) float32 {
	if n.CountPad {
		return float32(n.Windows.Kernel[0] * n.Windows.Kernel[1])
	}
	return float32(inside)
}
