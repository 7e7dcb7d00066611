package model

import (
	"fmt"
	"slices"

	"euryale/internal/flow"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// scratch is memory for the inside of a kernel.
type scratch struct {
	x       []float32
	offsets []int
	err     error // of a kernel that fails
}

// room returns n numbers of any value.
func (s *scratch) room(n int) []float32 {
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

// product sets y = a·b for a of shape (m, k), b of shape (k, n), or (n, k) where transB, with the BLAS that tensor uses.
// Rows of y are stride apart, and so are those of b.
func product(y, a, b []float32, m, k, n int, transB bool, stride int) {
	if transB {
		tensor.WhichBLAS().Sgemm('N', 'T', m, n, k, 1, a, k, b, k, 0, y, stride)
		return
	}
	tensor.WhichBLAS().Sgemm('N', 'N', m, n, k, 1, a, k, b, stride, 0, y, stride)
}

// biasOf returns an error for a bias that is given and is not (n).
func biasOf(in []size, n int) error {
	if len(in) == 3 && !slices.Equal(in[2], size{n}) {
		return fmt.Errorf("%w: bias is %v, want (%d)", qtensor.ErrShape, in[2], n)
	}
	return nil
}

func gemmShape(n *flow.Node, in []size) (size, error) {
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

// gemm sets y = x·w + b.
func gemm(n *flow.Node, y array, in []array, _ *scratch) {
	rows, columns := y.shape[0], y.shape[1]
	product(y.x, in[0].x, in[1].x, rows, in[0].shape[1], columns, n.TransB, columns)
	if len(in) == 3 {
		for i := range rows {
			to := y.x[i*columns:][:columns]
			add(to, to, in[2].x, 1, 1)
		}
	}
}

func matMulShape(_ *flow.Node, in []size) (size, error) {
	a, b := in[0], in[1]
	p, q := len(a), len(b)
	if p < 2 || q < 2 || a[p-1] != b[q-2] || q > 2 && !slices.Equal(a[:p-2], b[:q-2]) {
		return nil, fmt.Errorf("%w: got %v and %v, want (…, m, k) and (…, k, n) or (k, n)", qtensor.ErrShape, a, b)
	}
	return append(slices.Clone(a[:p-1]), b[q-1]), nil
}

// matMul sets y = a·b, for each of the leading axes where b has them.
func matMul(_ *flow.Node, y array, in []array, _ *scratch) {
	a, b := in[0], in[1]
	k, n := b.shape[len(b.shape)-2], b.shape[len(b.shape)-1]
	m := len(a.x) / k
	if len(b.shape) > 2 {
		m = a.shape[len(a.shape)-2]
	}
	for i := range len(a.x) / (m * k) {
		product(y.x[i*m*n:][:m*n], a.x[i*m*k:][:m*k], b.x[i*k*n:][:k*n], m, k, n, false, n)
	}
}

// groupsOf returns Group, 1 where it is not given.
func groupsOf(n *flow.Node) int {
	if n.Group == 0 {
		return 1
	}
	return n.Group
}

func convShape(n *flow.Node, in []size) (size, error) {
	x, w, groups := in[0], in[1], groupsOf(n)
	if len(x) != 4 || len(w) != 4 || w.perBatch() || x[1] < 0 {
		return nil, fmt.Errorf("%w: got images %v and filters %v, want (batch, channels, height, width) and (filters, channels/group, height, width)", qtensor.ErrShape, x, w)
	}
	if groups < 1 || x[1]%groups != 0 || w[0]%groups != 0 || x[1]/groups != w[1] {
		return nil, fmt.Errorf("%w: got images %v, filters %v and %d groups, want channels that the groups divide into the filters'", qtensor.ErrShape, x, w, groups)
	}
	v, err := newWindows(n, w[2:])
	if err != nil {
		return nil, err
	}
	sides, err := v.over(x)
	if err != nil {
		return nil, err
	}
	return size{x[0], w[0], sides[0], sides[1]}, biasOf(in, w[0])
}

// maxColumns bounds the elements of the windows that conv has at a time, unless one row of pixels has more.
const maxColumns = 1 << 18

// conv sets y to the convolution, as a product of the filters with windows of some rows of pixels at a time.
func conv(n *flow.Node, y array, in []array, s *scratch) {
	x, w := in[0], in[1]
	v, _ := newWindows(n, w.shape[2:]) // checked by the rule
	groups, channels := groupsOf(n), w.shape[1]
	filters, depth := w.shape[0]/groups, channels*w.shape[2]*w.shape[3]
	plane, height, width := x.shape[2]*x.shape[3], y.shape[2], y.shape[3]
	most := min(height, max(1, maxColumns/(depth*width)))
	for i := range x.shape[0] * groups {
		image := x.x[i*channels*plane:][:channels*plane]
		own := w.x[i%groups*filters*depth:][:filters*depth]
		to := y.x[i*filters*height*width:][:filters*height*width]
		for first := 0; first < height; first += most {
			rows := min(most, height-first)
			columns := s.room(depth * rows * width)
			v.read(columns, image, x.shape[1:], channels, first, rows, width)
			if rows == height {
				product(to, own, columns, filters, depth, rows*width, false, rows*width)
				continue
			}
			part := make([]float32, filters*rows*width)
			product(part, own, columns, filters, depth, rows*width, false, rows*width)
			for f := range filters {
				copy(to[(f*height+first)*width:], part[f*rows*width:][:rows*width])
			}
		}
	}
	if len(in) == 3 {
		for i := range x.shape[0] * w.shape[0] {
			to := y.x[i*height*width:][:height*width]
			add(to, to, in[2].x[i%w.shape[0]:], 1, 0)
		}
	}
}

// read sets columns, (channel, kernel row, kernel column, row, column), to the windows of some rows of pixels of the result.
func (w windows) read(columns, image []float32, shape []int, channels, first, rows, width int) {
	height, imageWidth := shape[1], shape[2]
	clear(columns)
	for c := range channels {
		for u := range w.kernel[0] {
			for v := range w.kernel[1] {
				for i := range rows {
					to := columns[:width]
					columns = columns[width:]
					r := (first+i)*w.stride[0] + u*w.dilation[0] - w.pad[0]
					if r < 0 || r >= height {
						continue
					}
					from := image[(c*height+r)*imageWidth:][:imageWidth]
					at := v*w.dilation[1] - w.pad[1]
					for j := range to {
						if at >= 0 && at < imageWidth {
							to[j] = from[at]
						}
						at += w.stride[1]
					}
				}
			}
		}
	}
}
