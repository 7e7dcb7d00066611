// Package idx reads and writes IDX, the file format of the MNIST digits: a magic number whose last byte is
// the number of dimensions, one big-endian uint32 per dimension, one unsigned byte per element.
//
//	offset  images       labels
//	     0  0x00000803   0x00000801
//	     4  count        count
//	     8  rows         labels, one byte each, 0 to 9
//	    12  cols
//	    16  pixels, row-major, image after image
//
// Readers take a file plain or gzip-compressed, and as hostile until checked: memory grows
// with the bytes that arrive, never with a size that the header declares, and no more than one
// byte past that size is ever decompressed.
//
// Source: Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits",
// section "File formats".
package idx

import "errors"

// Magic numbers: two zero bytes, 0x08 for unsigned bytes, then the number of dimensions.
const (
	imagesMagic = 0x00000803
	labelsMagic = 0x00000801
)

// maxLabel is the largest digit.
const maxLabel = 9

// ErrFormat is wrapped by every error whose cause is the data: a wrong magic number, a size that the data
// does not hold or exceeds, damaged compression, a label above 9, images and labels that do not pair up. An
// error of the reader or of the writer itself is wrapped without it.
var ErrFormat = errors.New("malformed IDX")

// Images is Count images of Rows × Cols grey bytes: Pixels[(i·Rows + r)·Cols + c] is row
// r, column c of image i.
type Images struct {
	Count, Rows, Cols int
	Pixels            []byte
}

// Image returns the Rows·Cols pixels of image i, row-major, a slice of m.Pixels. Like any
// index, i is in [0, m.Count).
func (m *Images) Image(i int) []byte {
	size := m.Rows * m.Cols
	return m.Pixels[i*size : (i+1)*size : (i+1)*size]
}
