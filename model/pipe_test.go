//go:build linux || darwin

package model_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"

	"euryale/model"
)

// TestPipe has a pipe that nobody writes to or reads from where a file is opened and written: an error, and nothing waits.
func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := model.Load(path); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("Load: got %v, want fs.ErrInvalid", err)
	}
	if err := newModel(t, mlp(), nil).Save(path); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("Save: got %v, want fs.ErrInvalid", err)
	}
}
