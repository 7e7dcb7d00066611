package kernel

// A pixel-vectorized convolution, for few channels, fills vectors with pixels and not with filters: windows
// are short then, and results come in the order of NCHW images.

// Pixels is windows as a pixel-vectorized convolution takes them: for each step k of their depth, the four
// quantized values of each window, for pixels side by side, from Data[Offsets[k]] on. Rows rows of Count
// pixels each are results; the data of a row are RowStep bytes behind those of the row before. Data goes on
// to a multiple of 16 pixels, which count for nothing.
type Pixels struct {
	Data          []uint8
	Offsets       []int
	Rows, RowStep int
	Count         int
}

// gatherPixelsGeneric sets dst[4·i + t] = src[i·step + t], t < 4, for so many pixels i: a step of the depth
// of their windows.
func gatherPixelsGeneric(dst, src []uint8, step, pixels int) {
	for i := range pixels {
		*(*[StepDepth]uint8)(dst[i*StepDepth:]) = [StepDepth]uint8(src[i*step:])
	}
}

// multiplyPixelsGeneric sets dst[j·stride + h·Count + i] to e's y for the filters j of a panel, as many as e
// has Columns, at most 16, and the pixels i of row h, with the sum
//
//	Σ_k Σ_t Data[h·RowStep + Offsets[k] + 4·i + t]·b[64·k + 4·j + t], t < 4
//
// e has one zero point and one row scale, for all pixels.
func multiplyPixelsGeneric(dst []float32, stride int, x *Pixels, b []int8, e *Epilogue) {
	for j := range e.Columns {
		for h := range x.Rows {
			row := dst[j*stride+h*x.Count:][:x.Count]
			for i := range row {
				var sum int32
				for k, offset := range x.Offsets {
					window, codes := x.Data[h*x.RowStep+offset+i*StepDepth:][:StepDepth], b[k*StepBytes+j*StepDepth:][:StepDepth]
					for t, q := range window {
						sum += int32(q) * int32(codes[t])
					}
				}
				row[i] = e.value(sum, 0, j)
			}
		}
	}
}
