package qtensor

import (
	"math"
	"unsafe"

	"euryale/internal/kernel"
)

// blocks says which elements of a tensor share a scale. A tensor is (outer, channel, inner) in row-major
// order; the elements that share a channel, outer·inner of them in order, are cut into groups of size,
// the last of which may be shorter.
type blocks struct {
	outer, channels, inner int
	size                   int
}

// groups returns the number of groups for each channel.
func (b blocks) groups() int { return (b.outer*b.inner-1)/b.size + 1 }

// count returns the number of scales, ordered [channel][group].
func (b blocks) count() int { return b.channels * b.groups() }

// each calls f with the number of each block and the range of its elements in a slice in channel order.
func (b blocks) each(f func(block, begin, end int)) {
	row, block := b.outer*b.inner, 0
	for c := range b.channels {
		for begin := 0; begin < row; begin += b.size {
			f(block, c*row+begin, c*row+begin+min(b.size, row-begin))
			block++
		}
	}
}

// within cuts the elements from begin up to end of a slice in row-major order where the block changes, and
// calls f with the block and the range of each segment.
func (b blocks) within(begin, end int, f func(block, begin, end int)) {
	groups := b.groups()
	for begin < end {
		line, i := begin/b.inner, begin%b.inner // line is (outer, channel)
		c, at := line%b.channels, line/b.channels*b.inner+i
		stop := begin + min(b.inner-i, b.size-at%b.size, end-begin)
		f(c*groups+at/b.size, begin, stop)
		begin = stop
	}
}

// channelOrder returns x, (outer, channel, inner), as (channel, outer, inner), where a block is contiguous.
// The result is x itself if it has that order.
func channelOrder[T any](b blocks, x []T) []T { return swapAxes(x, b.outer, b.channels, b.inner) }

// rowMajorOrder undoes channelOrder.
func rowMajorOrder[T any](b blocks, x []T) []T { return swapAxes(x, b.channels, b.outer, b.inner) }

// swapAxes returns x, (a, b, c), as (b, a, c).
func swapAxes[T any](x []T, a, b, c int) []T {
	if a == 1 || b == 1 || len(x) == 0 {
		return x
	}
	out := make([]T, len(x))
	if c == 1 {
		transpose(out, x, a, b)
		return out
	}
	for i := range a {
		for j := range b {
			from, to := (i*b+j)*c, (j*a+i)*c
			copy(out[to:to+c], x[from:from+c])
		}
	}
	return out
}

// asBytes returns elements of one byte as bytes, in the same memory; false for others.
func asBytes[T any](x []T) (bytes []uint8, ok bool) {
	var one T
	if unsafe.Sizeof(one) != 1 {
		return nil, false
	}
	return unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(x))), len(x)), true
}

// transpose sets out, (b, a), to the transpose of x, (a, b), tile by tile: a tile stays in the first-level
// cache.
func transpose[T any](out, x []T, a, b int) {
	const side = 64
	var tile [side * side]T
	to, isBytes := asBytes(out)
	from, _ := asBytes(x)
	for first := 0; first < a; first += side {
		rows := min(side, a-first)
		for left := 0; left < b; left += side {
			columns := min(side, b-left)
			if isBytes {
				kernel.TurnBytes(to[left*a+first:], a, from[first*b+left:], b, columns, rows)
				continue
			}
			for i := range rows {
				copy(tile[i*side:][:columns], x[(first+i)*b+left:])
			}
			for j := range columns {
				to := out[(left+j)*a+first:][:rows]
				for i := range to {
					to[i] = tile[i*side+j]
				}
			}
		}
	}
}

// checkedSize returns the product of a shape, or −1 where it has a negative or passes what an int holds.
func checkedSize(shape []int) int {
	size := 1
	for _, n := range shape {
		if n < 0 || n > 0 && size > math.MaxInt/n {
			return -1
		}
		size *= n
	}
	return size
}
