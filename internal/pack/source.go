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

// Source is the integer codes of a weight as they are stored: a byte each, or two in a byte, the first in its
// low half.
type Source struct {
	Order
	Codes    []uint8
	Nibbles  bool
	Unsigned bool // they are shifted down by half their range, 128 or 8

	padding uint8 // what fills up, once shifted
}

// SourceOf returns codes, one an element, as they are stored with the given bits, 4 or 8.
func SourceOf[C kernel.Code](codes []C, order Order, bits int) Source {
	_, unsigned := any(codes).([]uint8)
	s := Source{Order: order, Codes: bytesOf(codes), Nibbles: bits == 4, Unsigned: unsigned}
	if s.Nibbles {
		s.Codes = make([]uint8, (len(codes)+1)/2)
		kernel.PackNibbles(s.Codes, codes)
	}
	return s
}

// flip returns what a byte that was read is to be combined with by exclusive or.
func (s *Source) flip() uint8 {
	if s.Unsigned && !s.Nibbles {
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
	case s.Nibbles:
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
		case s.Nibbles && stride == 1:
			s.unpack(to, at)
		case s.Nibbles:
			for i := range to {
				to[i] = s.nibble(at)
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

// nibble returns the code of an element.
func (s *Source) nibble(at int) uint8 {
	c := s.Codes[at/2] >> (at % 2 * 4) & 15
	if !s.Unsigned {
		c ^= 8
	}
	return c - 8
}

// unpack sets dst to the codes of elements that lie side by side, from one on.
func (s *Source) unpack(dst []uint8, at int) {
	if at%2 != 0 {
		dst[0] = s.nibble(at)
		dst, at = dst[1:], at+1
	}
	sign := uint64(8 * word)
	if s.Unsigned {
		sign = 0
	}
	for ; len(dst) >= 8; dst, at = dst[8:], at+8 {
		x := uint64(binary.LittleEndian.Uint32(s.Codes[at/2:]))
		x = (x | x<<16) & 0x0000ffff0000ffff
		x = (x | x<<8) & 0x00ff00ff00ff00ff
		x = (x|x<<4)&(15*word) ^ sign
		binary.LittleEndian.PutUint64(dst, (x|word<<7)-8*word^word<<7) // each byte less 8
	}
	for i := range dst {
		dst[i] = s.nibble(at + i)
	}
}

func fill(dst []uint8, c uint8) {
	for i := range dst {
		dst[i] = c
	}
}
