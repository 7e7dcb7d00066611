//go:build linux || darwin || freebsd

package safetensors

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// stored returns how many of the size bytes of a file are on the disk and not a hole, counted up to enough or
// past it, and size where the file system does not tell.
func stored(file *os.File, size, enough int64) (sum int64) {
	fd := int(file.Fd())
	for end := int64(0); end < size && sum < enough; {
		begin, err := unix.Seek(fd, end, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) { // a hole up to the end
			return sum
		}
		if err == nil {
			end, err = unix.Seek(fd, begin, unix.SEEK_HOLE)
		}
		if err != nil {
			return size
		}
		sum += end - begin
	}
	return sum
}
