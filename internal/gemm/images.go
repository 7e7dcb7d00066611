package gemm

import (
	"fmt"
)

// images are the integers of samples with their padding, [sample][row][column][channel] or
// [sample][channel][row][column]: as int32, or as planes of bytes where operands are made of those.
type images struct {
	first, count int // of a sample, or of a group of one
	ints         []int32
	bytes        []uint8
	data         []uint8 // bytes, or quantized activations themselves
	scales       []integers
}

// plane returns how far planes of bytes are apart, with what kernels read beyond.
func (im *images) plane(p *convolutionPlan) int { return im.count*p.size + moveBytes }

// fit makes room for the images.
func (im *images) fit(p *convolutionPlan) {
	if p.bytes {
		im.bytes = grow(im.bytes, p.groups[0].operand.Planes*im.plane(p))
	} else {
		im.ints = grow(im.ints, im.count*p.size)
	}
	im.data = im.bytes
}

// readImages is the tasks that make the integers of an image each.
type readImages struct{ *convolutionCall }

func (c readImages) run(i int, s *scratch) {
	p, im := c.plan, &c.images
	elements := p.v.Channels * p.v.Height * p.v.Width
	x := c.x.rows(im.first+i, 1, elements)
	if bad := im.read(p, s, i, x); bad >= 0 {
		c.badImage.note(i*elements+bad, x.Float[bad])
	}
}

// read makes the integers of image i. It returns the place of a value that is not finite, or −1.
func (im *images) read(p *convolutionPlan, s *scratch, i int, x Activations) (bad int) {
	m, v, size := p.groups[0], &p.v.Conv, p.size
	elements := v.Channels * v.Height * v.Width
	var of integers
	if x.Quantized != nil {
		of = quantized(x.Params)
		im.scales[i] = of
		if p.bytes {
			padPlanes(im.bytes[i*size:][:size], x.Quantized, v, uint8(of.zero))
			return -1
		}
		s.ints = grow(s.ints, elements)
		p.set.SubtractZeroPoint(s.ints, x.Quantized, of.zero)
		padPlanes(im.ints[i*size:][:size], s.ints, v, 0)
		return -1
	}
	if p.bytes && m.operand.Planes == 1 {
		s.bytes = grow(s.bytes, elements)
		if of, bad = m.quantizeBytes(s.bytes, x.Float); bad < 0 {
			im.scales[i] = of
			pad(im.bytes[i*size:][:size], s.bytes, v, uint8(of.zero), p.set.TransposeU8)
		}
		return bad
	}
	s.ints = grow(s.ints, elements)
	if of, bad = m.integers(s.ints, x.Float); bad >= 0 {
		return bad
	}
	im.scales[i] = of
	if !p.bytes {
		pad(im.ints[i*size:][:size], s.ints, v, 0, transpose)
		return -1
	}
	s.padded = grow(s.padded, size)
	pad(s.padded, s.ints, v, 0, transpose)
	p.set.SplitU8(im.bytes[i*size:], im.plane(p), s.padded, m.operand.Planes, of.zero)
	return -1
}

// badInput returns the error for a value of the images that is not finite.
func (c *convolutionCall) badInput() error {
	v := &c.plan.v.Conv
	plane, channels := v.Height*v.Width, v.Channels*len(c.plan.groups)
	place, value := c.badImage.take()
	at := c.images.first*v.Channels*plane + place
	return fmt.Errorf("%w: got %v in sample %d at channel %d, row %d, column %d",
		ErrValue, value, at/plane/channels, at/plane%channels, at%plane/v.Width, at%v.Width)
}

// badResult returns the error for a result that is to be quantized and not finite.
func (c *convolutionCall) badResult() error {
	p := c.plan
	place, _ := c.bad.take()
	pixel, n := place/p.groups[0].w.N, p.groups[0].w.N
	return fmt.Errorf("%w: got a result of sample %d, filter %d, row %d, column %d that no float32 holds",
		ErrValue, c.images.first+pixel/p.pixels, place%n, pixel%p.pixels/p.width, pixel%p.width)
}
