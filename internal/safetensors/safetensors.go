// Package safetensors reads and writes the safetensors container: named arrays of raw
// little-endian, row-major bytes.
//
//	file   = n (uint64, little-endian), header (n bytes), data
//	header = {"__metadata__": {KEY: TEXT, …},
//	          NAME: {"dtype": D, "shape": [d₀, …], "data_offsets": [begin, end]}, …}, spaces
//
// Offsets count from the start of the data. The tensors cover the data without holes or
// overlaps, and end − begin = Π dᵢ · Size(D). A tensor without dimensions holds one element;
// one with a zero dimension holds none.
//
// The format is that of https://github.com/huggingface/safetensors ("Format" in its README), read
// strictly: what JSON leaves to the parser, such as duplicate keys, is refused, so no two readers
// can see different tensors in one file.
package safetensors

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// ErrFormat is wrapped by every error about a file that breaks the format, and by Write and WriteFile when
// what they are given cannot be written in it. ErrNotFound is wrapped by Load for a name that the file does
// not hold, and ErrChanged for a file that was cut or written to in place since it was opened.
var (
	ErrFormat   = errors.New("invalid safetensors")
	ErrNotFound = errors.New("no such tensor")
	ErrChanged  = errors.New("the file was changed since it was opened")
)

const (
	metadataKey = "__metadata__"
	prefixBytes = 8           // the header's length
	maxHeader   = 100_000_000 // bytes; the limit of the reference implementation
	maxTexts    = 1 << 16     // of the metadata, which take many times their bytes if they are short
)

// Dtype is the type of a tensor's elements, spelled as in the file.
type Dtype string

// The element types. BF16 is the upper half of an F32; F8E4M3, F8E5M2 and F8E8M0 are named by
// their exponent and mantissa bits. F8E8M0 has no sign: it is a power of two.
const (
	BOOL   Dtype = "BOOL"
	U8     Dtype = "U8"
	I8     Dtype = "I8"
	F8E4M3 Dtype = "F8_E4M3"
	F8E5M2 Dtype = "F8_E5M2"
	F8E8M0 Dtype = "F8_E8M0"
	I16    Dtype = "I16"
	U16    Dtype = "U16"
	F16    Dtype = "F16"
	BF16   Dtype = "BF16"
	I32    Dtype = "I32"
	U32    Dtype = "U32"
	F32    Dtype = "F32"
	I64    Dtype = "I64"
	U64    Dtype = "U64"
	F64    Dtype = "F64"
)

var sizes = map[Dtype]int{
	BOOL: 1, U8: 1, I8: 1, F8E4M3: 1, F8E5M2: 1, F8E8M0: 1,
	I16: 2, U16: 2, F16: 2, BF16: 2,
	I32: 4, U32: 4, F32: 4,
	I64: 8, U64: 8, F64: 8,
}

// Size returns the bytes of one element: 1, 2, 4 or 8, and 0 for a type that is not one of the constants.
func (d Dtype) Size() int { return sizes[d] }

// byteSize returns Π shape[i] · d.Size(). The product without the zero dimensions has to fit an
// int64 too, so that whether a shape is accepted does not depend on the order of its
// dimensions, and strides cannot overflow.
func byteSize(d Dtype, shape []int) (int64, error) {
	size := uint64(d.Size())
	if size == 0 {
		return 0, fmt.Errorf("got dtype %.80q, want one of the known", string(d))
	}
	empty := false
	for i, dim := range shape {
		switch {
		case dim < 0:
			return 0, fmt.Errorf("got dimension %d = %d, want 0 or more", i, dim)
		case dim == 0:
			empty = true
			continue
		}
		hi, lo := bits.Mul64(size, uint64(dim))
		if hi != 0 || lo > math.MaxInt64 {
			return 0, fmt.Errorf("got %d · %d bytes up to dimension %d, want a size below 2^63", size, dim, i)
		}
		size = lo
	}
	if empty {
		return 0, nil
	}
	return int64(size), nil
}
