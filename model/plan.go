package model

import (
	"fmt"
	"math/bits"
	"slices"

	"euryale/qtensor"
)

// slot is memory in an arena that values use one after the other.
type slot struct {
	perBatch, fixed int  // elements: the more of perBatch times the batch and fixed
	quantized       bool // of bytes; float32 if not
	free            bool
}

func (s slot) at(batch int) int { return max(s.perBatch*batch, s.fixed) }

// freeSlots are those that no value has: of numbers and of codes, by the bits of their size.
type freeSlots [2][64][]int

// of returns the slots for codes or numbers, by the bits of their size.
func (f *freeSlots) of(quantized bool) *[64][]int {
	if quantized {
		return &f[1]
	}
	return &f[0]
}

// place gives every value that is computed a slot from the step that sets it to the last that reads it.
func (m *Model) place() error {
	for id := range m.values {
		v := &m.values[id]
		if v.root = id; v.from >= 0 { // which is an earlier value
			v.root = m.values[v.from].root
		}
	}
	for i, s := range m.steps {
		m.root(s.out).last = i
		for _, id := range s.in {
			m.root(id).last = i
		}
	}
	for _, id := range m.outputs {
		m.root(id).last = len(m.steps)
	}
	var free freeSlots
	for i, s := range m.steps {
		if out := &m.values[s.out]; out.from < 0 {
			out.slot = m.take(&free, out.size, out.quantization != nil)
		}
		m.release(&free, s.out, i)
		for _, id := range s.in {
			m.release(&free, id, i)
		}
	}
	total := 0
	for _, s := range m.slots {
		if total += s.at(1); total > maxElements {
			return fmt.Errorf("%w: got more than %d elements that are held at once for a batch of one", qtensor.ErrShape, maxElements)
		}
	}
	return nil
}

// release frees the slot of a value that no step behind i reads.
func (m *Model) release(free *freeSlots, id, i int) {
	root := m.root(id)
	if root.data != nil || root.slot < 0 || root.last > i || m.slots[root.slot].free {
		return
	}
	s := &m.slots[root.slot]
	s.free = true
	class := &free.of(s.quantized)[bits.Len(uint(s.at(1)))]
	*class = append(*class, root.slot)
}

// take returns a slot for a value, as codes or not: a free one that need not grow, or else grows to less than
// twice its size if there is such, the largest if not, and a new one if there is none.
func (m *Model) take(free *freeSlots, s size, quantized bool) int {
	classes, need := free.of(quantized), s.elements()
	class, at := bits.Len(uint(need)), -1
	for i := len(classes[class]) - 1; i >= max(0, len(classes[class])-maxLooks) && at < 0; i-- {
		if m.slots[classes[class][i]].at(1) >= need {
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
	best := len(m.slots)
	if at < 0 {
		m.slots = append(m.slots, slot{quantized: quantized})
	} else {
		best = classes[class][at]
		classes[class] = slices.Delete(classes[class], at, at+1)
	}
	to := &m.slots[best]
	to.free = false
	if s.perBatch() {
		to.perBatch = max(to.perBatch, need)
	} else {
		to.fixed = max(to.fixed, need)
	}
	return best
}

// maxLooks bounds how many slots of about the right size are compared for a value.
const maxLooks = 8
