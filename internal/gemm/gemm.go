// Package gemm multiplies rows of activations by packed weights: rows become integers, integers are
// multiplied and summed exactly, and an epilogue turns the sums into float32 or into quantized values.
//
// Sizes are m, n, k: x is m×k, the weight k×n, the result m×n, all row-major. A row of the result depends on
// that row of x alone, so it is the same in any batch, on any number of threads and with any kernels.
//
// A Product, a FloatProduct or a Convolution holds what is known when a layer is prepared, the choice of an
// algorithm among it: dense or grouped, where a column has several scales or zero points; implicit GEMM,
// pixel-vectorized, depthwise, or windows copied to rows. Run is left with the rows. Images in float32 are convolved by a
// FloatConvolution, whose vectors are of pixels, or by a FloatChannelsLast, whose are of channels.
package gemm

import (
	"errors"
	"math"

	"euryale/internal/kernel"
)

// ErrValue reports a NaN or an infinity among the activations, or among results that are to be quantized.
var ErrValue = errors.New("not a finite number")

// Arithmetic is how a row x of activations becomes integers X.
type Arithmetic struct {
	// Bits is 24 or 16 for a fixed point: X = RNE(x·2^e), with e from the row's largest magnitude. The sums
	// are scaled in float64 and rounded once to float32. With 0 bits, a row becomes quantized values of
	// a byte, X = q − z, and the sums are scaled in float32.
	Bits int
	// Static is the quantization parameters when Bits is 0; nil takes 8 unsigned bits over the row's own
	// range.
	Static *kernel.Affine
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

// Activations are the input or the output of a layer, row-major: float32, or quantized values q of a byte,
// which stand for Params.Scale·(q − Params.Zero) with Params.Zero in 0 … 255.
type Activations struct {
	Float     []float32
	Quantized []uint8
	Params    kernel.Affine
	// ChannelsLast says that float images are (row, column, channel), which a FloatChannelsLast alone takes and
	// gives; else they are (channel, row, column).
	ChannelsLast bool
	// Stop, where it is set in the input, ends the work early once it is closed: results are undefined then,
	// and an error may be missing.
	Stop <-chan struct{}
	// SingleThreaded, in the input, leaves all the work to the caller's goroutine. Results are the same.
	SingleThreaded bool
}
