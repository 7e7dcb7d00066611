package pack

import (
	"encoding/binary"

	"euryale/internal/kernel"
)

// Order says where the elements of a weight are stored: the element at depth
//
//	p = y·Row + x·Sizes[2] + c,   y < Sizes[0], x < Sizes[1], c < Sizes[2]
//
// of column j has the index First + j·Column + y·Strides[0] + x·Strides[1] + c·Strides[2]. Where Row is more
// than Sizes[1]·Sizes[2], codes of zero fill it up.
type Order struct {
	First, Column, Row int
	Sizes, Strides     [3]int
}

// RowMajor is the order of a weight that is stored as (k, n).
func RowMajor(k, n int) Order {
	return Order{Column: 1, Row: k, Sizes: [3]int{1, 1, k}, Strides: [3]int{0, 0, n}}
}

// ColumnMajor is the order of a weight that is stored as (n, k).
func ColumnMajor(k int) Order {
	return Order{Column: k, Row: k, Sizes: [3]int{1, 1, k}, Strides: [3]int{0, 0, 1}}
}

// Depth returns the depth of the weight, with what fills it up.
func (o *Order) Depth() int { return o.Sizes[0] * o.Row }

// byRows reports whether the elements of one depth are contiguous, and those of a column are not.
func (o *Order) byRows() bool { return o.Column == 1 && o.Strides[2] != 1 }

// fills reports whether there is anything that fills up.
func (o *Order) fills() bool { return o.Row > o.Sizes[1]*o.Sizes[2] }

// segment returns where the element at depth p of column 0 is, and how many from there on are Strides[2]
// apart, or −1 and how many codes of zero fill up the row.
func (o *Order) segment(p int) (at, length int) {
	y, rest := p/o.Row, p%o.Row
	x, c := rest/o.Sizes[2], rest%o.Sizes[2]
	if x >= o.Sizes[1] {
		return -1, o.Row - rest
	}
	return o.First + y*o.Strides[0] + x*o.Strides[1] + c*o.Strides[2], o.Sizes[2] - c
}

// Source is the integer codes of a weight as they are stored: a byte each, or a stream of fewer bits, as
// kernel.PackBits writes it.
type Source struct {
	Order
	Codes    []uint8
	Bits     int  // 2 to 8
	Unsigned bool // they are shifted down by half their range, 2^(Bits−1)

	raw     bool  // codes count from 0, and are not shifted
	padding uint8 // what fills up, once shifted
}

// SourceOf returns codes, one an element, as they are stored with so many bits, 2 to 8.
func SourceOf[C kernel.Code](codes []C, order Order, bits int) Source {
	_, unsigned := any(codes).([]uint8)
	s := Source{Order: order, Codes: bytesOf(codes), Bits: bits, Unsigned: unsigned}
	if s.packed() {
		s.Codes = make([]uint8, kernel.PackedBytes(len(codes), bits))
		kernel.PackBits(s.Codes, codes, bits)
	}
	return s
}

// packed reports whether codes take less than a byte each.
func (s *Source) packed() bool { return s.Bits < 8 }

// flip returns what a byte that was read is to be combined with by exclusive or.
func (s *Source) flip() uint8 {
	if s.Unsigned && !s.packed() {
		return 1 << 7
	}
	return 0
}

// filling returns how a byte that fills up is read.
func (s *Source) filling() uint8 { return s.flip() ^ s.padding }

// row sets dst to codes of depth p, from column j on.
func (s *Source) row(dst []uint8, p, j int) {
	at, _ := s.segment(p)
	switch {
	case at < 0:
		fill(dst, s.filling())
	case s.packed():
		s.unpack(dst, at+j)
	default:
		copy(dst, s.Codes[at+j:])
	}
}

// column returns as many codes of column j as scratch has elements, from depth p on: those of Codes, or a
// copy in scratch.
func (s *Source) column(p, j int, scratch []uint8) []uint8 {
	for rest := scratch; len(rest) > 0; {
		at, length := s.segment(p)
		length = min(length, len(rest))
		to, stride := rest[:length], s.Strides[2]
		rest, p = rest[length:], p+length
		if at >= 0 {
			at += j * s.Column
		}
		switch {
		case at < 0:
			fill(to, s.filling())
		case s.packed() && stride == 1:
			s.unpack(to, at)
		case s.packed():
			for i := range to {
				to[i] = s.code(at)
				at += stride
			}
		case stride == 1 && length == len(scratch):
			return s.Codes[at:][:length]
		case stride == 1:
			copy(to, s.Codes[at:])
		default:
			from := s.Codes[at:][:(length-1)*stride+1]
			for i := range to {
				to[i] = from[i*stride]
			}
		}
	}
	return scratch
}

// code returns the code of an element, of less than a byte.
func (s *Source) code(at int) uint8 {
	var dst [1]uint8
	s.unpackFrom(dst[:], at)
	return dst[0]
}

// unpack sets dst to the codes of elements that lie side by side, from one on.
func (s *Source) unpack(dst []uint8, at int) {
	if begun := at % 8; begun != 0 {
		n := min(len(dst), 8-begun)
		s.unpackFrom(dst[:n], at)
		dst, at = dst[n:], at+n
	}
	half, sign := s.halves()
	codes := s.Codes[at/8*s.Bits:]
	for ; len(dst) >= 8 && len(codes) >= 8; dst, codes, at = dst[8:], codes[s.Bits:], at+8 {
		binary.LittleEndian.PutUint64(dst, less(kernel.SpreadBits(binary.LittleEndian.Uint64(codes), s.Bits)^sign, half))
	}
	for len(dst) > 0 {
		n := min(len(dst), 8)
		s.unpackFrom(dst[:n], at)
		dst, at = dst[n:], at+n
	}
}

// unpackFrom works like unpack for elements of the same eight.
func (s *Source) unpackFrom(dst []uint8, at int) {
	var buffer [8]uint8
	copy(buffer[:s.Bits], s.Codes[at/8*s.Bits:])
	half, sign := s.halves()
	x := less(kernel.SpreadBits(binary.LittleEndian.Uint64(buffer[:]), s.Bits)^sign, half)
	binary.LittleEndian.PutUint64(buffer[:], x)
	copy(dst, buffer[at%8:])
}

// halves returns half the range of codes in every byte, which is taken off each, and what makes signed codes
// count from the lowest one on.
func (s *Source) halves() (half, sign uint64) {
	if s.raw {
		return 0, 0
	}
	half = word << (s.Bits - 1)
	if !s.Unsigned {
		sign = half
	}
	return half, sign
}

// less returns the bytes of x, below 128, less those of y, which are at most 64.
func less(x, y uint64) uint64 { return (x | word<<7) - y ^ word<<7 }

func fill(dst []uint8, c uint8) {
	for i := range dst {
		dst[i] = c
	}
}
