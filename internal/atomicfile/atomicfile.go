// Package atomicfile writes files all or nothing.
package atomicfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Write gives the file at path the content that write writes, all or nothing: until the bytes are on the disk, a file
// that path held keeps its content, and it does so if anything fails. They are written to a temporary file in the
// same directory, which then takes the name. A file that is replaced passes on its permissions; one that did
// not exist gets 0o666 less the umask. A symbolic link is followed, to a file that need not exist. Anything but
// a regular file at path is refused with fs.ErrInvalid.
func Write(path string, write func(io.Writer) error) error {
	old, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		old, err = nil, nil
	}
	if err != nil {
		return err
	}
	perm := fs.FileMode(0o666)
	if old != nil {
		perm = old.Mode().Perm()
		if !old.Mode().IsRegular() {
			return fmt.Errorf("%w: %s: got %v, want a regular file", fs.ErrInvalid, path, old.Mode())
		}
	}
	path, err = followLinks(path)
	if err != nil {
		return err
	}
	dir, _ := filepath.Split(path)
	temp := dir + ".tmp-" + rand.Text()
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	if old != nil {
		err = f.Chmod(perm) // what the umask took away
	}
	if err == nil {
		err = write(f)
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	syncDir(dir)
	return nil
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
	if dir == "" {
		dir = "."
	}
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}
