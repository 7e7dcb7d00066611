package qtensor

import (
	"errors"

	"euryale/internal/dense"
	"euryale/internal/safetensors"
)

// The errors of this module wrap these: test with errors.Is. The other packages add a few of their own.
var (
	// ErrShape reports a rank, size or axis that an operation does not take.
	ErrShape = errors.New("wrong shape")
	// ErrDtype reports an element type that an operation does not take.
	ErrDtype = dense.ErrDtype
	// ErrLayout reports a tensor that cannot be read element by element: nil, sparse, masked or not in main
	// memory. Views, transposed and column-major tensors can.
	ErrLayout = dense.ErrLayout
	// ErrScheme reports the zero Scheme, a scheme that no tensor can have, and one that an operation does not
	// take.
	ErrScheme = errors.New("wrong scheme")
	// ErrParams reports quantization parameters that contradict their scheme or the tensor's shape, and any
	// other argument or option that an operation does not take, such as a nil one.
	ErrParams = errors.New("wrong parameters")
	// ErrValue reports a value that cannot be quantized: NaN, an infinity, or one past a format's range. It
	// also reports an index that names no row.
	ErrValue = errors.New("wrong value")
	// ErrFormat reports a file that is damaged, or made to mislead its reader, and a Bundle that no file can
	// hold.
	ErrFormat = safetensors.ErrFormat
	// ErrNotFound reports a name that a file or a model does not have.
	ErrNotFound = safetensors.ErrNotFound
	// ErrChanged reports a file that was truncated or written to in place after Open, or after Load of
	// package model: open it again. The file's size and mtime tell, and on Unix its ctime, which chmod, chown
	// and rename set too. Save replaces a file by a new one, which leaves the one that is open as it was.
	ErrChanged = safetensors.ErrChanged
)
