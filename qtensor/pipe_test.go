//go:build linux || darwin

package qtensor

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"
)

// TestPipe has a pipe that nobody writes to or reads from where a file is opened and written: an error, and nothing waits.
func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("Open: got %v, want fs.ErrInvalid", err)
	}
	if err := Save(path, testBundle(t)); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("Save: got %v, want fs.ErrInvalid", err)
	}
}
