package kernel

// multiplyDepthwiseGeneric sets c[16·p + j] = Σ_t x[p·step + offsets[t] + j]·b[64·⌊t/4⌋ + 4·j + t mod 4] for
// so many pixels p and the 16 columns j of a panel: each column multiplies the values of its own channel.
// There is an offset, none is negative, and b has a step for each four of them, filled up with zeros.
func multiplyDepthwiseGeneric(c []int32, x []uint8, step int, offsets []int, b []int8, pixels int) {
	for p := range pixels {
		sums := (*[PanelColumns]int32)(c[p*PanelColumns:])
		*sums = [PanelColumns]int32{}
		for t, offset := range offsets {
			codes, from := b[t/StepDepth*StepBytes+t%StepDepth:], (*[PanelColumns]uint8)(x[p*step+offset:])
			for j, q := range from {
				sums[j] += int32(q) * int32(codes[j*StepDepth])
			}
		}
	}
}
