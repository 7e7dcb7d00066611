package kernel

import (
	"encoding/binary"
	"unsafe"
)

// PackNibbles stores the low four bits of two codes in each byte of dst, the first code of a pair in the
// low half. An odd last code leaves the high half zero. len(dst) is (len(src)+1)/2.
func PackNibbles[C Code](dst []uint8, codes []C) {
	src := asBytes(codes)
	for ; len(src) >= 8; dst, src = dst[4:], src[8:] {
		x := binary.LittleEndian.Uint64(src) & (0x0f * everyByte)
		x = (x | x>>4) & 0x00ff00ff00ff00ff
		x = (x | x>>8) & 0x0000ffff0000ffff
		binary.LittleEndian.PutUint32(dst, uint32(x|x>>16))
	}
	for i := range dst {
		b := src[2*i] & 0xf
		if 2*i+1 < len(src) {
			b |= src[2*i+1] << 4
		}
		dst[i] = b
	}
}

// asBytes returns codes in the same memory.
func asBytes[C Code](codes []C) []uint8 {
	return unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(codes))), len(codes))
}

// everyByte times a byte has it in all eight.
const everyByte = 0x0101010101010101

// UnpackInt4 reads signed codes, −8 to 7, stored by PackNibbles. len(src) is (len(dst)+1)/2.
func UnpackInt4(dst []int8, src []uint8) {
	unpackNibbles(asBytes(dst), src, 8*everyByte)
}

// UnpackUint4 reads unsigned codes, 0 to 15, stored by PackNibbles. len(src) is (len(dst)+1)/2.
func UnpackUint4(dst, src []uint8) { unpackNibbles(dst, src, 0) }

// unpackNibbles sets dst to the halves of bytes. A half with the bit that sign has in each byte extends its
// sign.
func unpackNibbles(dst, src []uint8, sign uint64) {
	for ; len(dst) >= 8; dst, src = dst[8:], src[4:] {
		binary.LittleEndian.PutUint64(dst, spreadNibbles(uint64(binary.LittleEndian.Uint32(src)), sign))
	}
	for i := range dst {
		dst[i] = uint8(spreadNibbles(uint64(src[i/2]), sign) >> (8 * (i & 1)))
	}
}

// spreadNibbles returns eight halves of the lower four bytes of x, a byte each.
func spreadNibbles(x, sign uint64) uint64 {
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x | x<<4) & (0x0f * everyByte)
	return x | x&sign*0x1e // 8·0x1e is 0xf0
}

// unpackGeneric reads codes, −8 to 7, stored as code + 8 in halves of bytes: 32 bytes hold 64 codes, the
// first 32 in the low halves. len(dst) is twice len(src), a multiple of 64.
func unpackGeneric(dst []int8, src []uint8) {
	for ; len(src) >= 32; dst, src = dst[64:], src[32:] {
		low, high := dst[:32], dst[32:64]
		for i, b := range src[:32] {
			low[i], high[i] = int8(b&0xf)-8, int8(b>>4)-8
		}
	}
}

// PackPanels stores codes, −8 to 7, as Set.Unpack reads them. len(dst) is half of len(src), a multiple of 64.
func PackPanels(dst []uint8, src []int8) {
	for ; len(src) >= 64; dst, src = dst[32:], src[64:] {
		for i := range 32 {
			dst[i] = uint8(src[i]+8) | uint8(src[i+32]+8)<<4
		}
	}
}
