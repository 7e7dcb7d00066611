package kernel

import "unsafe"

// asBytes returns codes in the same memory.
func asBytes[C Code](codes []C) []uint8 {
	return unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(codes))), len(codes))
}

// everyByte times a byte has it in all eight.
const everyByte = 0x0101010101010101

// unpackGeneric reads codes, −8 to 7, stored as code + 8 in halves of bytes: 64 bytes hold two steps, the first
// in the low halves. len(dst) is twice len(src), a multiple of 128.
func unpackGeneric(dst []int8, src []uint8) {
	for ; len(src) >= StepBytes; dst, src = dst[2*StepBytes:], src[StepBytes:] {
		low, high := dst[:StepBytes], dst[StepBytes:2*StepBytes]
		for i, b := range src[:StepBytes] {
			low[i], high[i] = int8(b&0xf)-8, int8(b>>4)-8
		}
	}
}

// PackPanels stores codes, −8 to 7, as Set.Unpack reads them. len(dst) is half of len(src), a multiple of 128.
func PackPanels(dst []uint8, src []int8) {
	for ; len(src) >= 2*StepBytes; dst, src = dst[StepBytes:], src[2*StepBytes:] {
		for i := range StepBytes {
			dst[i] = uint8(src[i]+8) | uint8(src[i+StepBytes]+8)<<4
		}
	}
}
