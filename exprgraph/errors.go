package exprgraph

import "errors"

// What the errors of this package wrap, beside those of qtensor, calib and model: test with errors.Is.
var (
	// ErrUnsupported reports a node of a float graph that cannot be read; the error names node and op, and says
	// what was wanted.
	ErrUnsupported = errors.New("unsupported in a float graph")
	// ErrMismatch reports a network whose outputs are neither within 110 dB of Gorgonia's nor within a
	// millionth of their largest value. A float64 graph that amplifies the rounding of its values to float32,
	// as a long recurrence can, is one too: build it of float32, which is read to the bit.
	ErrMismatch = errors.New("the network that was read gives other results than Gorgonia")
	// ErrOp reports an op, of Gorgonia or of the user, that returns an error or panics.
	ErrOp = errors.New("the op fails")
	// ErrReentrant reports a build, or an op of the user, that runs the model that it belongs to.
	ErrReentrant = errors.New("a build, or an op, runs the model that it belongs to")
	// ErrNode reports a node that cannot be observed: nil, not of the graph, or of a malformed one.
	ErrNode = errors.New("wrong node")
	// ErrPanic reports a panic of an embedded model. Machines run ops in goroutines that no caller can
	// recover in.
	ErrPanic = errors.New("a panic")
)
