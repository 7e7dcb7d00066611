package model

import (
	"fmt"

	"euryale/qtensor"
)

// slot is memory in an arena that values use one after the other.
type slot struct {
	perBatch, fixed int  // elements: the more of perBatch times the batch and fixed
	codes           bool // of bytes; float32 if not
	free            bool
}

func (s slot) at(batch int) int { return max(s.perBatch*batch, s.fixed) }

// place gives every value that is computed a slot from the step that sets it to the last that reads it.
func (m *Model) place() error {
	for i, s := range m.steps {
		m.root(s.out).last = i
		for _, id := range s.in {
			m.root(id).last = i
		}
	}
	for _, id := range m.outputs {
		m.root(id).last = len(m.steps)
	}
	for i, s := range m.steps {
		if out := &m.values[s.out]; out.from < 0 {
			out.slot = m.take(out.size, out.coded != nil)
		}
		m.release(s.out, i)
		for _, id := range s.in {
			m.release(id, i)
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
func (m *Model) release(id, i int) {
	if root := m.root(id); root.data == nil && root.slot >= 0 && root.last <= i {
		m.slots[root.slot].free = true
	}
}

// take returns a slot for a value, as codes or not: the free one that grows least, a new one if there is none.
func (m *Model) take(s size, codes bool) int {
	best, least := -1, 0
	for i, old := range m.slots {
		if !old.free || old.codes != codes {
			continue
		}
		if grown := max(0, s.elements()-old.at(1)); best < 0 || grown < least {
			best, least = i, grown
		}
	}
	if best < 0 {
		best = len(m.slots)
		m.slots = append(m.slots, slot{codes: codes})
	}
	to := &m.slots[best]
	to.free = false
	if s.perBatch() {
		to.perBatch = max(to.perBatch, s.elements())
	} else {
		to.fixed = max(to.fixed, s.elements())
	}
	return best
}
