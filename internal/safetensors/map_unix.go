//go:build unix

package safetensors

import (
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

// release tells the system that pages that lie in data are not needed soon, so that they are not counted as the program's. They
// can still be read.
func release(data []byte) {
	page := os.Getpagesize()
	before := -int(uintptr(unsafe.Pointer(unsafe.SliceData(data)))) & (page - 1)
	if whole := (len(data) - before) / page * page; whole > 0 {
		_ = unix.Madvise(data[before:][:whole], unix.MADV_DONTNEED) // advice
	}
}
