//go:build unix

package atomicfile

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestWriteRefuses has what is no regular file at the path, itself or behind a link: it stays, and nothing
// waits for it.
func TestWriteRefuses(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir) // the names of sockets are short
	if err := unix.Mkfifo("fifo", 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("dir", 0o777); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", "socket")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, kind := range []string{"fifo", "dir", "socket", os.DevNull} {
		link := filepath.Base(kind) + "-link"
		if err := os.Symlink(kind, link); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{kind, link} {
			before, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := put(path, "w"); !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("%s: got %v, want fs.ErrInvalid", path, err)
			}
			if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
				t.Errorf("%s: is another file, error %v", path, err)
			}
		}
	}
	wantNames(t, dir, "dir", "dir-link", "fifo", "fifo-link", "null-link", "socket", "socket-link")
}

// TestWriteKeepsTheOwner replaces files of others.
func TestWriteKeepsTheOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("files are given to others by a superuser")
	}
	path := filepath.Join(t.TempDir(), "a")
	if err := put(path, "old"); err != nil {
		t.Fatal(err)
	}
	for _, want := range [][2]int{{1234, 5678}, {0, 5678}, {1234, 0}} {
		if err := errors.Join(os.Chown(path, want[0], want[1]), os.Chmod(path, 0o640), put(path, "new")); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		got := info.Sys().(*syscall.Stat_t)
		if int(got.Uid) != want[0] || int(got.Gid) != want[1] || info.Mode() != 0o640 {
			t.Errorf("got owner %d, group %d, mode %v, want %v and 0640", got.Uid, got.Gid, info.Mode(), want)
		}
	}
}
