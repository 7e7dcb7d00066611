//go:build unix

package safetensors

import (
	"errors"
	"math"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapFile returns the first size bytes of the file, for reading.
func mapFile(file *os.File, size int64) ([]byte, error) {
	if size > math.MaxInt {
		return nil, unix.EFBIG
	}
	return unix.Mmap(int(file.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
}

func unmap(data []byte) error { return unix.Munmap(data) }

// release tells the system that pages that lie in data are not needed soon, so that they are not counted as
// the program's. They can still be read.
func release(data []byte) {
	page := os.Getpagesize()
	before := -int(uintptr(unsafe.Pointer(unsafe.SliceData(data)))) & (page - 1)
	if whole := (len(data) - before) / page * page; whole > 0 {
		_ = unix.Madvise(data[before:][:whole], unix.MADV_DONTNEED) // advice
	}
}

// state is what tells a file from others, and from itself with other content.
type state struct{ unix.Stat_t }

func stateOf(file *os.File) (s state, err error) {
	conn, err := file.SyscallConn()
	if err != nil {
		return s, err
	}
	failed := conn.Control(func(fd uintptr) { err = again(func() error { return unix.Fstat(int(fd), &s.Stat_t) }) })
	if failed != nil {
		return s, os.ErrClosed
	}
	return s, err
}

func stateAt(path string) (s state, err error) {
	err = again(func() error { return unix.Stat(path, &s.Stat_t) })
	return s, err
}

// again calls f until no signal interrupts it.
func again(f func() error) error {
	for {
		if err := f(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func (s state) size() int64 { return s.Size }

func (s state) sameFile(o state) bool { return s.Dev == o.Dev && s.Ino == o.Ino }

// sameContent compares the time of change too, which no program sets: it also tells of new permissions,
// owners and names.
func (s state) sameContent(o state) bool {
	return s.Size == o.Size && s.Mtim == o.Mtim && s.Ctim == o.Ctim
}
