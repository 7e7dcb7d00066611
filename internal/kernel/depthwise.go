package kernel

// multiplyDepthwiseGeneric sets c[16·p + j] = Σ_t x[pixels[p] + offsets[t] + j]·b[64·⌊t/4⌋ + 4·j + t mod 4]
// for every pixel p and the 16 columns j of a panel: each column multiplies the values of its own channel.
// Pixels ascend. There is an offset, none is negative, and b has a step for each four of them, filled up with zeros.
func multiplyDepthwiseGeneric(c []int32, x []uint8, pixels, offsets []int, b []int8) {
	for p, pixel := range pixels {
		sums := (*[PanelColumns]int32)(c[p*PanelColumns:])
		*sums = [PanelColumns]int32{}
		for t, offset := range offsets {
			codes, from := b[t/StepDepth*StepBytes+t%StepDepth:], (*[PanelColumns]uint8)(x[pixel+offset:])
			for j, q := range from {
				sums[j] += int32(q) * int32(codes[j*StepDepth])
			}
		}
	}
}

// depthwiseBlock is how many pixels become sums at a time where those are requantized.
const depthwiseBlock = 64

// requantizeDepthwiseGeneric sets dst, rows of pixels stride apart, to what requantizeSumsGeneric makes of the
// sums of multiplyDepthwiseGeneric. e is of one panel.
func requantizeDepthwiseGeneric(dst []uint8, stride int, x []uint8, pixels, offsets []int, b []int8, e *Epilogue, to Affine) {
	var sums [depthwiseBlock * PanelColumns]int32
	for first := 0; first < len(pixels); first += depthwiseBlock {
		some := pixels[first:min(first+depthwiseBlock, len(pixels))]
		multiplyDepthwiseGeneric(sums[:], x, some, offsets, b)
		requantizeSumsGeneric(dst[first*stride:], stride, sums[:len(some)*PanelColumns], e, to)
	}
}
