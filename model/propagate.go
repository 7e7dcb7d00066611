package model

import (
	"math"
	"slices"

	"euryale/internal/ir"
	"euryale/internal/nn"
)

// Layers under StaticInt8 hand quantized activations to each other. A value is kept quantized, and not as
// float32, where everything that reads it would quantize it by the same parameters: such layers, a
// FakeQuantize, and ops between them that give the same whether their input is quantized or their result.
// Other ops, and functions of one value, take quantized values where a FakeQuantize has rounded to just
// these. A FakeQuantize of float32 gives quantized values where they go on to a layer. The bits are those of
// float32 between all layers.

// quantization is how a quantized value is kept. Images are NHWC then, and so are those that became rows.
type quantization struct {
	params   nn.QuantParams
	channels int // of images; 0 where the order is that of float32
}

// propagation is what is known of values while propagate runs. Lists are by value or by step.
type propagation struct {
	*builder
	producers []int             // the step that gives a value, −1 for inputs and constants
	consumers [][]int           // the steps that read a value, as often as they do
	isOutput  []bool            // whether a value is an output
	channels  []int             // quantization.channels of a value that a step can quantize; else −1
	quantizes []bool            // whether a step may make quantized values of float32, a FakeQuantize before layers
	params    []*nn.QuantParams // what a value is rounded to, perhaps in another order since, or nil
	resolved  []*quantization   // how all consumers of a value quantize it, or nil where they differ

	floatInputs []int  // how many values a step reads as float32
	finalized   []bool // whether it is decided that a step reads float32 alone
	queue       []int  // steps for which something has changed
}

// propagate sets the quantization of the values that are kept quantized. A step is looked at when one of its
// inputs or its output becomes float32, and is finalized at most once: the work grows as the number of steps
// and of their inputs.
func (b *builder) propagate() {
	c := &propagation{
		builder:     b,
		producers:   make([]int, len(b.values)),
		consumers:   make([][]int, len(b.values)),
		isOutput:    make([]bool, len(b.values)),
		quantizes:   make([]bool, len(b.steps)),
		resolved:    make([]*quantization, len(b.values)),
		floatInputs: make([]int, len(b.steps)),
		finalized:   make([]bool, len(b.steps)),
	}
	c.findParams()
	c.functions()
	for id := range c.producers {
		c.producers[id] = -1
	}
	for i, s := range b.steps {
		c.producers[s.out] = i
		for _, id := range s.in {
			c.consumers[id] = append(c.consumers[id], i)
		}
	}
	for _, id := range b.outputs {
		c.isOutput[id] = true
	}
	c.findQuantizes()
	c.findChannels()
	for i := range slices.Backward(b.steps) {
		c.resolved[b.steps[i].out] = c.resolve(b.steps[i].out)
	}
	for i, s := range b.steps {
		for _, id := range s.in {
			if b.values[id].quantization == nil {
				c.floatInputs[i]++
			}
		}
		if s.quantized != nil || c.quantizes[i] || c.floatInputs[i] == 0 {
			b.values[s.out].quantization = c.resolved[s.out]
		}
		c.queue = append(c.queue, i)
	}
	for len(c.queue) > 0 {
		i := c.queue[len(c.queue)-1]
		c.queue = c.queue[:len(c.queue)-1]
		c.finalize(i)
	}
	c.tabulate()
	for i := range b.steps {
		s := &b.steps[i]
		if c.quantizes[i] && b.values[s.in[0]].quantization == nil && b.values[s.out].quantization != nil {
			s.op.quantized = &quantizedFloats
		}
		if out := &b.values[s.out]; out.quantization != nil && s.quantized == nil && s.op.quantized.kernel == nil && out.from < 0 {
			out.from, out.ownFloat = s.in[0], true
		}
	}
}

// finalize has a step give float32 where one of its inputs is float32 and the step does not quantize it. It has the step read float32 alone
// where only some of its inputs are quantized, and where the step only moves quantized values that no
// consumer takes. Layers are left out: they read and give either.
func (c *propagation) finalize(i int) {
	s := &c.steps[i]
	if s.quantized != nil || c.finalized[i] {
		return
	}
	if c.floatInputs[i] > 0 && !c.quantizes[i] {
		c.setFloat(s.out)
	}
	mixed := c.floatInputs[i] > 0 && c.floatInputs[i] < len(s.in)
	if c.finalized[i] = mixed || c.resolved[s.out] == nil && (s.op.quantized == nil || !s.op.quantized.computes); c.finalized[i] {
		for _, id := range s.in {
			c.unresolve(id)
		}
		c.setFloat(s.out)
	}
}

// unresolve has a value kept as float32 because one of its consumers reads float32.
func (c *propagation) unresolve(id int) {
	if c.resolved[id] == nil {
		return
	}
	c.resolved[id] = nil
	c.setFloat(id)
	c.queue = append(c.queue, c.producers[id])
}

// setFloat has a value kept as float32.
func (c *propagation) setFloat(id int) {
	if c.values[id].quantization == nil {
		return
	}
	c.values[id].quantization = nil
	for _, i := range c.consumers[id] {
		c.floatInputs[i]++
		c.queue = append(c.queue, i)
	}
}

// findQuantizes finds each FakeQuantize whose input goes to a layer of static activations, perhaps by way of the
// FakeQuantize and of other ops on quantized values: what is not finite is an error there.
func (c *propagation) findQuantizes() {
	reaches := make([]bool, len(c.values))
	for _, s := range slices.Backward(c.steps) {
		switch q := s.quantized; {
		case q != nil && !q.io(0).TakesQuantized || q == nil && (s.op.quantized == nil || !reaches[s.out]):
			continue
		case q == nil:
			for _, id := range s.in {
				reaches[id] = true
			}
		default:
			reaches[s.in[0]] = true
		}
	}
	for i, s := range c.steps {
		c.quantizes[i] = s.quantized == nil && s.op.quantized != nil && s.node.Op == ir.OpFakeQuantize && reaches[s.in[0]]
	}
}

func (c *propagation) findChannels() {
	c.channels = make([]int, len(c.values))
	for i, s := range c.steps {
		out := c.values[s.out].size
		switch {
		case s.quantized != nil:
			c.channels[s.out] = s.quantized.gives(out)
		case s.op.quantized == nil:
			c.channels[s.out] = -1
		default:
			var in []ir.Size
			var own []int
			for _, id := range s.in {
				in, own = append(in, c.values[id].size), append(own, c.channels[id])
			}
			if c.channels[s.out] = -1; slices.Min(own) >= 0 {
				c.channels[s.out] = s.op.quantized.channels(s.node, in, out, own)
			} else if c.quantizes[i] && len(out) > 0 {
				c.channels[s.out] = 0
				if len(out) == 4 {
					c.channels[s.out] = channelsOf(out)
				}
			}
		}
	}
}

func (c *propagation) findParams() {
	c.params = make([]*nn.QuantParams, len(c.values))
	for i := range c.steps {
		s := &c.steps[i]
		switch {
		case s.quantized != nil || s.op.quantized == nil || s.op.quantized.computes:
		case s.node.Op == ir.OpFakeQuantize:
			p := fakeParams(s.node)
			if p.High > math.MaxUint8 { // from −128 to 255, say
				s.op.quantized = nil
				break
			}
			c.params[s.out] = &p
		case s.node.Op == ir.OpClip: // to bounds that are no quantized values
		default:
			params := c.params[s.in[0]]
			for _, id := range s.in {
				if c.params[id] == nil { // others than the first's are refused when the inputs are resolved
					params = nil
				}
			}
			c.params[s.out] = params
		}
	}
}

// resolve returns how all consumers of a value quantize it, or nil where they differ or one reads float32.
func (c *propagation) resolve(id int) (all *quantization) {
	if c.channels[id] < 0 || c.isOutput[id] {
		return nil
	}
	params := c.params[id]
	for _, i := range c.consumers[id] {
		p, ok := c.paramsFor(&c.steps[i], id)
		one := quantization{p, c.channels[id]}
		if !ok || all != nil && *all != one || params != nil && p != *params {
			return nil
		}
		all = &one
	}
	return all
}

// paramsFor returns the parameters by which a step quantizes a value, or takes it quantized; false where the
// step reads float32.
func (c *propagation) paramsFor(s *step, id int) (p nn.QuantParams, ok bool) {
	op := s.op.quantized
	switch {
	case s.quantized != nil:
		return s.quantized.takes(c.values[id].size, c.channels[id])
	case op == nil || c.channels[s.out] < 0:
		return p, false
	case op.computes:
		params := c.params[id]
		if params == nil || !addable(*params) {
			return p, false
		}
		return *params, true
	}
	next := c.resolved[s.out]
	if next == nil || op.takes != nil && !op.takes(next.params) {
		return p, false
	}
	return next.params, true
}

// io returns which quantized activations the layer takes and gives. The input is NHWC of so many channels.
func (q *quantizedLayer) io(channels int) nn.IO {
	s := q.layer.weight.scheme
	if q.groups > 0 {
		return nn.ConvIO(q.options(), s, q.x, q.weight, q.pads[:], q.groups)
	}
	return nn.MatrixIO(q.options(), s, channels)
}

// takes returns the parameters by which the layer quantizes x; false where it does not take x quantized. It
// takes images, rows in the order of float32, and rows that were images.
func (q *quantizedLayer) takes(x ir.Size, channels int) (nn.QuantParams, bool) {
	io := q.io(channels)
	if q.groups > 0 {
		return io.Params, io.TakesQuantized && asImages(x, channels)
	}
	return io.Params, io.TakesQuantized && (channels == 0 || len(x) == 2)
}

// gives returns quantization.channels of the layer's result, −1 where the layer gives float32 alone.
func (q *quantizedLayer) gives(out ir.Size) int {
	switch {
	case !q.io(0).GivesQuantized:
		return -1
	case q.groups > 0:
		return channelsOf(out)
	}
	return 0
}

// pack gives the layers the functions that pack their weights when they are called first.
func (b *builder) pack() {
	b.propagate()
	for i := range b.steps {
		s := &b.steps[i]
		if s.quantized == nil {
			continue
		}
		x, channels := b.values[s.in[0]].quantization, 1
		if x != nil && s.quantized.groups == 0 {
			channels = max(1, x.channels)
		}
		s.layer = onceValues(s.op.layer(s.node, s.quantized, channels))
		s.depth, s.weights = s.quantized.work(s.node)
		s.quantized = nil // nothing reads its sizes after this
	}
}
