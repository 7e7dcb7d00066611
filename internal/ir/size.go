package ir

import (
	"fmt"
	"math"
	"math/bits"
	"slices"

	"euryale/qtensor"
)

// Size is the shape of a value before the batch is known: n ≥ 1 is a size, −n is n times the batch, in at
// most one axis. Other free dimensions have been given a size.
type Size []int

const (
	// MaxRank bounds the axes of a value.
	MaxRank = 8
	// MaxElements bounds the elements of a value for a batch of one: 1 GB.
	MaxElements = 1 << 28
	// MaxRunElements bounds the elements of a value in a run: 8 GB, or what 32 bits address.
	MaxRunElements = min(1<<31-1, math.MaxInt/4)
)

// Elements returns the elements for a batch of one.
func (s Size) Elements() int {
	n := 1
	for _, d := range s {
		n *= max(d, -d)
	}
	return n
}

// PerBatch reports whether an axis is a multiple of the batch.
func (s Size) PerBatch() bool {
	return slices.ContainsFunc(s, func(d int) bool { return d < 0 })
}

// At returns the elements for a batch.
func (s Size) At(batch int) int {
	if s.PerBatch() {
		return s.Elements() * batch
	}
	return s.Elements()
}

// Put sets to, as long as s, to the shape for a batch.
func (s Size) Put(to []int, batch int) {
	for i, d := range s {
		if d < 0 {
			d = -d * batch
		}
		to[i] = d
	}
}

// check returns an error for a shape that no value has.
func (s Size) check() error {
	if len(s) > MaxRank {
		return fmt.Errorf("%w: got %d axes, want at most %d", qtensor.ErrShape, len(s), MaxRank)
	}
	n, batches := uint64(1), 0
	for _, d := range s {
		if d == 0 || d > MaxElements || d < -MaxElements {
			return fmt.Errorf("%w: got %v, want sizes from 1 to %d", qtensor.ErrShape, s, MaxElements)
		}
		if d < 0 {
			batches++
		}
		n *= uint64(max(d, -d)) // both at most 2^28
		if n > MaxElements {
			return fmt.Errorf("%w: got %v, want at most %d elements for a batch of one", qtensor.ErrShape, s, MaxElements)
		}
	}
	if batches > 1 {
		return fmt.Errorf("%w: got %v, want the batch in at most one axis", qtensor.ErrShape, s)
	}
	return nil
}

// SizeOf returns the Size of a shape whose only free dimension is the batch. Errors: qtensor.ErrShape.
func SizeOf(shape []int) (Size, error) { return given(shape, true) }

// FixedSize returns the Size of a shape without free dimensions. Errors: qtensor.ErrShape.
func FixedSize(shape []int) (Size, error) { return given(shape, false) }

func given(shape []int, batch bool) (Size, error) {
	for _, d := range shape {
		if d < 1 && (d != Batch || !batch) {
			return nil, fmt.Errorf("%w: got %v, want sizes from 1", qtensor.ErrShape, shape)
		}
	}
	s := Size(slices.Clone(shape))
	return s, s.check()
}

// Fits reports whether a run may have a value of elements times batch elements.
func Fits(elements, batch int) bool {
	high, low := bits.Mul64(uint64(elements), uint64(batch))
	return high == 0 && low <= MaxRunElements
}

// Bind returns a shape with its free dimensions but for the batch, of which there are len(sizes), replaced by
// sizes. Errors: qtensor.ErrShape for a dimension that is not there.
func Bind(shape, sizes []int) ([]int, error) {
	bound := slices.Clone(shape)
	for i, d := range bound {
		if d >= Batch {
			continue
		}
		if d < Batch-len(sizes) {
			return nil, fmt.Errorf("%w: got %v, and %d free dimensions", qtensor.ErrShape, shape, 1+len(sizes))
		}
		bound[i] = sizes[Batch-1-d]
	}
	return bound, nil
}
