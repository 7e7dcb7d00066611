//go:build !unix

package safetensors

import (
	"errors"
	"os"
)

func mapFile(*os.File, int64) ([]byte, error) { return nil, errors.ErrUnsupported }

func unmap([]byte) error { return nil }

func release([]byte) {}

// state is what tells a file from others, and from itself with other content.
type state struct{ os.FileInfo }

func stateOf(file *os.File) (state, error) {
	info, err := file.Stat()
	return state{info}, err
}

func stateAt(path string) (state, error) {
	info, err := os.Stat(path)
	return state{info}, err
}

func (s state) size() int64 { return s.Size() }

func (s state) sameFile(o state) bool { return os.SameFile(s.FileInfo, o.FileInfo) }

func (s state) sameContent(o state) bool {
	return s.Size() == o.Size() && s.ModTime().Equal(o.ModTime())
}
