//go:build linux || darwin

package catalogue

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"

	"euryale/calib"
	"euryale/internal/idx"
	"euryale/model"
	"euryale/qtensor"
)

// TestPipe has a pipe that nobody writes to or reads from where a file is opened and written: an error, and
// nothing waits.
func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t10k-images-idx3-ubyte") // idx opens files by their names
	if err := syscall.Mkfifo(path, 0o666); err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func() error{
		"calib.LoadProfile":  func() error { _, err := calib.LoadProfile(path); return err },
		"calib.Profile.Save": func() error { return new(calib.Profile).Save(path) },
		"idx.OpenSet":        func() error { _, err := idx.OpenSet(filepath.Dir(path), "t10k"); return err },
		"model.Load":         func() error { _, err := model.Load(path); return err },
		"model.Model.Save":   func() error { return must(model.New(network(), nil)).Save(path) },
		"qtensor.Open":       func() error { _, err := qtensor.Open(path); return err },
		"qtensor.Save":       func() error { return qtensor.Save(path, qtensor.Bundle{}) },
	} {
		if err := call(); !errors.Is(err, fs.ErrInvalid) || errors.Is(err, idx.ErrFormat) {
			t.Errorf("%s: got %v, want fs.ErrInvalid", name, err)
		}
	}
}
