package ptq

import "errors"

// What Quantize returns, besides the errors of qtensor.
var (
	// ErrSamples reports that there was no sample.
	ErrSamples = errors.New("no samples")
	// ErrWalk reports samples that are not as many each time.
	ErrWalk = errors.New("another number of samples")
	// ErrNothingQuantized reports a network of which nothing would be quantized.
	ErrNothingQuantized = errors.New("nothing is quantized")
)
