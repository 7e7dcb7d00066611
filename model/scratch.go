package model

import (
	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// scratch is memory for the inside of a kernel.
type scratch struct {
	x       []float32
	bytes   []uint8
	offsets []int
	windows kernel.FloatWindows
	panels  pack.Floats // of a weight that is computed
	err     error       // of a kernel that fails
}

// floats returns n float32 of any value, until the next call.
func (s *scratch) floats(n int) []float32 {
	s.x = grow(s.x, n)
	return s.x
}

// grow returns a slice of length n, x's own memory if that is enough.
func grow[T any](x []T, n int) []T {
	if cap(x) < n {
		return make([]T, n)
	}
	return x[:n]
}
