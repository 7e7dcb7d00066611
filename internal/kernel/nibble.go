package kernel

// PackNibbles stores the low four bits of two codes in each byte of dst, the first code of a pair in the
// low half. An odd last code leaves the high half zero. len(dst) is (len(src)+1)/2.
func PackNibbles[C Code](dst []uint8, src []C) {
	for i := range dst {
		b := uint8(src[2*i]) & 0xf
		if 2*i+1 < len(src) {
			b |= uint8(src[2*i+1]) << 4
		}
		dst[i] = b
	}
}

// UnpackInt4 reads signed codes, −8 to 7, stored by PackNibbles. len(src) is (len(dst)+1)/2.
func UnpackInt4(dst []int8, src []uint8) {
	for i := range dst {
		// The nibble goes to the top of the byte and comes back with its sign.
		dst[i] = int8(src[i/2]>>(4*(i&1))<<4) >> 4
	}
}

// UnpackUint4 reads unsigned codes, 0 to 15, stored by PackNibbles. len(src) is (len(dst)+1)/2.
func UnpackUint4(dst, src []uint8) {
	for i := range dst {
		dst[i] = src[i/2] >> (4 * (i & 1)) & 0xf
	}
}

// unpackGeneric reads codes, −8 to 7, stored as code + 8 in halves of bytes: 32 bytes hold 64 codes, the first 32
// in the low halves. len(dst) is twice len(src), a multiple of 64.
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
