//go:build unix && !aix

package atomicfile

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// lock reports false if another writer has f locked. The lock goes with the file or with the process. A file
// system that has no locks refuses them to removeIfDead too, which leaves its files alone.
func lock(f *os.File) bool {
	return !errors.Is(flock(f), unix.EWOULDBLOCK)
}

func flock(f *os.File) (err error) {
	for {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// removeIfDead removes a temporary file that its writer does not hold.
func removeIfDead(path string) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && flock(f) == nil {
		_ = os.Remove(path) // what cannot be removed stays
	}
}

// replace gives f the name path while it is locked, so that nobody takes it for a dead writer's, and closes
// it.
func replace(f *os.File, path string) error {
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	_ = f.Close() // its bytes are on the disk, and path has them
	return nil
}

// writable returns an error that wraps fs.ErrPermission if this process may not write to the file at path.
func writable(path string) error {
	if err := unix.Access(path, unix.W_OK); err != nil {
		return &os.PathError{Op: "write", Path: path, Err: err}
	}
	return nil
}

// chown gives f the owner of old, or at least its group, and reports whether it has the group.
func chown(f *os.File, old os.FileInfo) bool {
	want, ok := old.Sys().(*syscall.Stat_t)
	if !ok || f.Chown(int(want.Uid), int(want.Gid)) == nil {
		return ok
	}
	return f.Chown(-1, int(want.Gid)) == nil
}
