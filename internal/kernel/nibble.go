package kernel

import "unsafe"

// asBytes returns codes in the same memory.
func asBytes[C Code](codes []C) []uint8 {
	return unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(codes))), len(codes))
}

// everyByte times a byte has it in all eight.
const everyByte = 0x0101010101010101

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
