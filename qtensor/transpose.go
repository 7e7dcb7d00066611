package qtensor

import (
	"math"
	"unsafe"

	"euryale/internal/kernel"
)

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
				kernel.TransposeU8(to[left*a+first:], a, from[first*b+left:], b, columns, rows)
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
