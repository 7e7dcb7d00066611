package qtensor

import (
	"errors"

	"euryale/internal/dense"
	"euryale/internal/safetensors"
)

// What the errors of this module wrap: test with errors.Is.
var (
	// ErrShape reports a rank, size or axis that an operation does not take.
	ErrShape = errors.New("wrong shape")
	// ErrDtype reports an element type that an operation does not take.
	ErrDtype = dense.ErrDtype
	// ErrLayout reports a tensor that cannot be read element by element: sparse, masked or not in main
	// memory. Views, transposed and column-major tensors can.
	ErrLayout = dense.ErrLayout
	// ErrScheme reports a scheme that does not exist, or that an operation does not take.
	ErrScheme = errors.New("wrong scheme")
	// ErrParams reports parameters that contradict their scheme or the tensor's shape.
	ErrParams = errors.New("wrong parameters")
	// ErrValue reports a value that cannot be quantized: NaN, an infinity, or one past a format's range; or
	// an index that names no row.
	ErrValue = errors.New("wrong value")
	// ErrFormat reports a damaged or hostile file, or a Bundle that no file can hold.
	ErrFormat = safetensors.ErrFormat
	// ErrNotFound reports a name that a file does not have.
	ErrNotFound = safetensors.ErrNotFound
	// ErrChanged reports a file that was truncated or written to in place after it was opened: open it again.
	// It is found by the file's size, its mtime and, on Unix, its ctime, which chmod, chown and rename set
	// too. It comes from what reads a tensor of a File, and from Run, Save and Write of a model that Load
	// mapped. Save of this module replaces a file, which does not change the one that is open.
	ErrChanged = safetensors.ErrChanged
)
