package model

import (
	"slices"

	"euryale/internal/nn"
)

// Layers under StaticInt8 hand codes to each other. A value is kept as codes, and not as float32, where everything that reads it
// would make the same codes of it: such layers, a FakeQuantize, and ops between them for which it makes no difference whether their
// input becomes codes or their result. Other ops take codes of what a FakeQuantize has rounded to just these. So a chain gives the same
// bits as float32 between its layers.

// coded is how a value is kept as codes. Images are (sample, row, column, channel) then, and so are those that became rows.
type coded struct {
	codes    nn.QuantParams
	channels int // of images; 0 where the order is that of float32
}

// quantized is a layer before its weights are packed.
type quantized struct {
	layer  layer
	sizes  []size
	after  after
	groups int   // of channels; 0 for a matrix
	pad    []int // of images
}

// chain is what is known of values on the way to those that are kept as codes.
type chain struct {
	*builder
	makers   []int             // the step that gives a value, −1 for inputs and constants
	readers  [][]int           // the steps that read it, as often as they do
	asked    []bool            // whether it is an output
	channels []int             // what coded.channels is of one that a step may give as codes, −1 of others
	grids    []*nn.QuantParams // what one is rounded to, perhaps in another order since, or nil
	wanted   []*coded          // the codes that all readers make of it, or nil
	floats   []int             // how many values a step reads that are no codes
	settled  []bool            // whether a step has been found to read none as codes
	again    []int             // steps for which something has changed
}

// chain finds the values that are kept as codes. Each step is looked at when what it reads or gives becomes
// float32, and once passes that on to what it reads: so the work is as the number of steps and of what they
// read.
func (b *builder) chain() {
	c := &chain{
		builder: b, makers: make([]int, len(b.values)), readers: make([][]int, len(b.values)), asked: make([]bool, len(b.values)),
		wanted: make([]*coded, len(b.values)), floats: make([]int, len(b.steps)), settled: make([]bool, len(b.steps)),
	}
	for id := range c.makers {
		c.makers[id] = -1
	}
	for i, s := range b.steps {
		c.makers[s.out] = i
		for _, id := range s.in {
			c.readers[id] = append(c.readers[id], i)
		}
	}
	for _, id := range b.outputs {
		c.asked[id] = true
	}
	c.findChannels()
	c.findGrids()
	for i := range slices.Backward(b.steps) {
		c.wanted[b.steps[i].out] = c.want(b.steps[i].out)
	}
	for i, s := range b.steps {
		for _, id := range s.in {
			if b.values[id].coded == nil {
				c.floats[i]++
			}
		}
		if s.quantized != nil || c.floats[i] == 0 {
			b.values[s.out].coded = c.wanted[s.out]
		}
		c.again = append(c.again, i)
	}
	for len(c.again) > 0 {
		i := c.again[len(c.again)-1]
		c.again = c.again[:len(c.again)-1]
		c.settle(i)
	}
	for _, s := range b.steps {
		if out := &b.values[s.out]; out.coded != nil && s.quantized == nil && s.op.codes.kernel == nil && out.from < 0 {
			out.from, out.apart = s.in[0], true
		}
	}
}

// settle has a step give float32 where it does not read codes alone, and read float32 alone where it would
// read both, or has codes only to hand them on and nobody wants them. A layer makes codes of float32, and
// float32 of codes.
func (c *chain) settle(i int) {
	s := &c.steps[i]
	if s.quantized != nil || c.settled[i] {
		return
	}
	if c.floats[i] > 0 {
		c.float(s.out)
	}
	mixed := c.floats[i] > 0 && c.floats[i] < len(s.in)
	if c.settled[i] = mixed || c.wanted[s.out] == nil && (s.op.codes == nil || !s.op.codes.computes); c.settled[i] {
		for _, id := range s.in {
			c.unwant(id)
		}
		c.float(s.out)
	}
}

// unwant notes that not all readers of a value want it as codes.
func (c *chain) unwant(id int) {
	if c.wanted[id] == nil {
		return
	}
	c.wanted[id] = nil
	c.float(id)
	c.again = append(c.again, c.makers[id])
}

// float has a value kept as float32.
func (c *chain) float(id int) {
	if c.values[id].coded == nil {
		return
	}
	c.values[id].coded = nil
	for _, i := range c.readers[id] {
		c.floats[i]++
		c.again = append(c.again, i)
	}
}

func (c *chain) findChannels() {
	c.channels = make([]int, len(c.values))
	for _, s := range c.steps {
		out := c.values[s.out].size
		switch {
		case s.quantized != nil:
			c.channels[s.out] = s.quantized.gives(out)
		case s.op.codes == nil || s.call != nil:
			c.channels[s.out] = -1
		default:
			var in []size
			var own []int
			for _, id := range s.in {
				in, own = append(in, c.values[id].size), append(own, c.channels[id])
			}
			if c.channels[s.out] = -1; slices.Min(own) >= 0 {
				c.channels[s.out] = s.op.codes.channels(s.node, in, out, own)
			}
		}
	}
}

func (c *chain) findGrids() {
	c.grids = make([]*nn.QuantParams, len(c.values))
	for _, s := range c.steps {
		switch {
		case s.quantized != nil || s.call != nil || s.op.codes == nil || s.op.codes.computes:
		case s.node.Op == "FakeQuantize":
			codes := fakeCodes(s.node)
			c.grids[s.out] = &codes
		default:
			grid := c.grids[s.in[0]]
			for _, id := range s.in {
				if c.grids[id] == nil { // those of other codes than the first are not kept as codes
					grid = nil
				}
			}
			c.grids[s.out] = grid
		}
	}
}

// want returns the codes that all readers of a value make of it, or nil.
func (c *chain) want(id int) (all *coded) {
	if c.channels[id] < 0 || c.asked[id] {
		return nil
	}
	grid := c.grids[id]
	for _, i := range c.readers[id] {
		codes, ok := c.reads(&c.steps[i], id)
		one := coded{codes, c.channels[id]}
		if !ok || all != nil && *all != one || grid != nil && codes != *grid {
			return nil
		}
		all = &one
	}
	return all
}

// reads returns the codes that a step makes of a value, or takes in its place; false where it wants float32.
func (c *chain) reads(s *step, id int) (codes nn.QuantParams, ok bool) {
	op := s.op.codes
	switch {
	case s.quantized != nil:
		return s.quantized.takes(c.values[id].size, c.channels[id])
	case op == nil || c.channels[s.out] < 0:
		return codes, false
	case op.computes:
		grid := c.grids[id]
		if grid == nil || !addable(*grid) {
			return codes, false
		}
		return *grid, true
	}
	next := c.wanted[s.out]
	if next == nil || op.keeps != nil && !op.keeps(next.codes) {
		return codes, false
	}
	return next.codes, true
}

// io returns what the layer takes and gives besides float32, for an input that lies by so many channels.
func (q *quantized) io(channels int) nn.IO {
	s := q.layer.weight.scheme
	if q.groups > 0 {
		return nn.ConvIO(q.options(), s, q.sizes[0], q.sizes[1], q.pad, q.groups)
	}
	return nn.MatrixIO(q.options(), s, channels)
}

// takes returns the codes that the layer reads of x, where it does: images, numbers in the order of float32, and rows that were images.
func (q *quantized) takes(x size, channels int) (nn.QuantParams, bool) {
	io := q.io(channels)
	if q.groups > 0 {
		return io.Params, io.TakesQuantized && asImages(x, channels)
	}
	return io.Params, io.TakesQuantized && (channels == 0 || len(x) == 2)
}

// gives returns what coded.channels is for the layer's result, −1 where it is not given as codes.
func (q *quantized) gives(out size) int {
	switch {
	case !q.io(0).GivesQuantized:
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
		s.layer = onceValues(s.op.layer(s.node, s.quantized, channels))
		s.depth, s.weights = s.quantized.work(s.node)
		s.quantized = nil // nothing reads its sizes after this
	}
}
