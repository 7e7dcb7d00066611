//go:build unix

package safeio

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOpenWaitsForNobody opens a pipe that nothing writes to, and one that takes the place of a file between
// Open's two looks.
func TestOpenWaitsForNobody(t *testing.T) {
	t.Chdir(t.TempDir()) // the names of sockets are short
	if err := unix.Mkfifo("fifo", 0o666); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", "socket")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := os.Symlink("fifo", "link"); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"fifo", "socket", "link"} {
		if _, err := Open(path); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s: got %v, want fs.ErrInvalid", path, err)
		}
	}
	f, err := os.OpenFile("fifo", os.O_RDONLY|nonblock, 0) // as Open does after its first look
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}
