package idx

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/bits"

	"euryale/internal/safeio"
)

// WriteImages writes m to w, uncompressed, in the bytes that ReadImages takes back. It writes nothing and
// returns an error that wraps ErrFormat if rows or columns are below 1, a size is not a uint32, or
// len(m.Pixels) is not Count·Rows·Cols.
func WriteImages(w io.Writer, m *Images) error {
	err := checkImages(m)
	if err == nil {
		err = write(w, imagesMagic, m.Pixels, m.Count, m.Rows, m.Cols)
	}
	if err != nil {
		return fmt.Errorf("idx: WriteImages: %w", err)
	}
	return nil
}

// WriteLabels writes labels to w, uncompressed, in the bytes that ReadLabels takes back. It writes nothing
// and returns an error that wraps ErrFormat if a label is above 9 or the labels are too many for a uint32.
func WriteLabels(w io.Writer, labels []byte) error {
	err := checkLabels(labels)
	if err == nil && uint64(len(labels)) > math.MaxUint32 {
		err = fmt.Errorf("%w: count: got %d, want at most %d", ErrFormat, len(labels), uint32(math.MaxUint32))
	}
	if err == nil {
		err = write(w, labelsMagic, labels, len(labels))
	}
	if err != nil {
		return fmt.Errorf("idx: WriteLabels: %w", err)
	}
	return nil
}

// write writes a header of the given dimensions, each a uint32, then data.
func write(w io.Writer, magic uint32, data []byte, dims ...int) error {
	w = safeio.Writer(w)
	header := binary.BigEndian.AppendUint32(nil, magic)
	for _, dim := range dims {
		header = binary.BigEndian.AppendUint32(header, uint32(dim))
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

// checkImages reports dimensions that do not fit the format or do not describe the pixels.
func checkImages(m *Images) error {
	if m == nil {
		return fmt.Errorf("%w: images: got nil", ErrFormat)
	}
	for _, dim := range []struct {
		name     string
		got, min int
	}{{"count", m.Count, 0}, {"rows", m.Rows, 1}, {"cols", m.Cols, 1}} {
		if dim.got < dim.min || uint64(dim.got) > math.MaxUint32 {
			return fmt.Errorf("%w: %s: got %d, want %d to %d", ErrFormat, dim.name, dim.got, dim.min, uint32(math.MaxUint32))
		}
	}
	high, size := bits.Mul64(uint64(m.Rows)*uint64(m.Cols), uint64(m.Count))
	if high != 0 || size != uint64(len(m.Pixels)) {
		return fmt.Errorf("%w: pixels: got %d bytes, want %d × %d × %d", ErrFormat, len(m.Pixels), m.Count, m.Rows, m.Cols)
	}
	return nil
}
