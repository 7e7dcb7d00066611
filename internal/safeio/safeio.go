// Package safeio opens files, and calls readers and writers, that may do anything: opening never waits, and
// what breaks the contract of package io is an error.
package safeio

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// ErrContract is wrapped by errors about a reader or writer that does what package io forbids, or that
// panics.
var ErrContract = errors.New("broken contract of package io")

// Open opens the regular file at path for reading. Anything else, such as a directory, a device or a pipe
// that nothing writes to, is refused at once with fs.ErrInvalid.
func Open(path string) (*os.File, error) {
	if _, err := Regular(path, os.Stat); err != nil { // opening a device may do things
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, err
	}
	if _, err := Regular(path, func(string) (fs.FileInfo, error) { return f.Stat() }); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Regular returns stat(path), and fs.ErrInvalid for what is not a regular file.
func Regular(path string, stat func(string) (fs.FileInfo, error)) (fs.FileInfo, error) {
	info, err := stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: %s: got %v, want a regular file", fs.ErrInvalid, path, info.Mode())
	}
	return info, err
}

// step is how many bytes ReadAt asks for before it has as many.
const step = 16 << 20

// ReadAt returns the n bytes from offset off of r. It allocates no more than twice what r has given, and 16
// MiB. Fewer bytes are an error that wraps io.ErrUnexpectedEOF.
func ReadAt(r io.ReaderAt, off int64, n int) ([]byte, error) {
	if r == nil {
		return nil, fmt.Errorf("%w: got a nil reader", fs.ErrInvalid)
	}
	var data []byte
	for len(data) < n {
		have := len(data)
		more := min(n-have, max(have, step))
		data = append(make([]byte, 0, have+more), data...)[:have+more]
		if err := fill(r, data[have:], off+int64(have)); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func fill(r io.ReaderAt, buf []byte, off int64) error {
	n, err := call(len(buf), func() (int, error) { return r.ReadAt(buf, off) })
	switch {
	case n == len(buf) && (err == nil || errors.Is(err, io.EOF)):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("byte %d: got %d bytes, want %d: %w", off, n, len(buf), err)
}

// call returns what f does, which reads or writes up to size bytes, and in place of a panic or of a count
// that cannot be an error that wraps ErrContract.
func call(size int, f func() (int, error)) (n int, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			n, err = 0, fmt.Errorf("%w: panic: %v", ErrContract, caught)
		}
	}()
	if n, err = f(); n < 0 || n > size {
		return 0, errors.Join(fmt.Errorf("%w: got a count of %d for %d bytes", ErrContract, n, size), err)
	}
	return n, err
}

// Reader returns a reader that works like r, with errors for what r does wrong. A nil r fails with
// fs.ErrInvalid.
func Reader(r io.Reader) io.Reader { return &reader{r: r} }

type reader struct {
	r     io.Reader
	empty int // reads that gave nothing, in a row
}

// maxEmpty is how many reads in a row may give nothing, as in package bufio.
const maxEmpty = 100

func (r *reader) Read(buf []byte) (int, error) {
	if r.r == nil {
		return 0, fmt.Errorf("%w: got a nil reader", fs.ErrInvalid)
	}
	n, err := call(len(buf), func() (int, error) { return r.r.Read(buf) })
	if r.empty++; n > 0 || err != nil || len(buf) == 0 {
		r.empty = 0
	}
	if r.empty >= maxEmpty {
		err = io.ErrNoProgress
	}
	return n, err
}

// Writer returns a writer that works like w, with errors for what w does wrong. A nil w fails with
// fs.ErrInvalid.
func Writer(w io.Writer) io.Writer { return writer{w} }

type writer struct{ w io.Writer }

func (w writer) Write(data []byte) (int, error) {
	if w.w == nil {
		return 0, fmt.Errorf("%w: got a nil writer", fs.ErrInvalid)
	}
	n, err := call(len(data), func() (int, error) { return w.w.Write(data) })
	if n < len(data) && err == nil {
		err = io.ErrShortWrite
	}
	return n, err
}
