package kernel

// A convolution of few channels fills vectors with pixels, and not with filters: windows are short then, and results come in the
// order of images. A lane is StepDepth codes of a window.

// lanesGeneric sets dst[4·i + t] = src[i·step + t], t < 4, for so many pixels i: a step of the depth of their windows.
func lanesGeneric(dst, src []uint8, step, pixels int) {
	for i := range pixels {
		*(*[StepDepth]uint8)(dst[i*StepDepth:]) = [StepDepth]uint8(src[i*step:])
	}
}

// multiplyLanesGeneric sets dst[j·stride + h·pixels + i] = max((scales[j]·(c − v[j]))·r + bias[j], floor) for the filters j of a
// panel, as many as v has, at most 16, and so many rows h of pixels i, with
//
//	c = Σ_k Σ_t x[h·ldx + offsets[k] + 4·i + t]·b[64·k + 4·j + t], t < 4
//
// and the difference modulo 2^32 and rounded to float32. A NaN stays one, and −0 becomes 0. x is lanes for the steps k, from
// offsets[k] on, of a multiple of 16 pixels: what those beyond hold counts for nothing.
func multiplyLanesGeneric(dst []float32, stride int, x []uint8, ldx int, offsets []int, b []int8, v []int32, scales []float32, r float32, bias []float32, floor float32, pixels, rows int) {
	for j, y := range v {
		for h := range rows {
			row := dst[j*stride+h*pixels:][:pixels]
			for i := range row {
				c := -y
				for k, offset := range offsets {
					lane, codes := x[h*ldx+offset+i*StepDepth:][:StepDepth], b[k*StepBytes+j*StepDepth:][:StepDepth]
					for t, q := range lane {
						c += int32(q) * int32(codes[t])
					}
				}
				s := float32(scales[j] * float32(c))
				row[i] = max(float32(s*r)+bias[j], floor) + 0
			}
		}
	}
}
