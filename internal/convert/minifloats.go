package convert

import "euryale/internal/minifloat"

// EncodeMinifloats sets dst to the codes of src, which is finite, by the scale of each block, as
// Format.Encode does.
func EncodeMinifloats(dst []uint8, src []float32, b Blocks, scales []float32, f *minifloat.Format) {
	each(dst, src, b.simplified(), func(dst []uint8, src []float32, block, count int) {
		size := len(src) / count
		for i := range count {
			f.Encode(dst[i*size:][:size], src[i*size:][:size], scales[block+i])
		}
	})
}

// DecodeMinifloats sets dst to what src stands for times the scale of each block, as Format.Decode does.
func DecodeMinifloats(dst []float32, src []uint8, b Blocks, scales []float32, f *minifloat.Format) {
	each(dst, src, b.simplified(), func(dst []float32, src []uint8, block, count int) {
		size := len(src) / count
		for i := range count {
			f.Decode(dst[i*size:][:size], src[i*size:][:size], scales[block+i])
		}
	})
}
