package exprgraph

import "errors"

// What the errors of this package wrap, besides those of qtensor, calib and model: test with errors.Is.
var (
	// ErrUnsupported reports nodes of a float graph that cannot be read. The error lists all of them by op and
	// reason, with their number and the name of one, and says how many AllowGorgonia keeps as calls.
	ErrUnsupported = errors.New("unsupported in a float graph")
	// ErrMismatch reports that the model and Gorgonia disagree: the SQNR of an output is below 110 dB, and a
	// value of it is off by more than a millionth of the output's largest, and by more than rounding
	// explains. What that explains is measured: how far the value moves, at most, in Gorgonia's own ops
	// between four random disturbances of every value of the graph, by up to 4·2⁻²⁰ of itself, and the same
	// ones of up to 7·2⁻²⁰. It is 110 dB of terms that cancel. A function that jumps, such as Floor, may get
	// here by rounding alone.
	ErrMismatch = errors.New("the network that was read gives other results than Gorgonia")
	// ErrOp reports an op, of Gorgonia or of the user, that returns an error or panics. It comes from Run of
	// a model that calls the op, and from Read and ReadBuild, which run that model. If other ops of Gorgonia
	// fail there, Report.NotCompared has the error.
	ErrOp = errors.New("the op fails")
	// ErrReentrant reports a build, or an op of the user, that runs the model that it belongs to.
	ErrReentrant = errors.New("a build, or an op, runs the model that it belongs to")
	// ErrNode reports a node that cannot be observed: nil, not of the graph, or of a malformed one.
	ErrNode = errors.New("wrong node")
	// ErrPanic reports a panic of an embedded model. Machines run ops in goroutines that no caller can
	// recover in.
	ErrPanic = errors.New("a panic")
)
