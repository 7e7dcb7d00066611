package nn

import (
	"fmt"
	"math"
	"slices"

	"euryale/internal/kernel"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// layoutLimit is how many elements a packed layout, and the input or the result of an op, has at most: 16 GiB
// of float32.
const layoutLimit = min(1<<32, math.MaxInt/4)

// layoutFits returns an error if the packed layouts of so many matrices (in, out), with groups of a size or
// 0, have more than layoutLimit.
func layoutFits(matrices, in, out, size int) error {
	groups, depth := int64(1), int64(in)
	if size > 0 && size < in {
		groups, depth = (int64(in)-1)/int64(size)+1, int64(size)
	}
	if groups == 1 {
		depth = roundUp(depth, 64)
	}
	packed := []int64{int64(matrices), groups, roundUp(depth, kernel.StepDepth), roundUp(int64(out), kernel.PanelColumns)}
	total := int64(1)
	for _, n := range packed {
		if total > layoutLimit/n {
			return fmt.Errorf("%w: %d layouts of (%d, %d) in groups of %d are too big, want at most %d elements in all with their padding",
				qtensor.ErrShape, matrices, in, out, size, layoutLimit)
		}
		total *= n
	}
	return nil
}

func roundUp(n, multiple int64) int64 { return (n + multiple - 1) / multiple * multiple }

// packable reports whether a weight of a scheme can be packed in NHWC order for images of so many channels.
func packable(s qtensor.Scheme, channels int) bool { return channels < 2 || s.GroupSize() == 0 }

// nhwc returns columns whose depth is (channel, pixel) with depth (pixel, channel).
func nhwc[T any](columns []T, w *Weight, channels int) []T {
	if channels == 1 {
		return columns
	}
	return channelsLast(columns, w.out, channels, [2]int{1, w.in / channels}, w.in)
}

// repeat returns the only element of s n times; nil for nil.
func repeat[T any](s []T, n int) []T {
	if s == nil {
		return nil
	}
	return slices.Repeat(s, n)
}

// subset returns a copy of the elements of list, n for each filter, of one group of filters; nil for nil.
func subset[T any](list []T, of func(n int) (begin, end int), n int) []T {
	if list == nil {
		return nil
	}
	begin, end := of(n)
	return slices.Clone(list[begin:end])
}

// channelsLast returns x, (filter, channel, row, column), as (filter, row, column, channel), with every row
// padded with zeros to the given length.
func channelsLast[T any](x []T, filters, channels int, kernel [2]int, row int) []T {
	height, width := kernel[0], kernel[1]
	out := make([]T, filters*height*row)
	for f := range filters {
		for c := range channels {
			for u := range height {
				for v := range width {
					out[(f*height+u)*row+v*channels+c] = x[((f*channels+c)*height+u)*width+v]
				}
			}
		}
	}
	return out
}

// Bounded returns shape, or an error if it has more than layoutLimit or a negative axis.
func Bounded(shape tensor.Shape) (tensor.Shape, error) {
	size := 1
	for _, n := range shape {
		if n < 0 || n > 0 && size > layoutLimit/n {
			return nil, fmt.Errorf("%w: %v is too big, want at most %d elements", qtensor.ErrShape, shape, layoutLimit)
		}
		size *= n
	}
	return shape, nil
}
