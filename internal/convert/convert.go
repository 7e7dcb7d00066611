// Package convert turns float32 tensors into quantized values and back, in blocks that share parameters, on all cores.
//
// A tensor is a slice in row-major order. Where elements of different blocks lie side by side, it is taken as a matrix
// whose columns have maps of their own, or tile by tile, in which those of a block lie side by side. What becomes of an
// element depends on no panel, no tile and no thread.
package convert

import (
	"math/bits"
	"runtime"
	"unsafe"

	"euryale/internal/gemm"
	"euryale/internal/half"
	"euryale/internal/kernel"
)

// Quantize sets dst to src, which is finite, quantized by the map of each block, as kernel.Quantize does.
func Quantize[C kernel.Code](dst []C, src []float32, b Blocks, maps *Affines) {
	set, bytes := kernel.Current(), asBytes(dst)
	if b = b.simplified(); b.columns() {
		maps := maps.byGroup(b)
		b.eachColumn(maps.set, func(m *memory, at, n, stride, rows int) {
			set.QuantizeColumns(bytes[at:], src[at:], &m.columns, n, stride, rows)
		})
		return
	}
	each(bytes, src, b, func(dst []uint8, src []float32, block, count int) {
		switch size := len(src) / count; {
		case size < longBlock:
			maps.some(block, count, func(first int, maps []kernel.Affine) {
				set.QuantizeBlocks(dst[first*size:], src[first*size:], maps, size)
			})
		default:
			for i := range count {
				kernel.Quantize(asCodes[C](dst[i*size:][:size]), src[i*size:][:size], maps.At(block+i))
			}
		}
	})
}

// Dequantize sets dst to the real values of src, as kernel.Dequantize does.
func Dequantize[C kernel.Code](dst []float32, src []C, b Blocks, maps *Affines) {
	set, bytes := kernel.Current(), asBytes(src)
	if b = b.simplified(); b.columns() {
		maps := maps.byGroup(b)
		b.eachColumn(maps.set, func(m *memory, at, n, stride, rows int) {
			set.DequantizeColumns(dst[at:], bytes[at:], &m.columns, n, stride, rows)
		})
		return
	}
	each(dst, bytes, b, func(dst []float32, src []uint8, block, count int) {
		switch size := len(src) / count; {
		case size < longBlock:
			maps.some(block, count, func(first int, maps []kernel.Affine) {
				set.DequantizeBlocks(dst[first*size:], src[first*size:], maps, size)
			})
		default:
			for i := range count {
				kernel.Dequantize(dst[i*size:][:size], asCodes[C](src[i*size:][:size]), maps.At(block+i))
			}
		}
	})
}

// longBlock is from how many elements on a call for each block takes no time beside them.
const longBlock = 512

// some calls do with the maps of so many blocks from one on, some at a time, and the place of the first.
func (a *Affines) some(block, count int, do func(first int, maps []kernel.Affine)) {
	var maps [32]kernel.Affine
	for first := 0; first < count; first += len(maps) {
		n := min(len(maps), count-first)
		for i := range n {
			maps[i] = a.At(block + first + i)
		}
		do(first, maps[:n])
	}
}

// QuantizeGrid sets dst to src, which is finite, quantized as kernel.QuantizeGrid does.
func QuantizeGrid(dst []uint8, src []float32, b Blocks, grids *Grids) {
	set := kernel.Current()
	if b = b.simplified(); b.columns() {
		grids := grids.byGroup(b)
		b.eachColumn(grids.set, func(m *memory, at, n, stride, rows int) {
			set.QuantizeGridColumns(dst[at:], src[at:], &m.grids, n, stride, rows)
		})
		return
	}
	each(dst, src, b, func(dst []uint8, src []float32, block, count int) {
		size := len(src) / count
		for i := range count {
			set.QuantizeGrid(dst[i*size:][:size], src[i*size:][:size], grids.At(block+i))
		}
	})
}

// DequantizeGrid sets dst to the real values of src, as kernel.DequantizeGrid does.
func DequantizeGrid(dst []float32, src []uint8, b Blocks, grids *Grids) {
	set := kernel.Current()
	if b = b.simplified(); b.columns() {
		grids := grids.byGroup(b)
		b.eachColumn(grids.set, func(m *memory, at, n, stride, rows int) {
			set.DequantizeGridColumns(dst[at:], src[at:], &m.grids, n, stride, rows)
		})
		return
	}
	each(dst, src, b, func(dst []float32, src []uint8, block, count int) {
		size := len(src) / count
		for i := range count {
			set.DequantizeGrid(dst[i*size:][:size], src[i*size:][:size], grids.At(block+i))
		}
	})
}

// Encode sets dst to src in a 16-bit format.
func Encode(dst []uint16, src []float32, f half.Format) {
	set := kernel.Current()
	Share(len(src), func(begin, end int) { set.Encode(dst[begin:end], src[begin:end], f) })
}

// Decode sets dst to the numbers that src stands for, which are finite.
func Decode(dst []float32, src []uint16, f half.Format) {
	set := kernel.Current()
	Share(len(src), func(begin, end int) { set.Decode(dst[begin:end], src[begin:end], f) })
}

// PackBits works like kernel.PackBits.
func PackBits[C kernel.Code](dst []uint8, src []C, bits int) {
	shareStream(len(src), func(begin, end int) {
		kernel.PackBits(dst[kernel.PackedBytes(begin, bits):kernel.PackedBytes(end, bits)], src[begin:end], bits)
	})
}

// UnpackBits works like kernel.UnpackBits.
func UnpackBits[C kernel.Code](dst []C, src []uint8, bits int) {
	shareStream(len(dst), func(begin, end int) {
		kernel.UnpackBits(dst[begin:end], src[kernel.PackedBytes(begin, bits):kernel.PackedBytes(end, bits)], bits)
	})
}

// shareStream works like Share for codes that begin with a byte of their stream.
func shareStream(n int, do func(begin, end int)) {
	const together = 8
	Share((n+together-1)/together, func(begin, end int) { do(together*begin, min(together*end, n)) })
}

// Share cuts n elements into parts for all threads. Kernels store what is too big for the caches past them, which they
// know by its length: parts are as long as there is work for every thread.
func Share(n int, do func(begin, end int)) {
	size := n
	if runtime.GOMAXPROCS(0) > 1 {
		size = partSize(n, 1<<14, 1<<22)
	}
	parts(n, (n+size-1)/size, func(i int) { do(i*size, min(n, (i+1)*size)) })
}

// partSize returns a power of two of elements, so that there are two parts or more for each thread.
func partSize(n, least, most int) int {
	return max(least, min(most, 1<<bits.Len(uint(n/runtime.GOMAXPROCS(0)/4))))
}

// parts has all threads do so many parts of what converts n elements.
func parts(n, count int, do func(part int)) {
	gemm.Share(count, kernel.Current().QuantizeTime(n), do)
}

// asBytes returns codes in the same memory.
func asBytes[C kernel.Code](x []C) []uint8 {
	return unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// asCodes undoes asBytes.
func asCodes[C kernel.Code](x []uint8) []C {
	return unsafe.Slice((*C)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}
