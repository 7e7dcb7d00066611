package digits

import (
	"image"
	"image/draw"
	"math/rand/v2"

	"golang.org/x/image/vector"
)

const (
	fine     = 2           // fine pixels along an edge of a pixel: strokes are made there, then averaged
	fineSide = fine * side // fine pixels along an edge of an image
)

// pen draws random versions of shapes. Its buffers are used for every image.
type pen struct {
	rng    *rand.Rand
	raster *vector.Rasterizer
	canvas *image.Alpha
	spare  []byte
}

func newPen(rng *rand.Rand) *pen {
	canvas := image.NewAlpha(image.Rect(0, 0, fineSide, fineSide))
	return &pen{rng, vector.NewRasterizer(fineSide, fineSide), canvas, make([]byte, len(canvas.Pix))}
}

// draw fills dst, side × side pixels, with a random version of s.
func (p *pen) draw(dst []byte, s shape) {
	p.fill(s)
	radius := 1 + p.rng.IntN(2)
	blur(p.spare, p.canvas.Pix, radius)
	blur(p.canvas.Pix, p.spare, radius)
	p.stroke()
	p.shrink(dst)
}

// fill paints a warped s on the canvas: 255 inside, 0 outside, an edge's pixel by the
// fraction of it that is covered.
func (p *pen) fill(s shape) {
	w := newWarp(p.rng)
	p.raster.Reset(fineSide, fineSide)
	p.raster.DrawOp = draw.Src
	for _, contour := range s {
		for i, vertex := range contour {
			v := w.at(vertex)
			// 1/512 of a fine pixel is what the rasterizer resolves. Such numbers are exact in a float32, and for a
			// line, unlike a curve, the rasterizer computes nothing that could be fused.
			x, y := float32(v.x*fine*512/one)/512, float32(v.y*fine*512/one)/512
			if i == 0 {
				p.raster.MoveTo(x, y)
			} else {
				p.raster.LineTo(x, y)
			}
		}
		p.raster.ClosePath()
	}
	p.raster.Draw(p.canvas, p.canvas.Bounds(), image.Opaque, image.Point{})
}

// blur makes every row of dst a column of src averaged over 2·radius + 1 pixels, with black beyond the edge,
// so that two calls blur both directions.
func blur(dst, src []byte, radius int) {
	for i := range fineSide {
		sum := 0
		for j := -radius; j < fineSide; j++ {
			if enter := j + radius; enter < fineSide {
				sum += int(src[enter*fineSide+i])
			}
			if leave := j - radius - 1; leave >= 0 {
				sum -= int(src[leave*fineSide+i])
			}
			if j >= 0 {
				dst[i*fineSide+j] = byte(sum / (2*radius + 1))
			}
		}
	}
}

// stroke sharpens the blurred canvas: a ramp from black at level − width to white at level + width. A low
// level leaves strokes bold, a high one thin; a wide ramp keeps them soft.
func (p *pen) stroke() {
	level := between(p.rng, 50, 110)
	width := between(p.rng, level/4, level)
	var ramp [256]byte
	for v := range ramp {
		ramp[v] = byte(min(max(255*(int64(v)-level+width)/(2*width), 0), 255))
	}
	for i, v := range p.canvas.Pix {
		p.canvas.Pix[i] = ramp[v]
	}
}

// shrink averages the canvas down to dst, dims it and adds noise.
func (p *pen) shrink(dst []byte) {
	ink, noise := between(p.rng, 140, 255), between(p.rng, 0, 30)
	for i := range dst {
		at := i/side*fine*fineSide + i%side*fine
		sum := int64(0)
		for y := range fine {
			for x := range fine {
				sum += int64(p.canvas.Pix[at+y*fineSide+x])
			}
		}
		grey := sum*ink/(255*fine*fine) + between(p.rng, -noise, noise)
		dst[i] = byte(min(max(grey, 0), 255))
	}
}
