package model

import (
	"fmt"
	"math"
	"slices"

	"euryale/internal/kernel"
	"euryale/qtensor"
)

// maxSide bounds the sides of a padded image, of kernels, strides and dilations.
const maxSide = 1 << 15

// pair returns an attribute of two numbers from least to maxSide, or the default where it is not given.
func pair(name string, given []int, least, fallback int) ([2]int, error) {
	if given == nil {
		return [2]int{fallback, fallback}, nil
	}
	if len(given) != 2 || slices.Min(given) < least || slices.Max(given) > maxSide {
		return [2]int{}, fmt.Errorf("%w: %s is %v, want two numbers from %d to %d", qtensor.ErrParams, name, given, least, maxSide)
	}
	return [2]int(given), nil
}

// windows is how a kernel goes over an image.
type windows struct{ kernel, stride, pad, dilation [2]int }

// resolveWindows sets windows for a kernel of so many rows and columns.
func (n *node) resolveWindows(kernel []int) (err error) {
	w := &n.windows
	for _, p := range []struct {
		name            string
		given           []int
		least, fallback int
		to              *[2]int
	}{
		{"kernel_shape", kernel, 1, 0, &w.kernel},
		{"strides", n.Strides, 1, 1, &w.stride},
		{"pads", n.Pads, 0, 0, &w.pad},
		{"dilations", n.Dilations, 1, 1, &w.dilation},
	} {
		if *p.to, err = pair(p.name, p.given, p.least, p.fallback); err != nil {
			return err
		}
	}
	if w.kernel[0] == 0 {
		return fmt.Errorf("%w: got no kernel_shape, want height and width", qtensor.ErrParams)
	}
	return nil
}

// out returns the size along an axis: ⌊(size + 2·pad − dilation·(kernel − 1) − 1)/stride⌋ + 1.
func (w windows) out(size, i int) int {
	return (size+2*w.pad[i]-w.dilation[i]*(w.kernel[i]-1)-1)/w.stride[i] + 1
}

// over returns the height and width of the result for images, (…, …, height, width).
func (w windows) over(images size) (sides [2]int, err error) {
	if len(images) != 4 || images[2] < 0 || images[3] < 0 {
		return sides, fmt.Errorf("%w: images are %v, want (batch, channels, height, width)", qtensor.ErrShape, images)
	}
	for i, n := range images[2:] {
		if span := w.dilation[i]*(w.kernel[i]-1) + 1; n+2*w.pad[i] > maxSide || span > n+2*w.pad[i] {
			return sides, fmt.Errorf("%w: images are %v with a padding of %v, want sides from the kernel's %d to %d", qtensor.ErrShape, images, w.pad, span, maxSide)
		}
		sides[i] = w.out(n, i)
	}
	return sides, nil
}

func poolShape(n *node, in []size) (size, error) {
	if err := n.resolveWindows(n.Kernel); err != nil {
		return nil, err
	}
	w := n.windows
	if w.pad[0] >= w.kernel[0] || w.pad[1] >= w.kernel[1] {
		return nil, fmt.Errorf("%w: pads are %v, want less than the kernel's %v", qtensor.ErrParams, w.pad, w.kernel)
	}
	sides, err := w.over(in[0])
	if err != nil {
		return nil, err
	}
	return size{in[0][0], in[0][1], sides[0], sides[1]}, nil
}

// pool calls window for every element of y, a number of planes of pixels as x has. It passes the index of the
// element and of its plane, and the part of its window inside of the image: rows from top up to bottom,
// columns from left up to right.
func pool(w windows, planes int, y, x array, window func(to, plane, top, bottom, left, right int)) {
	height, width := x.shape[2], x.shape[3]
	to := 0
	for p := range planes {
		for i := range y.shape[2] {
			top := i*w.stride[0] - w.pad[0]
			bottom := min(top+w.kernel[0], height)
			for j := range y.shape[3] {
				left := j*w.stride[1] - w.pad[1]
				window(to, p, max(top, 0), bottom, max(left, 0), min(left+w.kernel[1], width))
				to++
			}
		}
	}
}

// maxPool sets y to the largest number of each window, NaN if there is one.
func maxPool(n *node, y array, in []array, _ *scratch) {
	x := in[0]
	if n.windows == windows2x2 {
		maxPool2x2(y, x)
		return
	}
	width, image := x.shape[3], x.shape[2]*x.shape[3]
	pool(n.windows, x.shape[0]*x.shape[1], y, x, func(to, plane, top, bottom, left, right int) {
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
var windows2x2 = windows{kernel: [2]int{2, 2}, stride: [2]int{2, 2}, dilation: [2]int{1, 1}}

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
func maxPoolU8(n *node, y array, in []array, s *scratch) {
	w := n.windows
	channels, height, width := y.shape[1], in[0].shape[2], in[0].shape[3]
	outHeight, outWidth := y.shape[2], y.shape[3]
	// Pixels from first up to behind have windows that are not padded on the left or on the right.
	first := min((w.pad[1]+w.stride[1]-1)/w.stride[1], outWidth)
	behind := max(first, min((width+w.pad[1]-w.kernel[1])/w.stride[1]+1, outWidth))
	for i := range y.shape[0] {
		image := in[0].q[i*height*width*channels:][:height*width*channels]
		for r := range outHeight {
			top := r*w.stride[0] - w.pad[0]
			from, to := max(top, 0), min(top+w.kernel[0], height)
			row := y.q[(i*outHeight+r)*outWidth*channels:][:outWidth*channels]
			part := func(begin, end int) {
				if begin == end {
					return
				}
				left := begin*w.stride[1] - w.pad[1]
				right := min(left+w.kernel[1], width)
				left = max(left, 0)
				s.offsets = s.offsets[:0]
				for h := range to - from {
					for v := range right - left {
						s.offsets = append(s.offsets, (h*width+v)*channels)
					}
				}
				kernel.MaxWindows(row[begin*channels:end*channels], image[(from*width+left)*channels:], s.offsets, channels, end-begin, w.stride[1]*channels)
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

// averagePool sets y to the sum of each window over the size of the kernel.
func averagePool(n *node, y array, in []array, _ *scratch) {
	count := float32(n.windows.kernel[0] * n.windows.kernel[1])
	x := in[0]
	width, image := x.shape[3], x.shape[2]*x.shape[3]
	pool(n.windows, x.shape[0]*x.shape[1], y, x, func(to, plane, top, bottom, left, right int) {
		values := x.x[plane*image:][:image]
		var sum float32
		for r := top; r < bottom; r++ {
			for _, v := range values[r*width+left : r*width+right] {
				sum += v
			}
		}
		y.x[to] = sum / count
	})
}

// globalPoolShape is the rule of a pool whose only window is all of an image.
func globalPoolShape(n *node, in []size) (size, error) {
	if len(in[0]) != 4 || in[0][2] < 0 || in[0][3] < 0 {
		return nil, fmt.Errorf("%w: images are %v, want (batch, channels, height, width)", qtensor.ErrShape, in[0])
	}
	n.windows = windows{kernel: [2]int(in[0][2:]), stride: [2]int{1, 1}, dilation: [2]int{1, 1}}
	return size{in[0][0], in[0][1], 1, 1}, nil
}
