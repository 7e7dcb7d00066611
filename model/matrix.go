package model

import (
	"fmt"
	"slices"

	"euryale/qtensor"

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

// biasOf returns an error for a bias whose shape is not (n).
func biasOf(in []size, n int) error {
	if len(in) == 3 && !slices.Equal(in[2], size{n}) {
		return fmt.Errorf("%w: bias is %v, want (%d)", qtensor.ErrShape, in[2], n)
	}
	return nil
}

func gemmShape(n *node, in []size) (size, error) {
	x, w := in[0], in[1]
	if len(x) != 2 || len(w) != 2 {
		return nil, fmt.Errorf("%w: got %v and %v, want matrices", qtensor.ErrShape, x, w)
	}
	k, out := w[0], w[1]
	if n.TransB {
		k, out = out, k
	}
	if x[1] != k {
		return nil, fmt.Errorf("%w: x is %v, want (m, %d)", qtensor.ErrShape, x, k)
	}
	return size{x[0], out}, biasOf(in, out)
}

// multiplyAdd sets y = x·w + b.
func multiplyAdd(n *node, y array, in []array, _ *scratch) {
	rows, columns := y.shape[0], y.shape[1]
	product(y.x, in[0].x, in[1].x, rows, in[0].shape[1], columns, n.TransB)
	if len(in) == 3 {
		for i := range rows {
			to := y.x[i*columns:][:columns]
			add(to, to, in[2].x, 1, 1)
		}
	}
}

func matMulShape(_ *node, in []size) (size, error) {
	a, b := in[0], in[1]
	p, q := len(a), len(b)
	if p < 2 || q < 2 || a[p-1] != b[q-2] || q > 2 && !slices.Equal(a[:p-2], b[:q-2]) {
		return nil, fmt.Errorf("%w: got %v and %v, want (…, m, k) and (…, k, n) or (k, n)", qtensor.ErrShape, a, b)
	}
	return append(slices.Clone(a[:p-1]), b[q-1]), nil
}

// matMul sets y = a·b, for each of the leading axes where b has them.
func matMul(_ *node, y array, in []array, _ *scratch) {
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

// groupsOf returns Group, 1 where it is not given.
func groupsOf(n *node) int {
	if n.Group == 0 {
		return 1
	}
	return n.Group
}

func convShape(n *node, in []size) (size, error) {
	x, w, groups := in[0], in[1], groupsOf(n)
	if len(x) != 4 || len(w) != 4 || w.perBatch() || x[1] < 0 {
		return nil, fmt.Errorf("%w: got images %v and filters %v, want (batch, channels, height, width) and (filters, channels/group, height, width)", qtensor.ErrShape, x, w)
	}
	if groups < 1 || x[1]%groups != 0 || w[0]%groups != 0 || x[1]/groups != w[1] {
		return nil, fmt.Errorf("%w: got images %v, filters %v and %d groups, want as many channels as groups "+
			"times the filters', and filters that the groups divide", qtensor.ErrShape, x, w, groups)
	}
	if err := n.resolveWindows(w[2:]); err != nil {
		return nil, err
	}
	sides, err := n.windows.over(x)
	if err != nil {
		return nil, err
	}
	return size{x[0], w[0], sides[0], sides[1]}, biasOf(in, w[0])
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
func conv(n *node, y array, in []array, s *scratch) {
	x, w := in[0], in[1]
	v := n.windows
	groups, channels := groupsOf(n), w.shape[1]
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
			v.read(all, image, x.shape[1:], channels, first, rows, width)
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

// read sets to, of shape (row, column, channel, kernel row, kernel column), to the windows of some rows of
// pixels of the result.
func (w windows) read(to, image []float32, shape []int, channels, first, rows, width int) {
	height, imageWidth := shape[1], shape[2]
	depth := channels * w.kernel[0] * w.kernel[1]
	clear(to)
	for i := range rows {
		line := to[i*width*depth:]
		for c := range channels {
			for u := range w.kernel[0] {
				r := (first+i)*w.stride[0] + u*w.dilation[0] - w.pad[0]
				if r < 0 || r >= height {
					continue
				}
				from := image[(c*height+r)*imageWidth:][:imageWidth]
				for v := range w.kernel[1] {
					at, tap := v*w.dilation[1]-w.pad[1], (c*w.kernel[0]+u)*w.kernel[1]+v
					for j := range width {
						if at >= 0 && at < imageWidth {
							line[j*depth+tap] = from[at]
						}
						at += w.stride[1]
					}
				}
			}
		}
	}
}
