package gemm

// A task of a convolution makes the rows of images that its windows are in by itself, in its own memory, where
// nothing has to be known of whole images before: their quantization parameters are given. Threads then share
// no padded images, and wait for one another once.

// bandBytes is up to how many bytes images have, with their padding, of which tasks make rows.
const bandBytes = 1 << 20

// A view is where a task finds images: those from image skip on of the ones at hand.
type view struct {
	data []uint8
	skip int
}

// at returns where the window of a pixel of the result begins.
func (v view) at(p *convolutionPlan, pixel int) int {
	sample, pixel := pixel/p.pixels-v.skip, pixel%p.pixels
	return sample*p.size + pixel/p.width*p.rowStep + pixel%p.width*p.pixelStep
}

// takesBands reports whether images are made by tasks.
func (p *convolutionPlan) takesBands() bool {
	return p.bytes && len(p.groups) == 1 && p.v.planes() == 1 && p.groups[0].operand.Planes == 1 && p.size <= bandBytes
}

// look sets s.view to images that hold the windows of a task, which it makes where they are not there.
func (c *convolutionCall) look(s *scratch, r part) {
	p := c.plan
	if !c.bands {
		s.view = view{data: c.images.data}
		return
	}
	first, last := r.firstRow/p.pixels, (r.endRow-1)/p.pixels
	s.image = grow(s.image, (last-first+1)*p.size+moveBytes)
	s.view = view{s.image, first}
	for i := first; i <= last; i++ {
		top, bottom := 0, p.pixels-1 // pixels
		if i == first {
			top = r.firstRow % p.pixels
		}
		if i == last {
			bottom = (r.endRow - 1) % p.pixels
		}
		from := top / p.width * p.v.Stride[0]
		to := bottom/p.width*p.v.Stride[0] + (p.v.Kernel[0]-1)*p.v.Dilation[0] + 1
		c.readRows(s, s.image[(i-first)*p.size:][:p.size], i, from, to)
	}
}

// readRows makes the rows of image i from first up to end, which count padding.
func (c *convolutionCall) readRows(s *scratch, dst []uint8, i, first, end int) {
	v := &c.plan.v.Conv
	_, width := v.padded()
	row, elements := width*v.Channels, v.Channels*v.Height*v.Width
	zero := uint8(c.images.scales[i].zero)
	inside := func(y int) int { return max(0, min(y-v.Pad[0], v.Height)) }
	begin, behind := inside(first), inside(end)
	fill(dst[first*row:max(first, min(begin+v.Pad[0], end))*row], zero)
	fill(dst[min(end, max(behind+v.Pad[0], first))*row:end*row], zero)
	if begin == behind {
		return
	}
	x := c.x.rows(c.images.first+i, 1, elements)
	left, right, own := v.Pad[1]*v.Channels, v.Pad[3]*v.Channels, v.Width*v.Channels
	at := (begin+v.Pad[0])*row + left // of the first pixel of a row
	s.sides = grow(s.sides, right+left)
	fill(s.sides, zero)
	copy(dst[at-left:at], s.sides)
	if x.Quantized == nil {
		c.quantizeRows(s, dst[at:], x.Float, i, begin, behind, row)
	}
	for y := begin; y < behind; y++ {
		if x.Quantized != nil {
			copy(dst[at:], x.Quantized[y*own:][:own])
		}
		copy(dst[at+own:], s.sides)
		at += row
	}
}

// quantizeRows sets rows of dst, which are stride apart, to those from first up to end of image x, which is
// float32 and (channel, row, column), with channels last.
func (c *convolutionCall) quantizeRows(s *scratch, dst []uint8, x []float32, i, first, end, stride int) {
	p, v := c.plan, &c.plan.v.Conv
	plane, of := v.Height*v.Width, (end-first)*v.Width
	s.bytes = grow(s.bytes, v.Channels*of)
	for channel := range v.Channels {
		from := channel*plane + first*v.Width
		if _, bad := p.groups[0].quantizeBytes(s.bytes[channel*of:][:of], x[from:][:of]); bad >= 0 {
			c.badImage.note(i*v.Channels*plane+from+bad, x[from+bad])
			return
		}
	}
	for y := range end - first {
		if v.Channels == 1 {
			copy(dst[y*stride:], s.bytes[y*v.Width:][:v.Width])
		} else {
			p.set.TransposeU8(dst[y*stride:], v.Channels, s.bytes[y*v.Width:], of, v.Width, v.Channels)
		}
	}
}
