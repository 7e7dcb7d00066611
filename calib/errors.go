package calib

import "errors"

// What the errors of this package wrap, beside those of qtensor: test with errors.Is.
var (
	// ErrEmpty reports a range asked of something that saw no finite value.
	ErrEmpty = errors.New("nothing seen")
	// ErrKey reports a key that names nothing, or that cannot name anything: empty, or not UTF-8.
	ErrKey = errors.New("wrong key")
	// ErrOption reports an averaging constant outside (0, 1], or a missing option or estimator.
	ErrOption = errors.New("wrong option")
	// ErrProfile reports a damaged or hostile profile, or a nil one that something is added to.
	ErrProfile = errors.New("wrong profile")
)
