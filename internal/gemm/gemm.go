// Package gemm multiplies rows of float32 activations by packed weights: rows become integers, integers are
// multiplied and summed exactly, and an output stage turns the sums back into float32.
//
// Sizes are m, n, k: x is m×k, the weight k×n, the result m×n, all row-major. A row of the result depends on
// that row of x alone, so it is the same in any batch.
package gemm

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// ErrValue reports a NaN or an infinity among the activations.
var ErrValue = errors.New("not a finite number")

// Arithmetic is how a row of activations becomes integers.
type Arithmetic struct {
	// Bits is 24 or 16 for a fixed point: X = RNE(x·2^e), with e from the row's largest magnitude. The sums
	// are scaled in float64 and rounded once to float32. With 0 bits, a row becomes codes of a byte,
	// X = q − z, and the sums are scaled in float32.
	Bits int
	// Static is the map to codes when Bits is 0; nil takes 8 unsigned bits over the row's own range.
	Static *kernel.Affine
}

// Output is what follows the product: y + bias, then max(y, 0), in float32.
type Output struct {
	Bias []float32 // of length n, or nil
	ReLU bool
}

func (o Output) apply(y float32, column int) float32 {
	if o.Bias != nil {
		y += o.Bias[column]
	}
	if o.ReLU {
		y = max(y, 0)
	}
	return y
}

// blockRows is the number of rows that are turned into integers at a time: enough for a column that is
// unpacked once to serve many, few enough for 64 rows of a few thousand to stay in the second cache.
const blockRows = 64

// scratch is the working memory of one call. It grows to the largest that was asked for.
type scratch struct {
	rows   []int32 // [row][k] integers
	sums   []int64 // [row][group] sums of them
	scales []float64
	codes  []int8
	floats []float32
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// grow returns s with length n, anew if it does not fit.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// Multiply sets dst = x·w, then applies out. For row i and column j, with X the integers of the row, r their
// scale, and s, z, lo those of a group of the column's codes q:
//
//	y = r·Σ_groups ( s·Σ X·(q − z) + lo·Σ X )
//
// The integer sums are exact. The real one is made in float64 for a fixed point and in float32 for codes of a
// byte: groups in order of depth, s before lo, each product rounded and then added to the sum of all that came
// before it; y is then rounded to float32.
// For a fixed point, an infinite y is one whose true value passes the largest float32. For codes of a byte a
// partial sum may pass it too, before r is applied: y is infinite or NaN then.
// Errors: ErrValue, naming row and column.
func Multiply(dst, x []float32, m int, w *pack.Matrix, a Arithmetic, out Output) error {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	for begin := 0; begin < m; begin += blockRows {
		rows := min(blockRows, m-begin)
		if err := s.quantize(x[begin*w.K:][:rows*w.K], rows, w, a, begin); err != nil {
			return err
		}
		block := dst[begin*w.N:][:rows*w.N]
		if a.Bits > 0 {
			product[float64](block, s, rows, w, out)
		} else {
			product[float32](block, s, rows, w, out)
		}
	}
	return nil
}

// quantize turns rows of x into integers, with their scales and, where the weight needs them, group sums.
func (s *scratch) quantize(x []float32, rows int, w *pack.Matrix, a Arithmetic, first int) error {
	s.rows, s.scales = grow(s.rows, rows*w.K), grow(s.scales, rows)
	s.codes = grow(s.codes, w.K)
	s.sums = s.sums[:0]
	for i := range rows {
		row, ints := x[i*w.K:][:w.K], s.rows[i*w.K:][:w.K]
		low, high, bad := kernel.MinMax(row)
		if bad >= 0 {
			return fmt.Errorf("%w: got %v at row %d, column %d", ErrValue, row[bad], first+i, bad)
		}
		s.scales[i] = a.integers(ints, row, low, high)
		if w.Zeros == nil && w.Offsets == nil {
			continue
		}
		for p := 0; p < w.K; p += w.Group {
			s.sums = append(s.sums, kernel.Sum(ints[p:min(p+w.Group, w.K)]))
		}
	}
	return nil
}

// integers sets dst to the integers of a row with the range [low, high] and returns their scale.
func (a Arithmetic) integers(dst []int32, row []float32, low, high float32) float64 {
	if a.Bits > 0 {
		e := kernel.FixedOf(max(-low, high), a.Bits)
		kernel.QuantizeFixed(dst, row, e, a.Bits)
		return math.Ldexp(1, -e)
	}
	affine := a.Static
	if affine == nil {
		own := kernel.AffineOf(low, high, 255)
		affine = &own
	}
	kernel.QuantizeCentred(dst, row, *affine)
	return float64(affine.Scale)
}

// product multiplies the rows in s by w, with real sums of type F.
func product[F float32 | float64](dst []float32, s *scratch, rows int, w *pack.Matrix, out Output) {
	groups := w.Groups()
	for j := range w.N {
		column := w.Column(j, s.codes)
		for i := range rows {
			ints := s.rows[i*w.K:][:w.K]
			var sum F
			for g := range groups {
				begin, end := g*w.Group, min((g+1)*w.Group, w.K)
				dot := kernel.Dot(ints[begin:end], column[begin:end])
				block := j*groups + g
				if w.Zeros != nil {
					dot -= int64(w.Zeros[block]) * s.sums[i*groups+g]
				}
				sum += F(F(w.Scales[block]) * F(dot))
				if w.Offsets != nil {
					sum += F(F(w.Offsets[block]) * F(s.sums[i*groups+g]))
				}
			}
			dst[i*w.N+j] = out.apply(float32(F(sum*F(s.scales[i]))), j)
		}
	}
}

// MultiplyHalf sets dst = x·w for 16-bit weights, then applies out. Products are exact in float64 and added in
// order of depth; the sum is rounded once to float32. Errors: ErrValue, naming row and column.
func MultiplyHalf(dst, x []float32, m int, w *pack.Half, out Output) error {
	if _, _, bad := kernel.MinMax(x); bad >= 0 {
		return fmt.Errorf("%w: got %v at row %d, column %d", ErrValue, x[bad], bad/w.K, bad%w.K)
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	s.floats = grow(s.floats, w.K)
	for j := range w.N {
		w.Column(j, s.floats)
		for i := range m {
			y := float32(kernel.DotFloat(x[i*w.K:][:w.K], s.floats))
			dst[i*w.N+j] = out.apply(y, j)
		}
	}
	return nil
}
