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
