package model

import (
	"fmt"
	"math"
	"math/bits"
	"slices"

	"euryale/internal/ir"
	"euryale/qtensor"
)

// size is the shape of a value before the batch is known: n ≥ 1 is a size, −n is n times the batch, in at
// most one axis.
type size []int

const (
	// maxRank bounds the axes of a value.
	maxRank = 8
	// maxElements bounds the elements of a value, and of all buffers together, for a batch of one: 1 GB.
	maxElements = 1 << 28
	// maxRunElements bounds the elements of a value in a run: 8 GB, or what 32 bits address.
	maxRunElements = min(1<<31-1, math.MaxInt/4)
)

// elements returns the elements for a batch of one.
func (s size) elements() int {
	n := 1
	for _, d := range s {
		n *= max(d, -d)
	}
	return n
}

// perBatch reports whether an axis is a multiple of the batch.
func (s size) perBatch() bool {
	return slices.ContainsFunc(s, func(d int) bool { return d < 0 })
}

// at returns the elements for a batch.
func (s size) at(batch int) int {
	if s.perBatch() {
		return s.elements() * batch
	}
	return s.elements()
}

// put sets to, as long as s, to the shape for a batch.
func (s size) put(to []int, batch int) {
	for i, d := range s {
		if d < 0 {
			d = -d * batch
		}
		to[i] = d
	}
}

// check returns an error for a shape that no value has.
func (s size) check() error {
	if len(s) > maxRank {
		return fmt.Errorf("%w: got %d axes, want at most %d", qtensor.ErrShape, len(s), maxRank)
	}
	n, batches := uint64(1), 0
	for _, d := range s {
		if d == 0 || d > maxElements || d < -maxElements {
			return fmt.Errorf("%w: got %v, want sizes from 1 to %d", qtensor.ErrShape, s, maxElements)
		}
		if d < 0 {
			batches++
		}
		n *= uint64(max(d, -d)) // both at most 2^28
		if n > maxElements {
			return fmt.Errorf("%w: got %v, want at most %d elements for a batch of one", qtensor.ErrShape, s, maxElements)
		}
	}
	if batches > 1 {
		return fmt.Errorf("%w: got %v, want the batch in at most one axis", qtensor.ErrShape, s)
	}
	return nil
}

// given returns the size that a Value, a constant or an attribute states. It may have ir.Batch where batch
// is true.
func given(shape []int, batch bool) (size, error) {
	for _, d := range shape {
		if d < 1 && (d != ir.Batch || !batch) {
			return nil, fmt.Errorf("%w: got %v, want sizes from 1", qtensor.ErrShape, shape)
		}
	}
	s := size(slices.Clone(shape))
	return s, s.check()
}

// fits reports whether a run may have a value of elements times batch elements.
func fits(elements, batch int) bool {
	high, low := bits.Mul64(uint64(elements), uint64(batch))
	return high == 0 && low <= maxRunElements
}
