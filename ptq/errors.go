package ptq

import "errors"

// What errors of Quantize wrap, besides those of qtensor and calib: test with errors.Is.
var (
	// ErrSamples reports samples of which there is none.
	ErrSamples = errors.New("no samples")
	// ErrWalk reports samples that were not as many in the second walk as in the first.
	ErrWalk = errors.New("another number of samples")
	// ErrNothingQuantized reports a network of which nothing would be quantized.
	ErrNothingQuantized = errors.New("nothing is quantized")
)
