package gemm

import (
	"fmt"
	"math"

	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// Conv is a convolution of images, (channel, row, column), with filters. Pairs are of height and width.
type Conv struct {
	Channels, Height, Width       int
	Kernel, Pad, Stride, Dilation [2]int
	// Planar says that the depth of the weight is (channel, row, column) of a filter; else it is (row, column,
	// channel), which is faster where channels are several.
	Planar bool
}

// Out returns the size of the result: ⌊(size + 2·pad − dilation·(kernel − 1) − 1)/stride⌋ + 1.
func (v Conv) Out() (height, width int) {
	out := func(size, i int) int {
		return (size+2*v.Pad[i]-v.Dilation[i]*(v.Kernel[i]-1)-1)/v.Stride[i] + 1
	}
	return out(v.Height, 0), out(v.Width, 1)
}

// Depth returns the elements of a window.
func (v Conv) Depth() int { return v.Channels * v.Kernel[0] * v.Kernel[1] }

// padded returns height and width with the padding.
func (v Conv) padded() (height, width int) { return v.Height + 2*v.Pad[0], v.Width + 2*v.Pad[1] }

// A run is elements of a window that lie side by side in an image, with where they begin in both.
type run struct{ to, from, length int }

// runs returns the elements of the window of the first pixel, in the order of depth.
func (v Conv) runs() (list []run) {
	height, width := v.padded()
	add := func(from, length int) {
		if n := len(list) - 1; n >= 0 && list[n].from+list[n].length == from {
			list[n].length += length
			return
		}
		to := 0
		if n := len(list) - 1; n >= 0 {
			to = list[n].to + list[n].length
		}
		list = append(list, run{to, from, length})
	}
	planes, perPixel := 1, v.Channels
	if v.Planar {
		planes, perPixel = v.Channels, 1
	}
	for c := range planes {
		for y := range v.Kernel[0] {
			for x := range v.Kernel[1] {
				add(((c*height+y*v.Dilation[0])*width+x*v.Dilation[1])*perPixel, perPixel)
			}
		}
	}
	return list
}

// Windows is a Conv with what every call needs of it.
type Windows struct {
	Conv
	list  []run
	moves chunks // the same for bytes
}

// NewWindows prepares a convolution.
func NewWindows(v Conv) *Windows {
	list := v.runs()
	return &Windows{v, list, newChunks(list)}
}

// Convolve sets dst, (sample, filter, row, column), to the convolution of x, (sample, channel, row, column), with the
// filters that are the columns of w, then applies out, as Multiply would with windows of x for rows: but a sample's
// integers have one scale, as if it were one row. Samples of x and of dst are the given strides apart. No window is kept
// in memory but those of a block.
// Errors: ErrValue, naming sample, channel, row and column; dst is undefined then.
func Convolve(dst []float32, dstStride int, x []float32, xStride, samples int, v *Windows, w *pack.Matrix, a Arithmetic, out Output) error {
	c := calls.Get().(*call)
	c.w, c.arithmetic, c.out = w, a, out
	im := &c.images
	im.v, im.x, im.xStride, im.dst, im.dstStride = v, x, xStride, dst, dstStride
	err := c.convolve(samples)
	im.release()
	c.release()
	return err
}

// convolve computes samples, as many at a time as a block holds.
func (c *call) convolve(samples int) error {
	most := c.begin()
	im := &c.images
	height, width := im.v.Out()
	im.pixels = height * width
	atOnce := max(1, most/im.pixels)
	for first := 0; first < samples; first += atOnce {
		im.first, im.count = first, min(atOnce, samples-first)
		if err := c.readImages(); err != nil {
			return err
		}
		c.rows = c.pieceRows()
		pieces := (im.count*im.pixels + c.rows - 1) / c.rows
		c.share((*call).piece, pieces, c.set.MultiplyTime(im.count*im.pixels, c.n, c.k*c.operand.Planes))
	}
	return nil
}

// pieceBytes is the most memory that the operands of a piece take, which the second cache holds.
const pieceBytes = 128 << 10

// pieceRows returns how many pixels a thread takes at a time, from images to images: whole tiles, as many as the second
// cache holds, but enough pieces for all threads.
func (c *call) pieceRows() int {
	rows := min(pieceBytes/(c.operand.Planes*c.stride), c.images.count*c.images.pixels/(partsPerThread*c.threads))
	return max(1, rows/c.set.Rows) * c.set.Rows
}

// piece computes the pixels of a part, as a call of its own on one thread.
func (c *call) piece(part int, s *scratch) {
	p := calls.Get().(*call)
	p.set, p.threads, p.w, p.arithmetic, p.out, p.floor, p.k, p.n = c.set, 1, c.w, c.arithmetic, c.out, c.floor, c.k, c.n
	p.operand, p.depth, p.stride, p.simple, p.plain = c.operand, c.depth, c.stride, c.simple, c.plain
	p.first = part * c.rows
	p.rows = min(c.rows, c.images.count*c.images.pixels-p.first)
	p.makeRoom()
	p.numbers = grow(p.numbers, p.rows*p.n)
	p.dst = p.numbers
	p.windows(&c.images, s)
	p.multiplyOperands()
	p.scatter(&c.images)
	p.release()
}

// images is what a convolution adds to a call.
type images struct {
	v                  *Windows
	x, dst             []float32
	xStride, dstStride int
	first, count       int // samples that are integers
	pixels             int // of a sample's result

	// [sample][row][column][channel], or [sample][channel][row][column], padded with zeros: integers, or their bytes where an
	// operand is plain and of one plane.
	ints    []int32
	bytes   []uint8
	scales  []float64
	offsets []int32
}

func (im *images) release() { im.v, im.x, im.dst = nil, nil, nil }

// size returns the elements of a padded image.
func (im *images) size() int {
	height, width := im.v.padded()
	return im.v.Channels * height * width
}

// readImages makes integers of samples.
func (c *call) readImages() error {
	im := &c.images
	v := im.v
	elements := v.Channels * v.Height * v.Width
	if c.byteImages() {
		im.bytes = grow(im.bytes, im.count*im.size()+chunk)
	} else {
		im.ints = grow(im.ints, im.count*im.size())
	}
	im.scales, im.offsets = grow(im.scales, im.count), grow(im.offsets, im.count)
	c.bad.Store(math.MaxInt64)
	c.share((*call).readImage, im.count, 4*c.set.QuantizeTime(im.count*elements))
	if at := c.bad.Load(); at != math.MaxInt64 {
		sample, at := im.first+int(at)/elements, int(at)%elements
		plane := v.Height * v.Width
		return fmt.Errorf("%w: got %v in sample %d at channel %d, row %d, column %d",
			ErrValue, im.x[sample*im.xStride+at], sample, at/plane, at%plane/v.Width, at%v.Width)
	}
	return nil
}

// byteImages says that images are kept as the bytes of an operand.
func (c *call) byteImages() bool { return c.plain && c.operand.Planes == 1 }

// readImage makes integers of a sample, and pads it.
func (c *call) readImage(i int, s *scratch) {
	im := &c.images
	elements := im.v.Channels * im.v.Height * im.v.Width
	numbers := im.x[(im.first+i)*im.xStride:][:elements]
	var bad int
	if c.byteImages() {
		var a kernel.Affine
		if a, bad = c.affineOf(numbers); bad < 0 {
			s.bytes = grow(s.bytes, elements)
			a = lifted(a)
			im.scales[i], im.offsets[i] = float64(a.Scale), a.Zero
			c.set.QuantizeU8(s.bytes, numbers, a)
			pad(im.bytes[i*im.size():][:im.size()], s.bytes, &im.v.Conv, uint8(a.Zero))
		}
	} else {
		s.ints = grow(s.ints, elements)
		if im.scales[i], im.offsets[i], bad = c.integers(s.ints, numbers); bad < 0 {
			pad(im.ints[i*im.size():][:im.size()], s.ints, &im.v.Conv, 0)
		}
	}
	if bad >= 0 {
		c.fail(int64(i*elements + bad))
	}
}

// pad sets dst to an image, (channel, row, column), with zero around it, and channels last unless the convolution is
// planar.
func pad[T int32 | uint8](dst, image []T, v *Conv, zero T) {
	height, width := v.padded()
	if v.Pad != [2]int{} {
		for i := range dst {
			dst[i] = zero
		}
	}
	for channel := range v.Channels {
		for y := range v.Height {
			from := image[(channel*v.Height+y)*v.Width:][:v.Width]
			row, column := y+v.Pad[0], v.Pad[1]
			if v.Planar {
				copy(dst[(channel*height+row)*width+column:], from)
				continue
			}
			to := dst[(row*width+column)*v.Channels+channel:]
			for x, value := range from {
				to[x*v.Channels] = value
			}
		}
	}
}

// windows makes operands of the windows of the call's rows.
func (c *call) windows(im *images, s *scratch) {
	v := im.v
	outHeight, outWidth := v.Out()
	_, width := v.padded()
	perPixel := v.Channels
	if v.Planar {
		perPixel = 1
	}
	s.ints = grow(s.ints, wholeVectors(c.k))
	clear(s.ints[c.k:])
	size, byteImages := im.size(), c.byteImages()
	sample, pixel := c.first/im.pixels, c.first%im.pixels
	y, x := pixel/outWidth, pixel%outWidth
	for i := range c.rows {
		c.scales[i], c.offsets[i] = im.scales[sample], im.offsets[sample]
		at := sample*size + (y*v.Stride[0]*width+x*v.Stride[1])*perPixel
		if byteImages {
			v.moves.gather(c.planes[i*c.stride:], im.bytes[at:])
		} else {
			gather(s.ints, im.ints[at:], v.list)
			c.split(s.ints, i)
		}
		if x++; x == outWidth {
			if x, y = 0, y+1; y == outHeight {
				y, sample = 0, sample+1
			}
		}
	}
}

// gather sets dst to the elements of the window that begins where image does.
func gather[T int32 | uint8](dst, image []T, list []run) {
	for _, r := range list {
		copy(dst[r.to:], image[r.from:][:r.length])
	}
}

// scatter stores the results of the call's rows where they go, filter by filter.
func (c *call) scatter(im *images) {
	begin, end := 0, c.rows
	for begin < end {
		sample, pixel := (c.first+begin)/im.pixels, (c.first+begin)%im.pixels
		count := min(end-begin, im.pixels-pixel)
		c.set.Turn(im.dst[(im.first+sample)*im.dstStride+pixel:], im.pixels, c.dst[begin*c.n:], c.n, c.n, count)
		begin += count
	}
}
