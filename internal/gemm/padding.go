package gemm

// fillPadding sets the padding of each plane of dst, an image of v with padding, to zero.
func fillPadding[T int32 | uint8](dst []T, v *Conv, zero T) {
	if v.Pad == [4]int{} {
		return
	}
	height, width := v.padded()
	row, sides := width*v.perPixel(), (v.Pad[1]+v.Pad[3])*v.perPixel()
	before, after := v.Pad[0]*row+v.Pad[1]*v.perPixel(), v.Pad[2]*row+v.Pad[3]*v.perPixel()
	for range v.planes() {
		plane := dst[:height*row]
		dst = dst[height*row:]
		fill(plane[:before], zero)
		for y := range v.Height - 1 {
			fill(plane[before+(y+1)*row-sides:][:sides], zero)
		}
		fill(plane[len(plane)-after:], zero)
	}
}

func fill[T any](dst []T, x T) {
	if len(dst) == 0 {
		return
	}
	dst[0] = x
	for n := 1; n < len(dst); n *= 2 {
		copy(dst[n:], dst[:n])
	}
}

// pad sets dst to an image, (channel, row, column), with a padding of zero, and channels last unless the
// convolution is NCHW.
func pad[T int32 | uint8](dst, image []T, v *Conv, zero T, transpose func(dst []T, stride int, src []T, n, columns, rows int)) {
	if v.NCHW || v.Channels == 1 {
		padPlanes(dst, image, v, zero)
		return
	}
	fillPadding(dst, v, zero)
	_, width := v.padded()
	if v.Pad[1] == 0 && v.Pad[3] == 0 {
		transpose(dst[v.Pad[0]*width*v.Channels:], v.Channels, image, v.Height*v.Width, v.Height*v.Width, v.Channels)
		return
	}
	for y := range v.Height {
		transpose(dst[((y+v.Pad[0])*width+v.Pad[1])*v.Channels:], v.Channels, image[y*v.Width:], v.Height*v.Width, v.Width, v.Channels)
	}
}

// transpose sets dst[j·stride + i] = src[i·n + j] for so many columns j and rows i.
func transpose(dst []int32, stride int, src []int32, n, columns, rows int) {
	for j := range columns {
		for i := range rows {
			dst[j*stride+i] = src[i*n+j]
		}
	}
}

// padPlanes sets dst to an image of the same layout, with a padding of zero.
func padPlanes[T int32 | uint8](dst, image []T, v *Conv, zero T) {
	fillPadding(dst, v, zero)
	height, width := v.padded()
	row := v.Width * v.perPixel()
	for plane := range v.planes() {
		for y := range v.Height {
			copy(dst[((plane*height+y+v.Pad[0])*width+v.Pad[1])*v.perPixel():], image[(plane*v.Height+y)*row:][:row])
		}
	}
}

// gather sets dst to the elements of the window that begins where image does.
func gather[T int32 | uint8](dst, image []T, list []segment) {
	for _, r := range list {
		copy(dst[r.to:], image[r.from:][:r.length])
	}
}
