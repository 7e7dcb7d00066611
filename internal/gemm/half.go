package gemm

import (
	"fmt"

	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// MultiplyHalf sets dst = x·w for 16-bit weights, then applies out. Products are exact in float64 and added in
// order of depth; the sum is rounded once to float32. Errors: ErrValue, naming row and column.
func MultiplyHalf(dst, x []float32, m int, w *pack.Half, out Output) error {
	if _, _, bad := kernel.MinMax(x); bad >= 0 {
		return fmt.Errorf("%w: got %v at row %d, column %d", ErrValue, x[bad], bad/w.K, bad%w.K)
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	s.column = grow(s.column, w.K)
	for j := range w.N {
		w.Column(j, s.column)
		bias := float32(0)
		if out.Bias != nil {
			bias = out.Bias[j]
		}
		for i := range m {
			y := float32(kernel.DotFloat(x[i*w.K:][:w.K], s.column)) + bias
			if out.ReLU {
				y = max(y, 0)
			}
			dst[i*w.N+j] = y
		}
	}
	return nil
}
