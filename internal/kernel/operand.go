package kernel

import "encoding/binary"

// Operand is how a set of kernels takes rows of integers X: as planes of bytes or of 16-bit integers, with
//
//	X + offset = Σ_p 2^(Shift·p) · plane p
//
// where only planes of bytes have an offset, which makes what they hold unsigned.
type Operand struct {
	Planes int
	Shift  int
	Offset int32 // of a fixed point; quantized values of a byte have one for each row, their zero point
	Depth  int   // the longest sum of a plane times codes that an int32 holds, a multiple of 64
}

// Operands of 8 bits, X in −255 … 255; of 16, |X| < 2^15; and of 24, |X| < 2^23. A product is at most
// 255·128 for bytes and Depth is 65,793 rounded down to a multiple of 64; with 16-bit planes it is |X|·128,
// where X of 24 bits is split into 12 unsigned bits and 12 signed ones.
var operands = [...]map[int]Operand{
	U8: {
		8:  {Planes: 1, Depth: 65792},
		16: {Planes: 2, Shift: 8, Offset: 1 << 15, Depth: 65792},
		24: {Planes: 3, Shift: 8, Offset: 1 << 23, Depth: 65792},
	},
	S16: {
		8:  {Planes: 1, Depth: 65792},
		16: {Planes: 1, Depth: 512},
		24: {Planes: 2, Shift: 12, Depth: 4096},
	},
}

// splitU8Generic stores x + offset, which is in 0 … 2^(8·planes) − 1, as planes of bytes: plane p begins at
// dst[p·stride], the lowest byte first.
func splitU8Generic(dst []uint8, stride int, x []int32, planes int, offset int32) {
	for p := range planes {
		plane := dst[p*stride:][:len(x)]
		for i, v := range x {
			plane[i] = uint8((v + offset) >> (8 * p))
		}
	}
}

// splitS16Generic stores x as planes of 16-bit integers, little-endian, every four in the order 0, 2, 1, 3:
// one plane of x itself, or plane 0 of its 12 lowest bits, unsigned, and plane 1 of ⌊x/2^12⌋. Plane p begins
// at dst[p·stride]. A last step of less than 4 is filled with zeros.
func splitS16Generic(dst []uint8, stride int, x []int32, planes int) {
	for len(x) > 0 {
		var step [4]int32
		n := copy(step[:], x)
		x = x[n:]
		if planes == 1 {
			binary.LittleEndian.PutUint64(dst, interleave(step[0], step[1], step[2], step[3]))
		} else {
			const low = 1<<12 - 1
			binary.LittleEndian.PutUint64(dst, interleave(step[0]&low, step[1]&low, step[2]&low, step[3]&low))
			binary.LittleEndian.PutUint64(dst[stride:], interleave(step[0]>>12, step[1]>>12, step[2]>>12, step[3]>>12))
		}
		dst = dst[8:]
	}
}

func interleave(x0, x1, x2, x3 int32) uint64 {
	return uint64(uint16(x0)) | uint64(uint16(x2))<<16 | uint64(uint16(x1))<<32 | uint64(uint16(x3))<<48
}

// DepthZeros is the Depth of 8 bits where weights have zero points: q − z reaches 255, and 33,025 products of
// 255·255 fit, rounded down to a multiple of 64.
const DepthZeros = 33024

// subtractZeroPointGeneric sets dst[i] = src[i] − zero.
func subtractZeroPointGeneric(dst []int32, src []uint8, zero int32) {
	for i, q := range src {
		dst[i] = int32(q) - zero
	}
}
