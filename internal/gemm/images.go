package gemm

import (
	"fmt"
	"math"

	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// Convolve sets dst to the convolution of x with the filters that are the columns of w, then applies out, as Product would with
// windows of x for rows: but a sample's integers have one scale, as if it were one row. Float images are (channel, row, column),
// and codes (row, column, channel), of x and of dst; v is not planar where x is codes. Of several w, alike but for their numbers,
// each has a group of channels of its own, v.Channels of x and as many of dst as w has columns, with integers of its own; no codes
// then. Where v is depthwise, a filter multiplies the channel of its number alone; x is codes then, or a is Static, and w has one scale
// for a column and neither zero points nor offsets. No window is kept in memory but those of a block.
// Errors: ErrValue, naming sample, channel, row and column; dst is undefined then.
func Convolve(dst, x Numbers, samples int, v *Windows, w []*pack.Matrix, a Arithmetic, out Output) error {
	c := calls.Get().(*call)
	c.take(dst, x, w[0], a, out)
	im := &c.images
	im.v, im.groups = v, w
	im.measure()
	err := c.convolve(samples * len(w))
	im.v, im.groups = nil, nil
	c.release()
	return err
}

// convolve computes images, of a sample and a group each, as many at a time as a block holds.
func (c *call) convolve(images int) error {
	most := c.begin()
	c.finite = c.isFinite()
	im := &c.images
	c.lanes = c.simple && c.arithmetic.Bits == 0 && c.set.MultiplyLanes != nil && im.v.byLanes()
	c.inPlace = c.lanes || im.v.Depthwise || c.simple && im.v.steps > 0 && c.set.MultiplyDirect != nil
	atOnce := im.atOnce(most)
	for first := 0; first < images; first += atOnce {
		im.first, im.count = first, min(atOnce, images-first)
		if err := c.readImages(); err != nil {
			return err
		}
		c.rows = c.pieceRows()
		pieces := (im.count*im.pixels + c.rows - 1) / c.rows
		depth := c.k * c.operand.Planes
		if im.v.Depthwise {
			depth *= depthwiseCost
		}
		c.share((*call).piece, pieces, c.set.MultiplyTime(im.count*im.pixels, c.n, depth))
		if at := c.bad.Load(); at != math.MaxInt64 { // of a result that becomes a code
			pixel := int(at) / c.n
			return fmt.Errorf("%w: got a result of sample %d, filter %d, row %d, column %d that no float32 holds",
				ErrValue, first+pixel/im.pixels, int(at)%c.n, pixel%im.pixels/im.width, pixel%im.width)
		}
	}
	return nil
}

// imageElements is the most that the images of a block have with their borders, or one image if that is more.
const imageElements = 32 << 20

// atOnce returns how many images a block has whose windows are so many at most: few windows may lie in a large border.
func (im *images) atOnce(windows int) int {
	return max(1, min(windows/im.pixels, imageElements/im.size))
}

// pieceBytes is the most memory that the operands of a piece take, or its results where operands are the image's own, which the
// second cache holds.
const pieceBytes = 128 << 10

// pieceRows returns how many pixels a thread takes at a time, from images to images: as many as the second cache holds, but
// enough pieces for all threads, and whole tiles, or rows of an image; of images in groups, one image.
func (c *call) pieceRows() int {
	if len(c.images.groups) > 1 {
		return c.images.pixels
	}
	each, whole := c.operand.Planes*c.stride, c.set.Rows
	if c.inPlace {
		each, whole = 4*c.n, c.images.width
	}
	rows := min(pieceBytes/each, c.images.count*c.images.pixels/(partsPerThread*c.threads))
	return max(1, rows/whole) * whole
}

// piece computes the pixels of a part, as a call of its own on one thread.
func (c *call) piece(part int, s *scratch) {
	p := calls.Get().(*call)
	p.set, p.threads, p.w, p.arithmetic, p.out, p.floor, p.k, p.n = c.set, 1, c.w, c.arithmetic, c.out, c.floor, c.k, c.n
	p.operand, p.depth, p.stride, p.simple, p.plain = c.operand, c.depth, c.stride, c.simple, c.plain
	p.first, p.inPlace, p.finite, p.target, p.shared = part*c.rows, c.inPlace, c.finite, c.target, &c.images
	p.rows = min(c.rows, c.images.count*c.images.pixels-p.first)
	if groups := c.images.groups; len(groups) > 1 {
		g := (c.images.first + part) % len(groups)
		p.w = groups[g]
		if p.out.Bias != nil {
			p.out.Bias = p.out.Bias[g*c.n:][:c.n]
		}
	}
	var bad int
	if c.lanes {
		bad = p.lanesPiece(&c.images, s)
	} else {
		p.makeRoom()
		p.results = grow(p.results, p.rows*p.n)
		p.dst = p.results
		if c.images.v.Depthwise {
			p.depthwiseRows(&c.images, s)
		} else {
			p.windows(&c.images, s)
			p.multiplyOperands()
		}
		bad = p.scatter(&c.images)
	}
	if bad >= 0 {
		c.fail(int64(p.first*p.n + bad))
	}
	p.release()
}

// images is what a convolution adds to a call.
type images struct {
	v            *Windows
	groups       []*pack.Matrix
	first, count int // images that are integers: of a sample, or of a group of one

	size               int // elements of an image with its border
	pixels, width      int // of a sample's result
	rowStep, pixelStep int // elements between the windows of rows and of pixels of the result

	// [sample][row][column][channel], or [sample][channel][row][column], with a border: integers, or planes of their bytes
	// where operands are plain.
	ints    []int32
	bytes   []uint8
	scales  []float64
	offsets []int32
}

// measure sets what the convolution implies.
func (im *images) measure() {
	v := &im.v.Conv
	height, width := v.padded()
	im.size = v.Channels * height * width
	outHeight, outWidth := v.Out()
	im.pixels, im.width = outHeight*outWidth, outWidth
	im.rowStep, im.pixelStep = v.Stride[0]*width*v.perPixel(), v.Stride[1]*v.perPixel()
}

// plane returns how far planes are apart, with what kernels read beyond.
func (im *images) plane() int { return im.count*im.size + chunk }

// at returns where the window of a pixel of the result begins in a plane.
func (im *images) at(pixel int) int {
	sample, pixel := pixel/im.pixels, pixel%im.pixels
	return sample*im.size + pixel/im.width*im.rowStep + pixel%im.width*im.pixelStep
}

// readImages makes integers of samples. Without an error, no place of a bad number is noted.
func (c *call) readImages() error {
	im := &c.images
	v := im.v
	elements := v.Channels * v.Height * v.Width
	if c.byteImages() {
		im.bytes = grow(im.bytes, c.operand.Planes*im.plane())
	} else {
		im.ints = grow(im.ints, im.count*im.size)
	}
	im.scales, im.offsets = grow(im.scales, im.count), grow(im.offsets, im.count)
	c.bad.Store(math.MaxInt64)
	c.share((*call).readImage, im.count, 4*c.set.QuantizeTime(im.count*elements))
	if at := c.bad.Load(); at != math.MaxInt64 {
		at := im.first*elements + int(at)
		plane, channels := v.Height*v.Width, v.Channels*len(im.groups)
		return fmt.Errorf("%w: got %v in sample %d at channel %d, row %d, column %d",
			ErrValue, c.source.Float[at], at/plane/channels, at/plane%channels, at%plane/v.Width, at%v.Width)
	}
	return nil
}

// byteImages says that images are kept as the bytes of operands.
func (c *call) byteImages() bool { return c.inPlace || c.plain && c.operand.Planes == 1 }

// readImage makes integers of a sample, with a border.
func (c *call) readImage(i int, s *scratch) {
	im := &c.images
	v := &im.v.Conv
	elements, size := v.Channels*v.Height*v.Width, im.size
	from := (im.first + i) * elements
	if c.source.Codes != nil {
		codes := c.source.Codes[from:][:elements]
		im.scales[i], im.offsets[i] = float64(c.source.Map.Scale), c.source.Map.Zero
		if c.byteImages() {
			frame(im.bytes[i*size:][:size], codes, v, uint8(c.source.Map.Zero))
			return
		}
		s.ints = grow(s.ints, elements)
		c.set.Centre(s.ints, codes, c.source.Map.Zero)
		frame(im.ints[i*size:][:size], s.ints, v, 0)
		return
	}
	numbers := c.source.Float[from:][:elements]
	var bad int
	switch {
	case !c.byteImages():
		s.ints = grow(s.ints, elements)
		if im.scales[i], im.offsets[i], bad = c.integers(s.ints, numbers); bad < 0 {
			pad(im.ints[i*size:][:size], s.ints, v, 0, turn)
		}
	case c.operand.Planes == 1:
		var a kernel.Affine
		if a, bad = c.affineOf(numbers); bad < 0 {
			s.bytes = grow(s.bytes, elements)
			a = Counted(a)
			im.scales[i], im.offsets[i] = float64(a.Scale), a.Zero
			c.set.QuantizeU8(s.bytes, numbers, a)
			pad(im.bytes[i*size:][:size], s.bytes, v, uint8(a.Zero), c.set.TurnU8)
		}
	default:
		s.ints, s.padded = grow(s.ints, elements), grow(s.padded, size)
		if im.scales[i], im.offsets[i], bad = c.integers(s.ints, numbers); bad < 0 {
			pad(s.padded, s.ints, v, 0, turn)
			c.set.SplitU8(im.bytes[i*size:], im.plane(), s.padded, c.operand.Planes, im.offsets[i])
		}
	}
	if bad >= 0 {
		c.fail(int64(i*elements + bad))
	}
}

// border sets what surrounds an image in each of some planes of dst to zero.
func border[T int32 | uint8](dst []T, v *Conv, zero T) {
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

func fill[T int32 | uint8](dst []T, x T) {
	if len(dst) == 0 {
		return
	}
	dst[0] = x
	for n := 1; n < len(dst); n *= 2 {
		copy(dst[n:], dst[:n])
	}
}

// pad sets dst to an image, (channel, row, column), with a border of zero, and channels last unless the convolution is planar.
func pad[T int32 | uint8](dst, image []T, v *Conv, zero T, turn func(dst []T, stride int, src []T, n, columns, rows int)) {
	if v.Planar || v.Channels == 1 {
		frame(dst, image, v, zero)
		return
	}
	border(dst, v, zero)
	_, width := v.padded()
	if v.Pad[1] == 0 && v.Pad[3] == 0 {
		turn(dst[v.Pad[0]*width*v.Channels:], v.Channels, image, v.Height*v.Width, v.Height*v.Width, v.Channels)
		return
	}
	for y := range v.Height {
		turn(dst[((y+v.Pad[0])*width+v.Pad[1])*v.Channels:], v.Channels, image[y*v.Width:], v.Height*v.Width, v.Width, v.Channels)
	}
}

// turn sets dst[j·stride + i] = src[i·n + j] for the given numbers of columns j and rows i.
func turn(dst []int32, stride int, src []int32, n, columns, rows int) {
	for j := range columns {
		for i := range rows {
			dst[j*stride+i] = src[i*n+j]
		}
	}
}

// frame sets dst to an image whose pixels lie as they do there, with a border of zero.
func frame[T int32 | uint8](dst, image []T, v *Conv, zero T) {
	border(dst, v, zero)
	height, width := v.padded()
	row := v.Width * v.perPixel()
	for plane := range v.planes() {
		for y := range v.Height {
			copy(dst[((plane*height+y+v.Pad[0])*width+v.Pad[1])*v.perPixel():], image[(plane*v.Height+y)*row:][:row])
		}
	}
}

// windows makes operands of the windows of the call's rows, if they are not multiplied where they lie.
func (c *call) windows(im *images, s *scratch) {
	v := im.v
	s.ints = grow(s.ints, wholeVectors(c.k))
	clear(s.ints)
	for begin, end := 0, 0; begin < c.rows; begin = end {
		sample := (c.first + begin) / im.pixels
		end = min(c.rows, (sample+1)*im.pixels-c.first)
		for i := begin; i < end; i++ {
			c.scales[i], c.offsets[i] = im.scales[sample], im.offsets[sample]
			switch {
			case c.inPlace:
			case c.byteImages():
				v.moves.gather(c.planes[i*c.stride:], im.bytes[im.at(c.first+i):])
			default:
				gather(s.ints, im.ints[im.at(c.first+i):], v.list)
				c.split(s.ints, i)
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

// scatter stores the results of the call's rows where they go, and returns the place of one that is not finite and should become
// a code, or −1.
func (c *call) scatter(im *images) (bad int) {
	to := c.target
	for begin, count := 0, 0; begin < c.rows; begin += count {
		sample, pixel := (c.first+begin)/im.pixels, (c.first+begin)%im.pixels
		count = min(c.rows-begin, im.pixels-pixel)
		at, results := (im.first+sample)*im.pixels*c.n, c.dst[begin*c.n:][:count*c.n]
		if to.Codes != nil {
			if bad := c.toCodes(to.Codes[at+pixel*c.n:][:len(results)], results); bad >= 0 {
				return begin*c.n + bad
			}
		} else {
			c.set.Turn(to.Float[at+pixel:], im.pixels, results, c.n, c.n, count)
		}
	}
	return -1
}
