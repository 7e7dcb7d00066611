package kernel

import "encoding/binary"

// Codes of b bits, 2 to 7, are stored as a stream, the least significant bit first: code i has the bits i·b up
// to (i + 1)·b, where bit k is bit k mod 8 of byte k/8. Eight codes take b bytes, and a signed code is in two's
// complement.

// PackedBytes returns how many bytes n codes of so many bits take, 8 and 16 too.
func PackedBytes(n, bits int) int { return n/8*bits + (n%8*bits+7)/8 }

// PackBits stores the low bits of each code in a stream, whose last byte is filled up with zeros. len(dst) is
// PackedBytes(len(codes), bits), for 2 to 7 bits.
func PackBits[C Code](dst []uint8, codes []C, bits int) {
	src := asBytes(codes)
	for ; len(src) >= 8 && len(dst) >= 8; dst, src = dst[bits:], src[8:] {
		// What it stores past b bytes the next eight codes overwrite.
		binary.LittleEndian.PutUint64(dst, gatherBits(binary.LittleEndian.Uint64(src), bits))
	}
	var in, out [8]uint8
	for ; len(src) > 0; dst, src = dst[min(bits, len(dst)):], src[min(8, len(src)):] {
		in = [8]uint8{}
		copy(in[:], src)
		binary.LittleEndian.PutUint64(out[:], gatherBits(binary.LittleEndian.Uint64(in[:]), bits))
		copy(dst, out[:bits])
	}
}

// UnpackBits reads codes from a stream: int8 codes extend their sign. len(src) is PackedBytes(len(dst), bits),
// for 2 to 7 bits.
func UnpackBits[C Code](dst []C, src []uint8, bits int) {
	to, sign := asBytes(dst), uint64(0)
	if isSigned[C]() {
		sign = everyByte << (bits - 1)
	}
	extend := uint64(1)<<(9-bits) - 2 // times the sign's bit of a byte is all the bits from it on
	for ; len(to) >= 8 && len(src) >= 8; to, src = to[8:], src[bits:] {
		x := SpreadBits(binary.LittleEndian.Uint64(src), bits)
		binary.LittleEndian.PutUint64(to, x|x&sign*extend)
	}
	var in, out [8]uint8
	for ; len(to) > 0; to, src = to[min(8, len(to)):], src[min(bits, len(src)):] {
		in = [8]uint8{}
		copy(in[:bits], src)
		x := SpreadBits(binary.LittleEndian.Uint64(in[:]), bits)
		binary.LittleEndian.PutUint64(out[:], x|x&sign*extend)
		copy(to, out[:])
	}
}

// gatherBits returns the low bits of the eight bytes of x side by side.
func gatherBits(x uint64, bits int) uint64 {
	b := uint(bits) & 7
	x &= (1<<b - 1) * everyByte
	x = x&0x00ff00ff00ff00ff | x&0xff00ff00ff00ff00>>(8-b)
	x = x&0x0000ffff0000ffff | x&0xffff0000ffff0000>>(16-2*b)
	return x&0x00000000ffffffff | x>>32<<(4*b)
}

// SpreadBits returns the first eight codes of so many bits of x, a byte each.
func SpreadBits(x uint64, bits int) uint64 {
	b := uint(bits) & 7
	four := uint64(1)<<(4*b) - 1
	two := (uint64(1)<<(2*b) - 1) * 0x0000000100000001
	one := (uint64(1)<<b - 1) * 0x0001000100010001
	x = x&four | x>>(4*b)&four<<32
	x = x&two | x>>(2*b)&two<<16
	return x&one | x>>b&one<<8
}

// isSigned reports whether codes are in two's complement.
func isSigned[C Code]() bool { return ^C(0) < 0 }
