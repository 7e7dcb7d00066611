//go:build linux || darwin

package idx

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"
)

// TestPipe has a pipe that nobody writes to or reads from where a file is opened and written: an error, and nothing waits.
func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t10k-images-idx3-ubyte")
	if err := syscall.Mkfifo(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSet(filepath.Dir(path), "t10k"); !errors.Is(err, fs.ErrInvalid) || errors.Is(err, ErrFormat) {
		t.Errorf("OpenSet: got %v, want fs.ErrInvalid", err)
	}
}
