// Package gemm multiplies rows of float32 activations by packed weights: rows become integers, integers are
// multiplied and summed exactly, and an output stage turns the sums back into float32.
//
// Sizes are m, n, k: x is m×k, the weight k×n, the result m×n, all row-major. A row of the result depends on
// that row of x alone, so it is the same in any batch, on any number of threads and with any kernels.
package gemm

import (
	"errors"
	"math"

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
	// Alone leaves all the work to the caller's goroutine. Results are the same.
	Alone bool
}

// Output is what follows the product: y + bias, then max(y, 0), in float32. No result is −0.
type Output struct {
	Bias []float32 // of length n; nil is all zeros
	ReLU bool
}

// floor returns the least value of a result.
func (o Output) floor() float32 {
	if o.ReLU {
		return 0
	}
	return float32(math.Inf(-1))
}

// Numbers are activations or results, row-major: float32, or codes of a byte, which stand for Map.Scale·(code − Map.Zero) with
// Map.Zero in 0 … 255.
type Numbers struct {
	Float []float32
	Codes []uint8
	Map   kernel.Affine
	// Stop, of activations, ends the work early once it is closed; results are undefined then, and an error
	// may be missing.
	Stop <-chan struct{}
}

// Product sets dst = x·w for m rows, then applies out. For row i and column j, with X the integers of the row, r their
// scale, and s, z, lo those of a group of the column's codes q:
//
//	y = r·Σ_groups ( s·Σ X·(q − z) + lo·Σ X )
//
// The integer sums are exact, for a fixed point up to a depth of 2^22. The real one is made in float64 for a fixed point and in float32 for codes of a
// byte: from 0, groups in order of depth, s before lo, each product rounded and then added to the sum of all
// that came before it; y is then rounded to float32.
// For a fixed point, an infinite y is one whose true value passes the largest float32. For codes of a byte a
// partial sum may pass it too, before r is applied: y is infinite or NaN then.
//
// Where x is codes, X = code − Map.Zero, whatever a is. Where dst is codes they are those of y, clamp(RNE(y/Scale) + Zero, Low,
// High), a float32 division, ties to even, saturated: codes of a layer so become those of the next.
// dst does not overlap x. Errors: ErrValue, naming row and column, for x, or for y that become codes; dst is undefined then.
func Product(dst, x Numbers, m int, w *pack.Matrix, a Arithmetic, out Output) error {
	c := calls.Get().(*call)
	c.take(dst, x, w, a, out)
	err := c.multiplyRows(m)
	c.release()
	return err
}

// Multiply is Product from float32 to float32.
func Multiply(dst, x []float32, m int, w *pack.Matrix, a Arithmetic, out Output) error {
	return Product(Numbers{Float: dst}, Numbers{Float: x}, m, w, a, out)
}

// MultiplyCodes is Product from codes, scale·(code − zero), to float32.
func MultiplyCodes(dst []float32, codes []uint8, zero int32, scale float32, m int, w *pack.Matrix, out Output) {
	x := Numbers{Codes: codes, Map: kernel.Affine{Scale: scale, Zero: zero, High: 255}}
	if err := Product(Numbers{Float: dst}, x, m, w, Arithmetic{}, out); err != nil {
		panic(err) // there is no code that is not finite
	}
}
