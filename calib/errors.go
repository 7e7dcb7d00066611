package calib

import "errors"

// The errors of this package wrap these, or those of qtensor: test with errors.Is.
var (
	// ErrEmpty reports that no finite value was observed, so there is no range.
	ErrEmpty = errors.New("nothing seen")
	// ErrKey reports an unknown key, and one that is empty or not UTF-8.
	ErrKey = errors.New("wrong key")
	// ErrOption reports an averaging constant outside (0, 1], or a missing option or estimator.
	ErrOption = errors.New("wrong option")
	// ErrProfile reports a profile that is damaged, or made to mislead its reader, and a nil one that
	// something is added to.
	ErrProfile = errors.New("wrong profile")
)
