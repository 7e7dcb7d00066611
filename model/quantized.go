package model

import (
	"fmt"
	"math"
	"slices"

	"euryale/internal/ir"
	"euryale/internal/kernel"
	"euryale/internal/nn"
	"euryale/qtensor"
)

// quantizedOp is an op on quantized activations between layers. One that computes takes inputs that are
// rounded to quantized values already, each by its own parameters, and gives quantized values or float32.
// Another moves the quantized values of its inputs, clamps them or takes the largest: all have the same
// parameters.
type quantizedOp struct {
	computes bool
	kernel   func(n *ir.Resolved, y array, in []array, s *scratch) // nil where the quantized values stay as they are
	// channels returns quantization.channels of the result for those of the inputs; −1 where they do not go
	// together.
	channels func(n *ir.Resolved, in []ir.Size, out ir.Size, channels []int) int
	// takes reports whether the op takes quantized values of such parameters; nil where it takes all.
	takes func(p nn.QuantParams) bool
}

var (
	quantizedMaxPool  = quantizedOp{kernel: maxPoolU8, channels: poolChannels}
	quantizedResize   = quantizedOp{kernel: resizeU8, channels: poolChannels}
	quantizedIdentity = quantizedOp{channels: sameChannels}
	quantizedReshape  = quantizedOp{channels: reshapeChannels}
	quantizedConcat   = quantizedOp{kernel: concatU8, channels: concatChannels}
	quantizedClamp    = quantizedOp{channels: sameChannels, takes: addable}
	quantizedSlice    = quantizedOp{kernel: sliceU8, channels: sliceChannels}
	quantizedFake     = quantizedOp{channels: sameChannels}
	quantizedFloats   = quantizedOp{kernel: quantizeFloats, channels: sameChannels} // a FakeQuantize of float32
	quantizedAdd      = quantizedOp{computes: true, kernel: addU8, channels: addChannels}
	quantizedAverage  = quantizedOp{computes: true, kernel: averagePoolU8, channels: poolChannels}
)

// channelsOf returns quantization.channels of images.
func channelsOf(images ir.Size) int {
	if plain(images) {
		return 0
	}
	return images[1]
}

// plain reports whether NHWC and NCHW are the same for images.
func plain(images ir.Size) bool { return images[1] == 1 || images[2]*images[3] == 1 }

// asImages reports whether quantized images of so many channels are NHWC, as convolutions and pools read
// them: a product of matrices gives four axes in the order of float32.
func asImages(images ir.Size, channels int) bool { return channels == channelsOf(images) }

func poolChannels(_ *ir.Resolved, in []ir.Size, out ir.Size, channels []int) int {
	if !asImages(in[0], channels[0]) {
		return -1
	}
	return channelsOf(out)
}

func sameChannels(_ *ir.Resolved, _ []ir.Size, _ ir.Size, channels []int) int { return channels[0] }

// addChannels lets two values of one shape and order be added.
func addChannels(_ *ir.Resolved, in []ir.Size, _ ir.Size, channels []int) int {
	if len(in[0]) == 0 || !slices.Equal(in[0], in[1]) || channels[0] != channels[1] {
		return -1
	}
	return channels[0]
}

// reshapeChannels lets values in the order of float32 become rows and plain images, and images become a row
// each.
func reshapeChannels(_ *ir.Resolved, in []ir.Size, out ir.Size, channels []int) int {
	switch {
	case channels[0] == 0 && (len(out) != 4 || plain(out)):
		return 0
	case len(in[0]) == 4 && len(out) == 2 && in[0][0] == out[0]:
		return channels[0]
	}
	return -1
}

// sliceChannels lets part of images be taken, and of values in the order of float32.
func sliceChannels(_ *ir.Resolved, _ []ir.Size, out ir.Size, channels []int) int {
	switch {
	case channels[0] == 0:
		return 0
	case len(out) == 4:
		return channelsOf(out)
	}
	return -1
}

// concatChannels lets the channels of images, and the columns of rows, be put together.
func concatChannels(n *ir.Resolved, in []ir.Size, out ir.Size, channels []int) int {
	images := len(out) == 4
	for i := range in {
		images = images && asImages(in[i], channels[i])
	}
	switch {
	case n.Axis == 1 && images:
		return channelsOf(out)
	case n.Axis == 1 && len(out) == 2 && slices.Max(channels) == 0:
		return 0
	}
	return -1
}

// fakeParams returns the parameters of a FakeQuantize.
func fakeParams(n *ir.Resolved) nn.QuantParams {
	return nn.QuantParams{Scale: n.Scale, Zero: n.ZeroPoint - n.QuantMin, High: n.QuantMax - n.QuantMin}
}

// addable reports whether dequantized values and their sums are finite.
func addable(p nn.QuantParams) bool { return p.Scale <= math.MaxFloat32/1024 }

// affine returns the parameters of a quantized value.
func (a array) affine() kernel.Affine { return affine(a.quantization.params) }

func affine(p nn.QuantParams) kernel.Affine {
	return kernel.Affine{Scale: p.Scale, Zero: p.Zero, High: p.High}
}

// put sets y from an offset on to x of a sample: y quantized in the order of x, or float32 in NCHW. x is NHWC
// of so many channels, or rows for 0.
func (y array) put(at int, x []float32, channels int) {
	switch pixels := len(x) / max(channels, 1); {
	case y.q != nil:
		kernel.Quantize(y.q[at:][:len(x)], x, y.affine())
	case channels < 2:
		copy(y.x[at:], x)
	default:
		kernel.Transpose(y.x[at:][:len(x)], pixels, x, channels, channels, pixels)
	}
}

// quantizeFloats sets y, which is kept quantized, to what a FakeQuantize rounds float32 to. NaN and infinities
// are an error.
func quantizeFloats(_ *ir.Resolved, y array, in []array, s *scratch) {
	x, channels := in[0].x, y.quantization.channels
	size := len(x) / y.shape[0]
	for at := 0; at < len(x); at += size {
		from, to := x[at:at+size], y.q[at:at+size]
		q := to
		if channels > 1 {
			s.bytes = grow(s.bytes, size)
			q = s.bytes
		}
		if !kernel.Current().QuantizeU8(q, from, y.affine()) {
			_, _, bad := kernel.MinMax(from)
			s.err = fmt.Errorf("%w: x is %v at %d, want finite values", qtensor.ErrValue, from[bad], at+bad)
			return
		}
		if channels > 1 {
			pixels := size / channels
			kernel.TransposeU8(to, channels, q, pixels, pixels, channels)
		}
	}
}

// addU8 sets y to the sum of the dequantized inputs.
func addU8(_ *ir.Resolved, y array, in []array, s *scratch) {
	a, b := in[0], in[1]
	if y.q != nil {
		kernel.AddU8(y.q, a.q, b.q, a.affine(), b.affine(), y.affine())
		return
	}
	n := len(y.x) / y.shape[0]
	buf := s.floats(2 * n)
	sum, other := buf[:n], buf[n:]
	for at := 0; at < len(y.x); at += n {
		kernel.Dequantize(sum, a.q[at:][:n], a.affine())
		kernel.Dequantize(other, b.q[at:][:n], b.affine())
		kernel.Current().Plus(sum, n, kernel.Vector(sum), kernel.Vector(other))
		y.put(at, sum, a.quantization.channels)
	}
}

// averagePoolU8 works like averagePool, on dequantized NHWC images.
func averagePoolU8(n *ir.Resolved, y array, in []array, s *scratch) {
	x, channels := in[0], y.shape[1]
	width, image, own := x.shape[3], x.shape[2]*x.shape[3]*channels, y.shape[2]*y.shape[3]*channels
	buf := s.floats(image + own)
	values, averages := buf[:image], buf[image:]
	for i := range y.shape[0] {
		kernel.Dequantize(values, x.q[i*image:][:image], x.affine())
		eachSpan(&n.Windows, 0, x.shape[2], y.shape[2], func(rows span) {
			eachSpan(&n.Windows, 1, width, y.shape[3], func(columns span) {
				s.windows = kernel.FloatWindows{
					Offsets: s.offsetsOf(rows.length, width*channels, columns.length, channels), Count: averaged(n, rows.length*columns.length),
					Rows: columns.count, RowStep: n.Windows.Strides[1] * channels, DstStep: channels, Columns: channels, Step: 1,
				}
				for r := range rows.count {
					from := (rows.from+r*n.Windows.Strides[0])*width + columns.from
					to := (rows.first+r)*y.shape[3] + columns.first
					kernel.Current().AverageFloatWindows(averages[to*channels:], values[from*channels:], &s.windows)
				}
			})
		})
		y.put(i*own, averages, channels)
	}
}
