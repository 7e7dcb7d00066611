package model

import (
	"fmt"
	"slices"
	"sync"

	"euryale/internal/flow"
	"euryale/ops"
	"euryale/qtensor"
)

// Layers under StaticInt8 hand codes to each other. A value is kept as codes, and not as float32, where everything that reads it
// would make the same codes of it: such layers, and ops between them for which it makes no difference whether their input becomes
// codes or their result. So a chain gives the same bits as float32 between its layers.

// coded is how a value is kept as codes. Images are (sample, row, column, channel) then, and so are those that became rows.
type coded struct {
	codes    ops.Codes
	channels int // of images; 0 where the order is that of float32
}

// onCodes is an op between layers that takes and gives codes of the same map.
type onCodes struct {
	kernel func(n *flow.Node, y array, in []array, s *scratch) // sets y.codes
	// channels returns what coded.channels is for the result if it is that of an input; −1 where codes do not do.
	channels func(n *flow.Node, in, out size, channels int) int
}

// quantized is a layer before its weights are packed.
type quantized struct {
	layer  layer
	sizes  []size
	after  after
	groups int // of channels; 0 for a matrix
}

// chain finds the values that are kept as codes.
func (b *builder) chain() {
	readers := make([][]*step, len(b.values))
	for i := range b.steps {
		for _, id := range b.steps[i].in {
			readers[id] = append(readers[id], &b.steps[i])
		}
	}
	channels, mixed := b.channels(), map[*step]bool{}
	for again := true; again; {
		again = false
		wanted := make([]*coded, len(b.values))
		for i := len(b.steps) - 1; i >= 0; i-- {
			if s := &b.steps[i]; !mixed[s] && channels[s.out] >= 0 && !slices.Contains(b.outputs, s.out) {
				wanted[s.out] = b.wanted(readers[s.out], s.out, channels[s.out], wanted)
			}
		}
		for i := range b.steps {
			s := &b.steps[i]
			floats := 0
			for _, id := range s.in {
				if b.values[id].coded == nil {
					floats++
				}
			}
			b.values[s.out].coded = nil
			if s.quantized != nil || floats == 0 {
				b.values[s.out].coded = wanted[s.out]
			} else if floats < len(s.in) && !mixed[s] {
				mixed[s], again = true, true // its inputs have to be float32 all
			}
		}
	}
}

// channels returns what coded.channels is for each value that a step may give as codes, and −1 for the others.
func (b *builder) channels() []int {
	channels := make([]int, len(b.values))
	for _, s := range b.steps {
		out := b.values[s.out].size
		switch {
		case s.quantized != nil:
			channels[s.out] = s.quantized.gives(out)
		case s.op.codes == nil || s.call != nil:
			channels[s.out] = -1
		default:
			for _, id := range s.in {
				c := channels[id]
				if c >= 0 {
					c = s.op.codes.channels(s.node, b.values[id].size, out, c)
				}
				if channels[s.out] = c; c < 0 {
					break
				}
			}
		}
	}
	return channels
}

// wanted returns the codes that all readers of a value make of it, or nil.
func (b *builder) wanted(readers []*step, id, channels int, wanted []*coded) (all *coded) {
	for _, r := range readers {
		one := coded{channels: channels}
		if r.quantized != nil {
			codes, ok := r.quantized.takes(b.values[id].size, channels)
			if !ok {
				return nil
			}
			one.codes = codes
		} else {
			if wanted[r.out] == nil {
				return nil
			}
			one.codes = wanted[r.out].codes
		}
		if all != nil && *all != one {
			return nil
		}
		all = &one
	}
	return all
}

// takes returns the codes that the layer reads of x, where it does.
func (q *quantized) takes(x size, channels int) (ops.Codes, bool) {
	codes, ok := q.layer.compute.Codes()
	apart := q.layer.weight.scheme.GroupSize() > 0 // in the order of float32
	switch {
	case q.groups > 1:
		return codes, false
	case q.groups == 1:
		return codes, ok && !apart
	}
	return codes, ok && (channels == 0 || len(x) == 2 && !apart)
}

// gives returns what coded.channels is for the layer's result, −1 where it is not given as codes.
func (q *quantized) gives(out size) int {
	switch {
	case q.layer.weight.scheme.IsHalf() || q.groups > 1:
		return -1
	case q.groups == 1:
		return channelsOf(out)
	}
	return 0
}

// channelsOf returns what coded.channels is for images.
func channelsOf(images size) int {
	if plain(images) {
		return 0
	}
	return images[1]
}

// plain reports whether images lie the same with channels first and last.
func plain(images size) bool { return images[1] == 1 || images[2]*images[3] == 1 }

// maxPoolChannels is for images in, which are plain or lie by their channels.
func maxPoolChannels(_ *flow.Node, _, out size, _ int) int { return channelsOf(out) }

// reshapeChannels lets anything that lies as float32 does become rows and plain images, and images become a row each.
func reshapeChannels(_ *flow.Node, in, out size, channels int) int {
	switch {
	case channels == 0 && (len(out) != 4 || plain(out)):
		return 0
	case len(in) == 4 && len(out) == 2 && in[0] == out[0]:
		return channels
	}
	return -1
}

// concatChannels lets channels of images and numbers of rows be put together.
func concatChannels(n *flow.Node, in, out size, channels int) int {
	at, _ := axis(n, len(out)) // checked by the rule
	switch {
	case at == 1 && len(out) == 4:
		return channelsOf(out)
	case at == 1 && len(out) == 2 && channels == 0:
		return 0
	}
	return -1
}

// pack gives the layers what makes them ready to run, when it is called first.
func (b *builder) pack() {
	b.chain()
	for i := range b.steps {
		s := &b.steps[i]
		if s.quantized == nil {
			continue
		}
		coded, channels := b.values[s.in[0]].coded, 1
		if coded != nil && s.quantized.groups == 0 {
			channels = max(1, coded.channels)
		}
		prepare := s.op.layer(s.node, s.quantized, channels)
		s.layer = sync.OnceValues(func() (*prepared, error) {
			p, err := prepare()
			if err != nil || coded == nil {
				return p, err
			}
			if takes, ok := p.TakesCodes(); !ok || takes != coded.codes {
				return nil, fmt.Errorf("%w: it does not take the codes %+v", qtensor.ErrParams, coded.codes)
			}
			return p, nil
		})
		s.quantized = nil // its sizes are no longer of use
	}
}
