package model

import (
	"euryale/internal/ir"

	"gorgonia.org/tensor"
)

// scratch is memory for the inside of a kernel.
type scratch struct {
	x       []float32
	offsets []int
	err     error // of a kernel that fails
}

// floats returns n float32 of any value, until the next call.
func (s *scratch) floats(n int) []float32 {
	s.x = grow(s.x, n)
	return s.x
}

// grow returns a slice of length n, x's own memory if that is enough.
func grow[T any](x []T, n int) []T {
	if cap(x) < n {
		return make([]T, n)
	}
	return x[:n]
}

// product sets y = a·b for a of shape (m, k) and b of shape (k, n), or (n, k) where transB, with tensor's
// BLAS.
func product(y, a, b []float32, m, k, n int, transB bool) {
	if transB {
		tensor.WhichBLAS().Sgemm('N', 'T', m, n, k, 1, a, k, b, k, 0, y, n)
		return
	}
	tensor.WhichBLAS().Sgemm('N', 'N', m, n, k, 1, a, k, b, n, 0, y, n)
}

// multiplyAdd sets y = x·w + b.
func multiplyAdd(n *ir.Resolved, y array, in []array, _ *scratch) {
	rows, columns := y.shape[0], y.shape[1]
	product(y.x, in[0].x, in[1].x, rows, in[0].shape[1], columns, n.TransB)
	if len(in) == 3 {
		for i := range rows {
			to := y.x[i*columns:][:columns]
			add(to, to, in[2].x, 1, 1)
		}
	}
}

// matMul sets y = a·b, for each of the leading axes where b has them.
func matMul(_ *ir.Resolved, y array, in []array, _ *scratch) {
	a, b := in[0], in[1]
	k, n := b.shape[len(b.shape)-2], b.shape[len(b.shape)-1]
	m := len(a.x) / k
	if len(b.shape) > 2 {
		m = a.shape[len(a.shape)-2]
	}
	for i := range len(a.x) / (m * k) {
		product(y.x[i*m*n:][:m*n], a.x[i*m*k:][:m*k], b.x[i*k*n:][:k*n], m, k, n, false)
	}
}

const (
	// maxWindows bounds the elements of the windows that conv has at a time, unless one row of pixels has
	// more.
	maxWindows = 1 << 18
	// Gonum's Sgemm adds up sumBlock products at a time where a result has at least manyBlocks blocks of
	// sumBlock².
	sumBlock, manyBlocks = 64, 4
)

// conv sets y to the convolution: it multiplies the windows of some rows of pixels at a time by the filters.
// The sums have the bits of one product for all samples.
func conv(n *ir.Resolved, y array, in []array, s *scratch) {
	x, w := in[0], in[1]
	v := n.Windows
	groups, channels := n.Groups, w.shape[1]
	filters, depth := w.shape[0]/groups, channels*w.shape[2]*w.shape[3]
	plane, height, width := x.shape[2]*x.shape[3], y.shape[2], y.shape[3]
	most := min(height, max(1, maxWindows/(depth*width)))
	blocks := func(n int) int { return (n + sumBlock - 1) / sumBlock }
	block := depth
	if blocks(x.shape[0]*height*width)*blocks(filters) >= manyBlocks {
		block = sumBlock
	}
	for i := range x.shape[0] * groups {
		group := i % groups
		image := x.x[i*channels*plane:][:channels*plane]
		own := w.x[group*filters*depth:][:filters*depth]
		for first := 0; first < height; first += most {
			rows := min(most, height-first)
			pixels := rows * width
			buf := s.floats(pixels * (filters + depth))
			sums, all := buf[:pixels*filters], buf[pixels*filters:]
			readWindows(v, all, image, x.shape[1:], channels, first, rows, width)
			for k := 0; k < depth; k += block {
				tensor.WhichBLAS().Sgemm('N', 'T', pixels, filters, min(block, depth-k), 1, all[k:], depth, own[k:], depth, float32(min(k, 1)), sums, filters)
			}
			for f := range filters {
				var bias float32
				if len(in) == 3 {
					bias = in[2].x[group*filters+f]
				}
				to := y.x[((i*filters+f)*height+first)*width:][:pixels]
				for p := range to {
					to[p] = sums[p*filters+f] + bias
				}
			}
		}
	}
}

// readWindows sets to, of shape (row, column, channel, kernel row, kernel column), to the windows of some rows of
// pixels of the result.
func readWindows(w ir.Windows, to, image []float32, shape []int, channels, first, rows, width int) {
	height, imageWidth := shape[1], shape[2]
	depth := channels * w.Kernel[0] * w.Kernel[1]
	clear(to)
	for i := range rows {
		line := to[i*width*depth:]
		for c := range channels {
			for u := range w.Kernel[0] {
				r := (first+i)*w.Strides[0] + u*w.Dilations[0] - w.Pads[0]
				if r < 0 || r >= height {
					continue
				}
				from := image[(c*height+r)*imageWidth:][:imageWidth]
				for v := range w.Kernel[1] {
					at, tap := v*w.Dilations[1]-w.Pads[1], (c*w.Kernel[0]+u)*w.Kernel[1]+v
					for j := range width {
						if at >= 0 && at < imageWidth {
							line[j*depth+tap] = from[at]
						}
						at += w.Strides[1]
					}
				}
			}
		}
	}
}
