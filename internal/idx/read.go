package idx

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"

	"euryale/internal/safeio"
)

// ReadImages returns the images of r, plain or gzip, which it reads to its end. Rows and columns are at least
// 1; a file of no images is accepted. Errors wrap ErrFormat, unless it is r that failed.
func ReadImages(r io.Reader) (*Images, error) {
	dims, pixels, err := read(r, imagesMagic)
	if err != nil {
		return nil, fmt.Errorf("idx: ReadImages: %w", err)
	}
	return &Images{Count: dims[0], Rows: dims[1], Cols: dims[2], Pixels: pixels}, nil
}

// ReadLabels returns the labels of r, each 0 to 9, plain or gzip, which it reads to its end. Errors wrap
// ErrFormat, unless it is r that failed.
func ReadLabels(r io.Reader) ([]byte, error) {
	_, labels, err := read(r, labelsMagic)
	if err == nil {
		err = checkLabels(labels)
	}
	if err != nil {
		return nil, fmt.Errorf("idx: ReadLabels: %w", err)
	}
	return labels, nil
}

// read returns the dimensions and the elements of a file that opens with the given magic
// number and holds nothing else.
func read(r io.Reader, magic uint32) (dims []int, data []byte, err error) {
	src, err := decompress(r)
	if err != nil {
		return nil, nil, err
	}
	header := make([]byte, headerSize(magic))
	n, err := io.ReadFull(src, header)
	if got := binary.BigEndian.Uint32(header); n >= 4 && got != magic {
		return nil, nil, fmt.Errorf("%w: magic at byte 0: got %#08x, want %#08x", ErrFormat, got, magic)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w: header at byte 0: got %d bytes, want %d", blame(err), n, len(header))
	}
	dims, size, err := parseDims(header[4:])
	if err != nil {
		return nil, nil, err
	}
	data, err = io.ReadAll(io.LimitReader(src, int64(size)+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("%w: data at byte %d: got %d bytes, want %d", blame(err), len(header), len(data), size)
	case len(data) < size:
		return nil, nil, fmt.Errorf("%w: data at byte %d: got %d bytes, want %d for dimensions %d", ErrFormat, len(header), len(data), size, dims)
	case len(data) > size:
		return nil, nil, fmt.Errorf("%w: trailing bytes at byte %d: got some, want none after %d for dimensions %d",
			ErrFormat, len(header)+size, size, dims)
	}
	return dims, data, nil
}

// headerSize returns 4 bytes for the magic number and 4 for each dimension that its last byte counts.
func headerSize(magic uint32) int { return 4 + 4*int(magic&0xff) }

// parseDims returns the dimensions and their product. Every one but the first is at least 1, and
// every product of the last ones is below the largest int, so that any offset into the data is
// an int too, on 32-bit machines as well.
func parseDims(header []byte) (dims []int, size int, err error) {
	names := [...]string{"count", "rows", "cols"}
	dims = make([]int, len(header)/4)
	product := uint64(1)
	for i := len(dims) - 1; i >= 0; i-- {
		dim := binary.BigEndian.Uint32(header[4*i:])
		if dim == 0 && i > 0 {
			return nil, 0, fmt.Errorf("%w: %s at byte %d: got 0, want at least 1", ErrFormat, names[i], 4+4*i)
		}
		high, low := bits.Mul64(product, uint64(dim))
		if high != 0 || low >= math.MaxInt {
			return nil, 0, fmt.Errorf("%w: %s at byte %d: got %d × %d bytes, want a size below %d", ErrFormat, names[i], 4+4*i,
				dim, product, math.MaxInt)
		}
		dims[i], product = int(dim), low
	}
	return dims, int(product), nil
}

// decompress returns r itself, or what r holds if its first two bytes are gzip's (RFC 1952, section 2.3.1).
func decompress(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(safeio.Reader(r))
	// Peek's error is left to the reads that follow: they meet it again, and know what they were reading.
	if start, _ := buffered.Peek(2); !bytes.Equal(start, []byte{0x1f, 0x8b}) {
		return buffered, nil
	}
	z, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, fmt.Errorf("%w: header of the compressed file", blame(err))
	}
	return z, nil
}

// blame wraps err with ErrFormat if the bytes are at fault: they end too early or do not decompress.
func blame(err error) error {
	var corrupt flate.CorruptInputError
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt) {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return err
}

// checkLabels reports the first label that is no digit.
func checkLabels(labels []byte) error {
	for i, label := range labels {
		if label > maxLabel {
			return fmt.Errorf("%w: label %d at byte %d: got %d, want 0 to %d", ErrFormat, i, headerSize(labelsMagic)+i, label, maxLabel)
		}
	}
	return nil
}
