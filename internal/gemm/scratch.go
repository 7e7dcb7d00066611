package gemm

import (
	"sync"

	"euryale/internal/kernel"
)

// scratch is the working memory of a thread.
type scratch struct {
	ints   []int32   // a row or an image
	padded []int32   // an image with its border
	bytes  []uint8   // an image
	column []float32 // a panel of half weights
	codes  []int8    // unpacked panels

	// Of a convolution by lanes.
	lanes       []uint8
	offsets     []int
	corrections []int32
	numbers32   []float32

	// Of a tile: planes of sums, exact sums, and scaled ones of either type.
	sums   []int32
	dots   []float64
	wide   []float64
	narrow []float32
	result []float32
	bias   []float32 // by column
	zeros  []int32

	// By row of a tile.
	ints32   []int32
	numbers  []float64
	floats   []float32
	scales32 []float32
}

// fit makes room for the tiles of a set of kernels.
func (s *scratch) fit(set *kernel.Set) {
	columns := set.Panels * kernel.PanelColumns
	size := set.Rows * columns
	s.sums, s.dots, s.wide, s.narrow, s.result = grow(s.sums, 3*size), grow(s.dots, size), grow(s.wide, size), grow(s.narrow, size), grow(s.result, size)
	s.bias, s.zeros = grow(s.bias, columns), grow(s.zeros, columns)
	s.ints32, s.numbers, s.floats, s.scales32 = grow(s.ints32, set.Rows), grow(s.numbers, set.Rows), grow(s.floats, set.Rows), grow(s.scales32, set.Rows)
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// grow returns s with length n, anew if it does not fit.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
