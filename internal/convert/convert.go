// Package convert turns float32 tensors into quantized values and back, in blocks that share parameters, on all cores.
//
// A tensor is a slice in row-major order. Where the elements of a block lie apart, as those of a column do, the tensor
// is taken tile by tile, in which they lie side by side. What becomes of an element depends on no tile and no thread.
package convert

import (
	"math"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"euryale/internal/gemm"
	"euryale/internal/half"
	"euryale/internal/kernel"
)

// Quantize sets dst to src, which is finite, quantized by the parameters of each block, as kernel.Quantize does. All have
// a Low below 0 where codes are signed, and none where they are not.
func Quantize[C kernel.Code](dst []C, src []float32, b Blocks, of func(block int) kernel.Affine) {
	set, bytes := kernel.Current(), asBytes(dst)
	if b = b.simplified(); b.columns() {
		b.eachColumn(func(at int, c *kernel.Columns, n, stride, rows int) {
			set.QuantizeColumns(bytes[at:], src[at:], c, n, stride, rows)
		}, of)
		return
	}
	each(bytes, src, b, func(dst []uint8, src []float32, block, count int) {
		switch size := len(src) / count; {
		case size < longBlock:
			withMaps(of, block, count, func(first int, maps []kernel.Affine) {
				set.QuantizeBlocks(dst[first*size:], src[first*size:], maps, size)
			})
		default:
			for i := range count {
				kernel.Quantize(asCodes[C](dst[i*size:][:size]), src[i*size:][:size], of(block+i))
			}
		}
	})
}

// Dequantize sets dst to the real values of src, as kernel.Dequantize does, with parameters as Quantize has them.
func Dequantize[C kernel.Code](dst []float32, src []C, b Blocks, of func(block int) kernel.Affine) {
	set, bytes := kernel.Current(), asBytes(src)
	if b = b.simplified(); b.columns() {
		b.eachColumn(func(at int, c *kernel.Columns, n, stride, rows int) {
			set.DequantizeColumns(dst[at:], bytes[at:], c, n, stride, rows)
		}, of)
		return
	}
	each(dst, bytes, b, func(dst []float32, src []uint8, block, count int) {
		switch size := len(src) / count; {
		case size < longBlock:
			withMaps(of, block, count, func(first int, maps []kernel.Affine) {
				set.DequantizeBlocks(dst[first*size:], src[first*size:], maps, size)
			})
		default:
			for i := range count {
				kernel.Dequantize(dst[i*size:][:size], asCodes[C](src[i*size:][:size]), of(block+i))
			}
		}
	})
}

// longBlock is from how many elements on a call for each block takes no time beside them.
const longBlock = 512

// withMaps calls do with the maps of some blocks at a time, and the place of the first.
func withMaps(of func(block int) kernel.Affine, block, count int, do func(first int, maps []kernel.Affine)) {
	var maps [32]kernel.Affine
	for first := 0; first < count; first += len(maps) {
		n := min(len(maps), count-first)
		for i := range n {
			maps[i] = of(block + first + i)
		}
		do(first, maps[:n])
	}
}

// QuantizeGrid sets dst to src, which is finite, quantized as kernel.QuantizeGrid does.
func QuantizeGrid(dst []uint8, src []float32, b Blocks, of func(block int) kernel.Grid) {
	set := kernel.Current()
	each(dst, src, b.simplified(), func(dst []uint8, src []float32, block, count int) {
		size := len(src) / count
		for i := range count {
			set.QuantizeGrid(dst[i*size:][:size], src[i*size:][:size], of(block+i))
		}
	})
}

// DequantizeGrid sets dst to the real values of src, as kernel.DequantizeGrid does.
func DequantizeGrid(dst []float32, src []uint8, b Blocks, of func(block int) kernel.Grid) {
	set := kernel.Current()
	each(dst, src, b.simplified(), func(dst []float32, src []uint8, block, count int) {
		size := len(src) / count
		for i := range count {
			set.DequantizeGrid(dst[i*size:][:size], src[i*size:][:size], of(block+i))
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

// element is what a tile holds.
type element interface{ float32 | uint8 }

// each calls do for runs of dst and src that make up all of them: a number of whole blocks from one on, or a part of one.
// They may lie in tiles.
func each[D, S element](dst []D, src []S, b Blocks, do func(dst []D, src []S, block, count int)) {
	if !b.tiled() {
		Share(len(src), func(begin, end int) {
			b.runs(begin, end, func(block, count, begin, end int) { do(dst[begin:end], src[begin:end], block, count) })
		})
		return
	}
	b.tiles(func(t tile, m *memory) {
		from, to := view[S](&m.from)[:t.size()], view[D](&m.to)[:t.size()]
		gather(from, src, b, t)
		width, groups := t.end-t.begin, b.Groups()
		for c := range t.channels {
			b.cut((t.channel+c)*groups, t.begin, c*width, (c+1)*width, func(block, count, begin, end int) {
				do(to[begin:end], from[begin:end], block, count)
			})
		}
		scatter(dst, to, b, t)
	})
}

// A tile is the elements begin up to end of the rows of some channels, whole lines of each. In memory of its own it is in
// the order (channel, place in its row).
type tile struct{ channel, channels, begin, end int }

func (t tile) size() int { return t.channels * (t.end - t.begin) }

// A tile has tileSize elements at most. Lines of shortLine elements and more are taken where they lie.
const (
	tileSize  = 1 << 14
	shortLine = 32
)

func (b Blocks) tiled() bool { return b.Outer > 1 && b.Inner < shortLine }

// memory is what a tile takes.
type memory struct {
	from, to [tileSize]float32
	columns  kernel.Columns
}

var memories = sync.Pool{New: func() any { return new(memory) }}

// view returns memory as elements, which are no bigger than float32.
func view[T element](m *[tileSize]float32) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(m)), tileSize)
}

// tiles calls do for tiles that make up the tensor. Where they can, they have whole groups.
func (b Blocks) tiles(do func(t tile, m *memory)) {
	row := b.row()
	width := 512 / b.Inner * b.Inner
	if b.Inner == 1 {
		width = 64
		if b.Size <= 512 {
			width = max(1, 64/b.Size) * b.Size
		}
	}
	width = min(width, row)
	channels := min(tileSize/width, b.Channels)
	across, down := (b.Channels+channels-1)/channels, (row+width-1)/width
	parts(row*b.Channels, across*down, func(i int) {
		t := tile{channel: i % across * channels, begin: i / across * width}
		t.channels, t.end = min(channels, b.Channels-t.channel), min(t.begin+width, row)
		m := memories.Get().(*memory)
		do(t, m)
		memories.Put(m)
	})
}

// together is how many lines of a tile are turned at once, as many as kernels take.
const together = 8

// gather copies a tile out of a tensor.
func gather[T element](to, x []T, b Blocks, t tile) {
	width := t.end - t.begin
	if b.Inner > 1 {
		b.eachLine(t, func(at, line int) { copy(to[at:][:b.Inner], x[line:]) })
		return
	}
	for i := 0; i < width; i += together {
		turn(to[i:], width, x[(t.begin+i)*b.Channels+t.channel:], b.Channels, t.channels, min(together, width-i))
	}
}

// scatter copies a tile into a tensor.
func scatter[T element](x, from []T, b Blocks, t tile) {
	width := t.end - t.begin
	if b.Inner > 1 {
		b.eachLine(t, func(at, line int) { copy(x[line:][:b.Inner], from[at:]) })
		return
	}
	for i := 0; i < width; i += together {
		turn(x[(t.begin+i)*b.Channels+t.channel:], b.Channels, from[i:], width, min(together, width-i), t.channels)
	}
}

// eachLine calls do with the place of each line of a tile in the tile's own memory and in the tensor.
func (b Blocks) eachLine(t tile, do func(at, line int)) {
	for begin := t.begin; begin < t.end; begin += b.Inner {
		for c := range t.channels {
			do(c*(t.end-t.begin)+begin-t.begin, begin*b.Channels+(t.channel+c)*b.Inner)
		}
	}
}

// turn sets dst[j·stride + i] = src[i·n + j] for so many columns j and rows i.
func turn[T element](dst []T, stride int, src []T, n, columns, rows int) {
	switch d := any(dst).(type) {
	case []float32:
		kernel.Transpose(d, stride, any(src).([]float32), n, columns, rows)
	case []uint8:
		kernel.TransposeU8(d, stride, any(src).([]uint8), n, columns, rows)
	}
}

// asBytes returns codes in the same memory.
func asBytes[C kernel.Code](x []C) []uint8 {
	return unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// asCodes undoes asBytes.
func asCodes[C kernel.Code](x []uint8) []C {
	return unsafe.Slice((*C)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// Ranges returns the smallest and the largest of each block of src, and the index of the first NaN or infinity, which is
// −1 where all are finite; the ranges are meaningless where one is not.
func Ranges(src []float32, b Blocks) (low, high []float32, bad int) {
	r := &ranges{Blocks: b.simplified(), set: kernel.Current(), low: make([]float32, b.Count()), high: make([]float32, b.Count())}
	for i := range r.low {
		r.low[i], r.high[i] = math.MaxFloat32, -math.MaxFloat32
	}
	switch {
	case r.columns():
		r.addColumns(src)
	case r.tiled():
		r.tiles(func(t tile, m *memory) {
			gather(m.from[:], src, r.Blocks, t)
			width, groups := t.end-t.begin, r.Groups()
			for c := range t.channels {
				r.cut((t.channel+c)*groups, t.begin, c*width, (c+1)*width, r.adder(m.from[:]))
			}
		})
	default:
		Share(len(src), func(begin, end int) { r.runs(begin, end, r.adder(src)) })
	}
	if r.bad.Load() {
		_, _, bad = r.set.MinMax(src)
		return nil, nil, bad
	}
	return r.low, r.high, -1
}

// ranges are the ranges of blocks while they are being found. Whole blocks are a part's own.
type ranges struct {
	Blocks
	set       *kernel.Set
	low, high []float32
	shared    sync.Mutex // of the blocks that parts have in common
	bad       atomic.Bool
}

// adder returns a function that takes runs of x.
func (r *ranges) adder(x []float32) func(block, count, begin, end int) {
	return func(block, count, begin, end int) {
		x, size := x[begin:end], (end-begin)/count
		if size == r.Size && size < longBlock {
			r.note(r.set.MinMaxBlocks(r.low[block:][:count], r.high[block:][:count], x, size))
			return
		}
		for i := range count {
			r.addPart(block+i, x[i*size:][:size])
		}
	}
}

// addPart takes some elements of a block.
func (r *ranges) addPart(block int, x []float32) {
	low, high, bad := r.set.MinMax(x)
	r.note(bad < 0)
	r.shared.Lock()
	r.low[block], r.high[block] = min(r.low[block], low), max(r.high[block], high)
	r.shared.Unlock()
}

func (r *ranges) note(allFinite bool) {
	if !allFinite {
		r.bad.Store(true)
	}
}
