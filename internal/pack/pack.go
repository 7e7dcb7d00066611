// Package pack lays out weights for the kernels that multiply by them.
//
// A weight is k×n: k, the depth, is summed over, and n columns come out. Columns are stored one after
// another, so that a dot product runs along memory. Packed weights live in memory only: files hold plain
// codes.
package pack

import (
	"fmt"

	"euryale/internal/half"
	"euryale/internal/kernel"
)

// Matrix is a weight of integer codes. The element at depth p of column j is
//
//	Scales[j·G + g]·(code − Zeros[j·G + g]) + Offsets[j·G + g],   g = p/Group, G = Groups()
//
// Codes are signed; a nil list is all zeros.
type Matrix struct {
	K, N    int
	Group   int // depth that shares a scale
	Scales  []float32
	Zeros   []int32
	Offsets []float32

	codes   []int8  // [n][k]
	nibbles []uint8 // or two codes a byte, each column beginning at a byte
}

// Groups returns the number of scales in a column.
func (w *Matrix) Groups() int { return (w.K + w.Group - 1) / w.Group }

// Bytes returns the memory that the weight takes.
func (w *Matrix) Bytes() int {
	return len(w.codes) + len(w.nibbles) + 4*(len(w.Scales)+len(w.Zeros)+len(w.Offsets))
}

// New packs codes [n][k] of the given bits, 4 for two codes a byte or 8. Unsigned codes are shifted down by
// half their range, and their zero points with them. m.K, N, Group, Scales, Zeros and Offsets are set by
// the caller, who gives the lists away; lengths that do not go together panic.
func New[C kernel.Code](m Matrix, codes []C, bits int) *Matrix {
	blocks := m.N * m.Groups()
	if len(codes) != m.K*m.N || len(m.Scales) != blocks || m.Zeros != nil && len(m.Zeros) != blocks || m.Offsets != nil && len(m.Offsets) != blocks {
		panic(fmt.Sprintf("pack: New: got %d codes, %d scales, %d zero points and %d offsets for %d×%d in groups of %d",
			len(codes), len(m.Scales), len(m.Zeros), len(m.Offsets), m.K, m.N, m.Group))
	}
	var shift int32
	if _, unsigned := any(codes).([]uint8); unsigned {
		shift = 1 << (bits - 1)
		m.shift(shift)
	}
	m.codes = make([]int8, len(codes))
	for i, c := range codes {
		m.codes[i] = int8(int32(c) - shift)
	}
	if bits == 4 {
		half := (m.K + 1) / 2
		m.nibbles = make([]uint8, m.N*half)
		for j := range m.N {
			kernel.PackNibbles(m.nibbles[j*half:][:half], m.codes[j*m.K:][:m.K])
		}
		m.codes = nil
	}
	return &m
}

// shift moves the codes down by c: s·(q − z) keeps its value if z moves too, and so does lo + s·q with a
// zero point of −c.
func (w *Matrix) shift(c int32) {
	if w.Zeros == nil {
		w.Zeros = make([]int32, len(w.Scales))
	}
	for i := range w.Zeros {
		w.Zeros[i] -= c
	}
}

// Column returns the codes of column j: in place, or unpacked into scratch, which has length K.
func (w *Matrix) Column(j int, scratch []int8) []int8 {
	if w.nibbles == nil {
		return w.codes[j*w.K:][:w.K]
	}
	half := (w.K + 1) / 2
	kernel.UnpackInt4(scratch[:w.K], w.nibbles[j*half:][:half])
	return scratch[:w.K]
}

// Half is a weight of 16-bit floating-point numbers, [n][k].
type Half struct {
	K, N   int
	Codes  []uint16
	Format half.Format
}

// Bytes returns the memory that the weight takes.
func (w *Half) Bytes() int { return 2 * len(w.Codes) }

// Column sets dst, of length K, to the numbers of column j.
func (w *Half) Column(j int, dst []float32) {
	for p, c := range w.Codes[j*w.K:][:w.K] {
		dst[p] = w.Format.Decode(c)
	}
}
