// Package atomicfile writes files all or nothing.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"euryale/internal/safeio"
)

// Write gives the file at path the content that write writes, all or nothing: until the bytes are on the
// disk, a file that was at path keeps its content, and it does so if anything fails. They are written to a
// temporary file in the same directory, which then takes the name. Temporary files that earlier writers of
// the same file left behind, as a killed process does, are removed first; those of writers that are still at
// work stay.
//
// A file that is replaced passes on its permissions, and its owner and group where the system permits it:
// where the group is lost, it has the permissions of all others. One that did not exist gets 0o666 less the
// umask. Access lists and other attributes are not passed on. A symbolic link is followed, to a file that
// need not exist.
//
// Errors, before a byte is written: fs.ErrInvalid for anything but a regular file at path; fs.ErrPermission
// for a file that is read-only, by its mode or for this process.
func Write(path string, write func(io.Writer) error) (err error) {
	old, err := replaceable(path)
	if err == nil {
		path, err = followLinks(path)
	}
	if err != nil {
		return err
	}
	dir, base := filepath.Split(path)
	if base == "" {
		return fmt.Errorf("%w: %q: want the name of a file", fs.ErrInvalid, path)
	}
	reap(dir, base)
	f, err := create(dir, base, old)
	if err != nil {
		return err
	}
	done := false // unless something fails, or write panics
	defer func() {
		if !done {
			err = errors.Join(err, drop(f))
		}
	}()
	if old != nil {
		err = takeAfter(f, old)
	}
	if err == nil {
		err = write(f)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = replace(f, path)
	}
	if err != nil {
		return err
	}
	done = true
	syncDir(dir)
	return nil
}

// replaceable returns what path holds, nil for nothing, or an error if that is not to be replaced.
func replaceable(path string) (fs.FileInfo, error) {
	old, err := safeio.Regular(path, os.Stat)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case old.Mode()&0o222 == 0: // which does not keep a superuser from writing to it
		return nil, fmt.Errorf("%w: %s is read-only: %v", fs.ErrPermission, path, old.Mode())
	}
	return old, writable(path)
}

// takeAfter gives f the owner and the permissions of old.
func takeAfter(f *os.File, old fs.FileInfo) error {
	perm := old.Mode().Perm()
	if !chown(f, old) {
		perm = perm&^0o070 | perm&0o007<<3
	}
	return f.Chmod(perm)
}

// drop closes and removes a file that is not to be.
func drop(f *os.File) error {
	err := f.Close()
	if errors.Is(err, fs.ErrClosed) { // by replace, or by what wrote to it
		err = nil
	}
	return errors.Join(err, os.Remove(f.Name()))
}

// followLinks returns the path at the end of the symbolic links that start at path, whether it exists or not.
// Paths are joined as they are, since cleaning "link/.." would leave the directory that link leads to.
func followLinks(path string) (string, error) {
	for range 255 { // as filepath.EvalSymlinks
		target, err := os.Readlink(path)
		if err != nil {
			return path, nil // not a link, or nothing there
		}
		if !filepath.IsAbs(target) {
			dir, _ := filepath.Split(path)
			target = dir + target
		}
		path = target
	}
	return "", fmt.Errorf("%w: %s: got more than 255 symbolic links", fs.ErrInvalid, path)
}

// syncDir makes a rename in dir outlast a power cut, on the systems that let directories be synced;
// where one does not, the file is whole all the same, the old or the other.
func syncDir(dir string) {
	if d, err := os.Open(folder(dir)); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}

// folder returns the name of a directory that filepath.Split has cut off.
func folder(dir string) string {
	if dir == "" {
		return "."
	}
	return dir
}
