package model

import (
	"slices"

	"euryale/internal/ir"
	"euryale/internal/kernel"
)

// Images in float32 are NCHW, and NHWC between depthwise convolutions and those whose windows are single pixels,
// which multiply channels by vectors. What is computed element by element, of images of one size and of constants
// of one element, is the same either way, and stays between them. An observer is given NCHW.

// leastChannels is from how many channels on vectors of channels are worth it.
const leastChannels = 8

// isDepthwise reports whether a step is a convolution by constants, of each channel with its own filter.
func (b *builder) isDepthwise(s *step) bool {
	n := s.node
	if n.Op != ir.OpConv || !b.multipliesByConstants(s) {
		return false
	}
	w := b.values[s.in[1]].size
	return n.Groups == w[0] && w[1] == 1 && w[0] >= leastChannels
}

// isPixelwise reports whether a step is a convolution by constants whose windows are single pixels.
func (b *builder) isPixelwise(s *step) bool {
	n := s.node
	if n.Op != ir.OpConv || !b.multipliesByConstants(s) {
		return false
	}
	one := [2]int{1, 1}
	return n.Groups == 1 && n.Windows.Kernel == one && n.Windows.Strides == one && n.Windows.Pads == [4]int{}
}

// ofPixels reports whether a step is such a convolution, of images whose channels are last, or to them.
func (b *builder) ofPixels(s *step) bool {
	return b.isPixelwise(s) && (b.values[s.in[0]].channelsLast || b.values[s.out].channelsLast)
}

// placeChannels decides which values are NHWC: sets of those that go through elementwise operations alone, where all
// else that gives or reads them takes them so, and a depthwise convolution is among it.
func (b *builder) placeChannels() {
	sets := make([]int, len(b.values)) // a value of the same set, or itself
	for id := range sets {
		sets[id] = id
	}
	find := func(id int) int {
		for sets[id] != id {
			sets[id] = sets[sets[id]]
			id = sets[id]
		}
		return id
	}
	first, wanted := make([]bool, len(b.values)), make([]bool, len(b.values)) // NCHW, and better NHWC
	for id, v := range b.values {
		first[id] = len(v.size) != 4 || v.quantization != nil || v.dtype != ir.Float32
	}
	for _, id := range slices.Concat(b.inputs, b.outputs) {
		first[id] = true
	}
	for i := range b.steps {
		s := &b.steps[i]
		switch values := b.computed(s); {
		case s.layer == nil && b.isDepthwise(s):
			wanted[s.in[0]], wanted[s.out] = true, true
		case s.layer == nil && b.isPixelwise(s):
		case b.anyOrder(s, values):
			for _, id := range values {
				sets[find(id)] = find(s.out)
			}
		default:
			for _, id := range values {
				first[id] = true
			}
			first[s.out] = true
		}
	}
	for id := range sets {
		set := find(id)
		first[set], wanted[set] = first[set] || first[id], wanted[set] || wanted[id]
	}
	for id := range sets {
		set := find(id)
		b.values[id].channelsLast = wanted[set] && !first[set]
	}
}

// computed returns the values that a step reads and that are no constants.
func (b *builder) computed(s *step) []int {
	return slices.DeleteFunc(slices.Concat(s.in, s.operands()), func(id int) bool { return b.values[id].data != nil })
}

// anyOrder reports whether a step computes its result element by element of values of its size and of constants of one
// element.
func (b *builder) anyOrder(s *step, values []int) bool {
	size := b.values[s.out].size
	return ir.Elementwise(s.node.Op) && s.function == nil && s.layer == nil &&
		!slices.ContainsFunc(values, func(id int) bool { return !slices.Equal(b.values[id].size, size) }) &&
		!slices.ContainsFunc(s.operands(), func(id int) bool { return b.values[id].data != nil && b.values[id].size.Elements() > 1 })
}

// firstChannels returns images that are NHWC as NCHW, in memory of the workspace until the next call.
func (ws *workspace) firstChannels(a array) []float32 {
	ws.turned = grow(ws.turned, len(a.x))
	channels, pixels := a.shape[1], a.shape[2]*a.shape[3]
	for image := range a.shape[0] {
		at := image * channels * pixels
		kernel.Transpose(ws.turned[at:], pixels, a.x[at:], channels, channels, pixels)
	}
	return ws.turned
}
