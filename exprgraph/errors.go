package exprgraph

import "errors"

// What the errors of this package wrap, beside those of qtensor and calib: test with errors.Is.
var (
	// ErrNode reports a node that cannot be observed: nil, not of the graph, or of a malformed one.
	ErrNode = errors.New("wrong node")
	// ErrPanic reports a panic of an embedded model. Machines run ops in goroutines that no caller can recover
	// in.
	ErrPanic = errors.New("a panic")
)
