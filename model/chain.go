package model

import (
	"fmt"
	"slices"
	"sync"

	"euryale/ops"
	"euryale/qtensor"
)

// Layers under StaticInt8 hand codes to each other. A value is kept as codes, and not as float32, where everything that reads it
// would make the same codes of it: such layers, a FakeQuantize, and ops between them for which it makes no difference whether their
// input becomes codes or their result. Other ops take codes of what a FakeQuantize has rounded to just these. So a chain gives the same
// bits as float32 between its layers.

// coded is how a value is kept as codes. Images are (sample, row, column, channel) then, and so are those that became rows.
type coded struct {
	codes    ops.Codes
	channels int // of images; 0 where the order is that of float32
}

// quantized is a layer before its weights are packed.
type quantized struct {
	layer  layer
	sizes  []size
	after  after
	groups int  // of channels; 0 for a matrix
	each   bool // of groups: filters have a channel each, and codes do
}

// chain finds the values that are kept as codes.
func (b *builder) chain() {
	readers := make([][]*step, len(b.values))
	for i := range b.steps {
		for _, id := range b.steps[i].in {
			readers[id] = append(readers[id], &b.steps[i])
		}
	}
	channels, grids, mixed := b.channels(), b.grids(), map[*step]bool{}
	for again := true; again; {
		again = false
		wanted := make([]*coded, len(b.values))
		for i := len(b.steps) - 1; i >= 0; i-- {
			if s := &b.steps[i]; !mixed[s] && channels[s.out] >= 0 && !slices.Contains(b.outputs, s.out) {
				wanted[s.out] = b.wanted(readers[s.out], s.out, channels, grids, mixed, wanted)
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
	for _, s := range b.steps {
		if out := &b.values[s.out]; out.coded != nil && s.quantized == nil && s.op.codes.kernel == nil && out.from < 0 {
			out.from, out.apart = s.in[0], true
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
			var in []size
			var own []int
			for _, id := range s.in {
				in, own = append(in, b.values[id].size), append(own, channels[id])
			}
			if channels[s.out] = -1; slices.Min(own) >= 0 {
				channels[s.out] = s.op.codes.channels(s.node, in, out, own)
			}
		}
	}
	return channels
}

// grids returns for each value the codes that it is rounded to, perhaps in another order since, or nil.
func (b *builder) grids() []*ops.Codes {
	grids := make([]*ops.Codes, len(b.values))
	for _, s := range b.steps {
		switch {
		case s.quantized != nil || s.call != nil || s.op.codes == nil || s.op.codes.computes:
		case s.node.Op == "FakeQuantize":
			c := fakeCodes(s.node)
			grids[s.out] = &c
		default:
			grid := grids[s.in[0]]
			for _, id := range s.in {
				if grids[id] == nil { // those of other codes than the first are not kept as codes
					grid = nil
				}
			}
			grids[s.out] = grid
		}
	}
	return grids
}

// wanted returns the codes that all readers of a value make of it, or nil.
func (b *builder) wanted(readers []*step, id int, channels []int, grids []*ops.Codes, mixed map[*step]bool, wanted []*coded) (all *coded) {
	grid := grids[id]
	for _, r := range readers {
		one := coded{channels: channels[id]}
		switch op := r.op.codes; {
		case r.quantized != nil:
			codes, ok := r.quantized.takes(b.values[id].size, one.channels)
			if !ok {
				return nil
			}
			one.codes = codes
		case op == nil:
			return nil
		case op.computes:
			if grid == nil || !addable(*grid) || mixed[r] || channels[r.out] < 0 {
				return nil
			}
			one.codes = *grid
		default:
			if wanted[r.out] == nil || op.keeps != nil && !op.keeps(wanted[r.out].codes) {
				return nil
			}
			one.codes = wanted[r.out].codes
		}
		if all != nil && *all != one || grid != nil && one.codes != *grid {
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
		return codes, ok && q.each
	case q.groups == 1:
		return codes, ok && !apart
	}
	return codes, ok && (channels == 0 || len(x) == 2 && !apart)
}

// gives returns what coded.channels is for the layer's result, −1 where it is not given as codes.
func (q *quantized) gives(out size) int {
	switch {
	case q.layer.weight.scheme.IsHalf() || q.groups > 1 && !q.each:
		return -1
	case q.groups > 0:
		return channelsOf(out)
	}
	return 0
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
			if takes, ok := p.shared.TakesCodes(); !ok || takes != coded.codes {
				return nil, fmt.Errorf("%w: it does not take the codes %+v", qtensor.ErrParams, coded.codes)
			}
			return p, nil
		})
		s.depth, s.weights = s.quantized.work(s.node)
		s.quantized = nil // its sizes are no longer of use
	}
}
