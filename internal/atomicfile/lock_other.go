//go:build !unix || aix

package atomicfile

import (
	"os"
	"time"
)

// lock has nothing to do: a file that is open cannot be removed.
func lock(*os.File) bool { return true }

// removeIfDead removes a temporary file that nobody has open. Its writer has it closed for a moment before it
// is renamed: what was written to within a minute stays.
func removeIfDead(path string) {
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > time.Minute {
		_ = os.Remove(path) // what cannot be removed stays
	}
}

// replace closes f and gives it the name path: a file that is open cannot be renamed.
func replace(f *os.File, path string) error {
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func writable(string) error { return nil }

func chown(*os.File, os.FileInfo) bool { return false }
