package ptq

import "errors"

// What errors of Quantize wrap, besides those of qtensor and calib: test with errors.Is.
var (
	// ErrSamples reports samples that gave none.
	ErrSamples = errors.New("no samples")
	// ErrWalk reports samples that gave another number the second or the third time. They have to be an
	// iterator that may be used again: collect what a channel or a reader gives once.
	ErrWalk = errors.New("another number of samples")
	// ErrNothingQuantized reports a network of which nothing would be quantized, which Config.AllowFloat
	// accepts.
	ErrNothingQuantized = errors.New("nothing is quantized")
)
