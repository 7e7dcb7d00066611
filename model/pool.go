package model

import (
	"math"

	"euryale/internal/ir"
	"euryale/internal/kernel"
)

// pool calls window for every element of y, a number of planes of pixels as x has. It passes the index of the
// element and of its plane, and the part of its window inside of the image: rows from top up to bottom,
// columns from left up to right.
func pool(w ir.Windows, planes int, y, x array, window func(to, plane, top, bottom, left, right int)) {
	height, width := x.shape[2], x.shape[3]
	to := 0
	for p := range planes {
		for i := range y.shape[2] {
			top := i*w.Strides[0] - w.Pads[0]
			bottom := min(top+w.Kernel[0], height)
			for j := range y.shape[3] {
				left := j*w.Strides[1] - w.Pads[1]
				window(to, p, max(top, 0), bottom, max(left, 0), min(left+w.Kernel[1], width))
				to++
			}
		}
	}
}

// maxPool sets y to the largest number of each window, NaN if there is one.
func maxPool(n *ir.Resolved, y array, in []array, _ *scratch) {
	x := in[0]
	if n.Windows == windows2x2 {
		maxPool2x2(y, x)
		return
	}
	width, image := x.shape[3], x.shape[2]*x.shape[3]
	pool(n.Windows, x.shape[0]*x.shape[1], y, x, func(to, plane, top, bottom, left, right int) {
		values := x.x[plane*image:][:image]
		most := float32(math.Inf(-1))
		for r := top; r < bottom; r++ {
			for _, v := range values[r*width+left : r*width+right] {
				most = max(most, v)
			}
		}
		y.x[to] = most
	})
}

// windows2x2 are windows of 2×2 that do not overlap.
var windows2x2 = ir.Windows{Kernel: [2]int{2, 2}, Strides: [2]int{2, 2}, Dilations: [2]int{1, 1}}

// maxPool2x2 is maxPool for windows2x2.
func maxPool2x2(y, x array) {
	height, width, outHeight, outWidth := x.shape[2], x.shape[3], y.shape[2], y.shape[3]
	for p := range x.shape[0] * x.shape[1] {
		for i := range outHeight {
			from := x.x[(p*height+2*i)*width:]
			upper, lower := from[:2*outWidth], from[width:][:2*outWidth]
			to := y.x[(p*outHeight+i)*outWidth:][:outWidth]
			for j := range to {
				to[j] = max(upper[2*j], upper[2*j+1], lower[2*j], lower[2*j+1])
			}
		}
	}
}

// maxPoolU8 works like maxPool, on NHWC images.
func maxPoolU8(n *ir.Resolved, y array, in []array, s *scratch) {
	w := n.Windows
	channels, height, width := y.shape[1], in[0].shape[2], in[0].shape[3]
	outHeight, outWidth := y.shape[2], y.shape[3]
	// Pixels from first up to behind have windows that are not padded on the left or on the right.
	first := min((w.Pads[1]+w.Strides[1]-1)/w.Strides[1], outWidth)
	behind := max(first, min((width+w.Pads[1]-w.Kernel[1])/w.Strides[1]+1, outWidth))
	for i := range y.shape[0] {
		image := in[0].q[i*height*width*channels:][:height*width*channels]
		for r := range outHeight {
			top := r*w.Strides[0] - w.Pads[0]
			from, to := max(top, 0), min(top+w.Kernel[0], height)
			row := y.q[(i*outHeight+r)*outWidth*channels:][:outWidth*channels]
			part := func(begin, end int) {
				if begin == end {
					return
				}
				left := begin*w.Strides[1] - w.Pads[1]
				right := min(left+w.Kernel[1], width)
				left = max(left, 0)
				s.offsets = s.offsets[:0]
				for h := range to - from {
					for v := range right - left {
						s.offsets = append(s.offsets, (h*width+v)*channels)
					}
				}
				kernel.MaxWindows(row[begin*channels:end*channels], image[(from*width+left)*channels:], s.offsets, channels, end-begin, w.Strides[1]*channels)
			}
			for j := range first {
				part(j, j+1)
			}
			part(first, behind)
			for j := behind; j < outWidth; j++ {
				part(j, j+1)
			}
		}
	}
}

// averaged returns how many elements an average is over, of a window with so many inside of the image: all of
// the kernel's where the padding counts.
func averaged(n *ir.Resolved, inside int) float32 {
	if n.CountPad {
		return float32(n.Windows.Kernel[0] * n.Windows.Kernel[1])
	}
	return float32(inside)
}

// averagePool sets y to the average of each window.
func averagePool(n *ir.Resolved, y array, in []array, _ *scratch) {
	x := in[0]
	width, image := x.shape[3], x.shape[2]*x.shape[3]
	pool(n.Windows, x.shape[0]*x.shape[1], y, x, func(to, plane, top, bottom, left, right int) {
		values := x.x[plane*image:][:image]
		var sum float32
		for r := top; r < bottom; r++ {
			for _, v := range values[r*width+left : r*width+right] {
				sum += v
			}
		}
		y.x[to] = sum / averaged(n, (bottom-top)*(right-left))
	})
}
