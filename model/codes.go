package model

import (
	"math"
	"slices"

	"euryale/internal/kernel"
	"euryale/internal/nn"
)

// onCodes is an op between layers on codes. One that computes takes numbers that are rounded to codes already, each input to its
// own, and gives codes or float32. Another's codes are those of its input, of the same map: it moves them, or takes the largest.
type onCodes struct {
	computes bool
	kernel   func(n *node, y array, in []array, s *scratch) // nil where the codes stay as they are
	// channels returns what coded.channels is for the result if it is such for the inputs; −1 where codes do not do.
	channels func(n *node, in []size, out size, channels []int) int
	// keeps reports whether codes of a map stay as they are, where that is not so of all.
	keeps func(c nn.QuantParams) bool
}

var (
	maxPoolOnCodes = onCodes{kernel: maxPoolCodes, channels: poolChannels}
	reshapeOnCodes = onCodes{channels: reshapeChannels}
	concatOnCodes  = onCodes{kernel: concatCodes, channels: concatChannels}
	reluOnCodes    = onCodes{channels: sameChannels, keeps: func(c nn.QuantParams) bool { return c.Zero == 0 }}
	fakeOnCodes    = onCodes{channels: sameChannels}
	addOnCodes     = onCodes{computes: true, kernel: addCodes, channels: addChannels}
	averageOnCodes = onCodes{computes: true, kernel: averagePoolCodes, channels: poolChannels}
)

// channelsOf returns what coded.channels is for images.
func channelsOf(images size) int {
	if plain(images) {
		return 0
	}
	return images[1]
}

// plain reports whether images lie the same with channels first and last.
func plain(images size) bool { return images[1] == 1 || images[2]*images[3] == 1 }

// asImages reports whether codes that lie by so many channels are what convolutions and pools read: a product
// of matrices gives codes of four axes in the order of float32.
func asImages(images size, channels int) bool { return channels == channelsOf(images) }

func poolChannels(_ *node, in []size, out size, channels []int) int {
	if !asImages(in[0], channels[0]) {
		return -1
	}
	return channelsOf(out)
}

func sameChannels(_ *node, _ []size, _ size, channels []int) int { return channels[0] }

// addChannels lets two values be added that lie the same.
func addChannels(_ *node, in []size, _ size, channels []int) int {
	if len(in[0]) == 0 || !slices.Equal(in[0], in[1]) || channels[0] != channels[1] {
		return -1
	}
	return channels[0]
}

// reshapeChannels lets anything that lies as float32 does become rows and plain images, and images become a row each.
func reshapeChannels(_ *node, in []size, out size, channels []int) int {
	switch {
	case channels[0] == 0 && (len(out) != 4 || plain(out)):
		return 0
	case len(in[0]) == 4 && len(out) == 2 && in[0][0] == out[0]:
		return channels[0]
	}
	return -1
}

// concatChannels lets channels of images and numbers of rows be put together.
func concatChannels(n *node, in []size, out size, channels []int) int {
	images := len(out) == 4
	for i := range in {
		images = images && asImages(in[i], channels[i])
	}
	switch {
	case n.axis == 1 && images:
		return channelsOf(out)
	case n.axis == 1 && len(out) == 2 && slices.Max(channels) == 0:
		return 0
	}
	return -1
}

// fakeCodes returns what a FakeQuantize rounds to.
func fakeCodes(n *node) nn.QuantParams {
	return nn.QuantParams{Scale: n.Scale, Zero: n.Zero - n.Low, High: n.High - n.Low}
}

// addable reports whether numbers of the map and their sums are finite.
func addable(c nn.QuantParams) bool { return c.Scale <= math.MaxFloat32/1024 }

// affine returns the map of a value's codes.
func (a array) affine() kernel.Affine {
	c := a.coded.codes
	return kernel.Affine{Scale: c.Scale, Zero: c.Zero, High: c.High}
}

// put sets y from a place on, as codes or as float32, to numbers of a sample that lie by so many channels.
func (y array) put(at int, x []float32, channels int) {
	switch pixels := len(x) / max(channels, 1); {
	case y.codes != nil:
		kernel.Quantize(y.codes[at:][:len(x)], x, y.affine())
	case channels < 2:
		copy(y.x[at:], x)
	default:
		kernel.Turn(y.x[at:][:len(x)], pixels, x, channels, channels, pixels)
	}
}

// addCodes sets y to the sum of what the codes stand for.
func addCodes(_ *node, y array, in []array, s *scratch) {
	a, b := in[0], in[1]
	if y.codes != nil {
		kernel.AddU8(y.codes, a.codes, b.codes, a.affine(), b.affine(), y.affine())
		return
	}
	n := len(y.x) / y.shape[0]
	room := s.room(2 * n)
	sum, other := room[:n], room[n:]
	for at := 0; at < len(y.x); at += n {
		kernel.Dequantize(sum, a.codes[at:][:n], a.affine())
		kernel.Dequantize(other, b.codes[at:][:n], b.affine())
		add(sum, sum, other, 1, 1)
		y.put(at, sum, a.coded.channels)
	}
}

// averagePoolCodes is averagePool of what the codes of images by pixels stand for.
func averagePoolCodes(n *node, y array, in []array, s *scratch) {
	x, channels := in[0], y.shape[1]
	count := float32(n.windows.kernel[0] * n.windows.kernel[1])
	width, image, own := x.shape[3], x.shape[2]*x.shape[3]*channels, y.shape[2]*y.shape[3]*channels
	room := s.room(image + own)
	numbers, averages := room[:image], room[image:]
	for i := range y.shape[0] {
		kernel.Dequantize(numbers, x.codes[i*image:][:image], x.affine())
		pool(n.windows, 1, y, x, func(to, _, top, bottom, left, right int) {
			sums := averages[to*channels:][:channels]
			clear(sums)
			for r := top; r < bottom; r++ {
				for v := left; v < right; v++ {
					for j, number := range numbers[(r*width+v)*channels:][:channels] {
						sums[j] += number
					}
				}
			}
			for j := range sums {
				sums[j] /= count
			}
		})
		y.put(i*own, averages, channels)
	}
}
