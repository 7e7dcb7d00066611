package gemm

import (
	"sync"

	"euryale/internal/kernel"
)

// scratch is the working memory of a thread.
type scratch struct {
	ints    []int32   // a row or an image
	padded  []int32   // an image with its padding
	bytes   []uint8   // an image
	column  []float32 // rows, or planes of images
	widened []float32 // panels of a weight of 16-bit floats
	codes   []int8    // unpacked panels

	// Of a tile: planes of sums, exact sums, and scaled ones of either type.
	sums   []int32
	dots   []float64
	wide   []float64
	narrow []float32
	result []float32

	// By row of a tile.
	zeros, totals []float64
	totals32      []int32
	floatTotals   []float32

	// Arguments of kernels.
	left         kernel.Left
	right        kernel.Right
	epilogue     kernel.Epilogue
	wideEpilogue kernel.WideEpilogue
	groups       kernel.Groups
	group        kernel.Group
	wideGroup    kernel.WideGroup
	pixels       kernel.Pixels
	floatLeft    kernel.FloatLeft
	floatRight   kernel.FloatRight
	halfRight    kernel.HalfRight
	ends         kernel.FloatEnds
	rows         kernel.Rows
	channels     kernel.FloatChannels

	// Of a task of a convolution.
	block     block
	view      view
	image     []uint8 // with padding
	sides     []uint8 // of the padding
	imageRows imageRows
	results   []float32
	turned    [2][]float32  // images whose channels are last: of the input, and of the result
	product   floatOperands // of pixels
	windows   []uint8       // pixels as vectors
	offsets   []int
	zero      [1]int32
	scale     [1]float32
}

// fit makes room for the tiles of a set of kernels.
func (s *scratch) fit(set *kernel.Set) {
	size := set.Rows * set.Panels * kernel.PanelColumns
	s.sums, s.dots, s.wide, s.narrow, s.result = grow(s.sums, 3*size), grow(s.dots, size), grow(s.wide, size), grow(s.narrow, size), grow(s.result, size)
	rows := set.Rows * set.Panels
	s.zeros, s.totals, s.totals32, s.floatTotals = grow(s.zeros, rows), grow(s.totals, rows), grow(s.totals32, rows), grow(s.floatTotals, rows)
}

// release lets go of the caller's memory.
func (s *scratch) release() {
	s.left, s.right, s.pixels = kernel.Left{}, kernel.Right{}, kernel.Pixels{}
	s.floatLeft, s.floatRight, s.halfRight, s.ends = kernel.FloatLeft{}, kernel.FloatRight{}, kernel.HalfRight{}, kernel.FloatEnds{}
	s.epilogue, s.wideEpilogue = kernel.Epilogue{}, kernel.WideEpilogue{}
	s.view, s.channels, s.product = view{}, kernel.FloatChannels{}, floatOperands{}
	s.groups, s.group, s.wideGroup = kernel.Groups{}, kernel.Group{}, kernel.WideGroup{}
	scratches.Put(s)
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// grow returns s with length n, anew if it does not fit.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
