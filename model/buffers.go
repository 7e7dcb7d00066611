package model

import (
	"fmt"
	"math/bits"
	"slices"

	"euryale/internal/ir"
	"euryale/qtensor"
)

// buffer is memory of a workspace that values use one after the other.
type buffer struct {
	perBatch, fixed int  // elements: the more of perBatch times the batch and fixed
	quantized       bool // of quantized values; else float32
	free            bool
}

func (s buffer) at(batch int) int { return max(s.perBatch*batch, s.fixed) }

// freeBuffers are the buffers that no value uses: of float32 and of quantized values, by the bits of their
// size.
type freeBuffers [2][64][]int

// of returns the buffers of quantized values, or those of float32.
func (f *freeBuffers) of(quantized bool) *[64][]int {
	if quantized {
		return &f[1]
	}
	return &f[0]
}

// planMemory gives every value that is computed a buffer from the step that sets it to the last that reads
// it.
func (p *plan) planMemory() error {
	for id := range p.values {
		v := &p.values[id]
		v.root, v.floats = id, id
		if v.from >= 0 { // which is an earlier value
			v.root = p.values[v.from].root
		}
		if v.from >= 0 && !v.ownFloat {
			v.floats = p.values[v.from].floats
		}
	}
	for i, s := range p.steps {
		p.root(s.out).last = i
		for _, id := range s.in {
			p.root(id).last = i
		}
	}
	for _, id := range p.outputs {
		p.root(id).last = len(p.steps)
	}
	var free freeBuffers
	for i, s := range p.steps {
		if out := &p.values[s.out]; out.unread {
			out.buffer = -1
		} else if out.from < 0 {
			out.buffer = p.allocate(&free, out.size, out.quantization != nil)
		}
		p.release(&free, s.out, i)
		for _, id := range s.in {
			p.release(&free, id, i)
		}
	}
	total := 0
	for _, s := range p.buffers {
		if total += s.at(1); total > ir.MaxElements {
			return fmt.Errorf("%w: got more than %d elements that are held at once for a batch of one", qtensor.ErrShape, ir.MaxElements)
		}
	}
	return nil
}

// release frees the buffer of a value that no step after i reads.
func (p *plan) release(free *freeBuffers, id, i int) {
	root := p.root(id)
	if root.data != nil || root.buffer < 0 || root.last > i || p.buffers[root.buffer].free {
		return
	}
	s := &p.buffers[root.buffer]
	s.free = true
	class := &free.of(s.quantized)[bits.Len(uint(s.at(1)))]
	*class = append(*class, root.buffer)
}

// allocate returns a buffer for a value, quantized or not: a free one that need not grow, else one that grows
// to less than twice its size, else the largest, and a new one where none is free.
func (p *plan) allocate(free *freeBuffers, s ir.Size, quantized bool) int {
	classes, need := free.of(quantized), s.Elements()
	class, at := bits.Len(uint(need)), -1
	for i := len(classes[class]) - 1; i >= max(0, len(classes[class])-maxCandidates) && at < 0; i-- {
		if p.buffers[classes[class][i]].at(1) >= need {
			at = i
		}
	}
	if at < 0 {
		more := class + 1
		for more < len(classes) && len(classes[more]) == 0 {
			more++
		}
		if more < len(classes) {
			class = more
		}
		for class > 0 && len(classes[class]) == 0 {
			class--
		}
		at = len(classes[class]) - 1
	}
	best := len(p.buffers)
	if at < 0 {
		p.buffers = append(p.buffers, buffer{quantized: quantized})
	} else {
		best = classes[class][at]
		classes[class] = slices.Delete(classes[class], at, at+1)
	}
	to := &p.buffers[best]
	to.free = false
	if s.PerBatch() {
		to.perBatch = max(to.perBatch, need)
	} else {
		to.fixed = max(to.fixed, need)
	}
	return best
}

// maxCandidates bounds how many buffers of about the right size are compared for a value.
const maxCandidates = 8
