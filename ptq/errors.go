package ptq

import (
	"errors"

	"euryale/internal/graph"
)

// What Quantize returns, besides the errors of qtensor.
var (
	// ErrSamples reports that there was no sample.
	ErrSamples = errors.New("no samples")
	// ErrWalk reports samples that are not as many each time.
	ErrWalk = errors.New("another number of samples")
	// ErrNothingQuantized reports a network of which nothing would be quantized.
	ErrNothingQuantized = errors.New("nothing is quantized")
	// ErrUnsupported reports a part of a float graph that is not understood; the error names node and op, and
	// what was wanted.
	ErrUnsupported = graph.ErrUnsupported
	// ErrMismatch reports a network that is not what Gorgonia computes, by 110 dB or a millionth of the
	// largest number of an output. A float64 graph that amplifies the rounding of its numbers to float32, as
	// a long recurrence can, is one too: build it of float32, which is read to the bit.
	ErrMismatch = errors.New("the network that was read gives other results than Gorgonia")
)

// What the runs of a model return whose Report.Kept has an operation of Gorgonia.
var (
	// ErrOp reports an op, of Gorgonia or of the user, that returns an error or panics.
	ErrOp = graph.ErrOp
	// ErrReentrant reports a build, or an op of the user, that runs the model that it is a part of.
	ErrReentrant = graph.ErrReentrant
)
