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

// Quantize sets dst to src, which is finite, quantized by the parameters of each block, as kernel.Quantize does.
func Quantize[C kernel.Code](dst []C, src []float32, b Blocks, of func(block int) kernel.Affine) {
	set := kernel.Current()
	switch d := any(dst).(type) {
	case []int8:
		each(d, src, b, func(dst []int8, src []float32, block int) { set.QuantizeS8(dst, src, of(block)) })
	case []uint8:
		each(d, src, b, func(dst []uint8, src []float32, block int) { set.QuantizeU8(dst, src, of(block)) })
	}
}

// Dequantize sets dst to the real values of src, as kernel.Dequantize does.
func Dequantize[C kernel.Code](dst []float32, src []C, b Blocks, of func(block int) kernel.Affine) {
	set := kernel.Current()
	switch s := any(src).(type) {
	case []int8:
		each(dst, s, b, func(dst []float32, src []int8, block int) { set.DequantizeS8(dst, src, of(block)) })
	case []uint8:
		each(dst, s, b, func(dst []float32, src []uint8, block int) { set.DequantizeU8(dst, src, of(block)) })
	}
}

// QuantizeGrid sets dst to src, which is finite, quantized as kernel.QuantizeGrid does.
func QuantizeGrid(dst []uint8, src []float32, b Blocks, of func(block int) kernel.Grid) {
	set := kernel.Current()
	each(dst, src, b, func(dst []uint8, src []float32, block int) { set.QuantizeGrid(dst, src, of(block)) })
}

// DequantizeGrid sets dst to the real values of src, as kernel.DequantizeGrid does.
func DequantizeGrid(dst []float32, src []uint8, b Blocks, of func(block int) kernel.Grid) {
	set := kernel.Current()
	each(dst, src, b, func(dst []float32, src []uint8, block int) { set.DequantizeGrid(dst, src, of(block)) })
}

// Encode sets dst to src in a 16-bit format.
func Encode(dst []uint16, src []float32, f half.Format) {
	set := kernel.Current()
	share(len(src), func(begin, end int) { set.Encode(dst[begin:end], src[begin:end], f) })
}

// Decode sets dst to the numbers that src stands for, which are finite.
func Decode(dst []float32, src []uint16, f half.Format) {
	set := kernel.Current()
	share(len(src), func(begin, end int) { set.Decode(dst[begin:end], src[begin:end], f) })
}

// PackNibbles works like kernel.PackNibbles.
func PackNibbles[C kernel.Code](dst []uint8, src []C) {
	share(len(dst), func(begin, end int) { kernel.PackNibbles(dst[begin:end], src[2*begin:min(2*end, len(src))]) })
}

// UnpackInt4 works like kernel.UnpackInt4.
func UnpackInt4(dst []int8, src []uint8) {
	share(len(src), func(begin, end int) { kernel.UnpackInt4(dst[2*begin:min(2*end, len(dst))], src[begin:end]) })
}

// UnpackUint4 works like kernel.UnpackUint4.
func UnpackUint4(dst, src []uint8) {
	share(len(src), func(begin, end int) { kernel.UnpackUint4(dst[2*begin:min(2*end, len(dst))], src[begin:end]) })
}

// share cuts n elements into parts for all threads. Kernels store what is too big for the caches past them, which they
// know by its length: parts are as long as there is work for every thread.
func share(n int, do func(begin, end int)) {
	const least, most = 1 << 14, 1 << 22
	size := n
	if threads := runtime.GOMAXPROCS(0); threads > 1 {
		size = max(least, min(most, 1<<bits.Len(uint(n/threads/2))))
	}
	parts(n, (n+size-1)/size, func(i int) { do(i*size, min(n, (i+1)*size)) })
}

// parts has all threads do so many parts of what converts n elements.
func parts(n, count int, do func(part int)) {
	gemm.Share(count, kernel.Current().QuantizeTime(n), do)
}

// element is what a tile holds.
type element interface{ float32 | int8 | uint8 }

// each calls do for segments of dst and src that make up all of them, each within the block that it is called with. They
// may be parts of tiles.
func each[D, S element](dst []D, src []S, b Blocks, do func(dst []D, src []S, block int)) {
	b = b.simplified()
	if !b.tiled() {
		share(len(src), func(begin, end int) {
			b.Within(begin, end, func(block, begin, end int) { do(dst[begin:end], src[begin:end], block) })
		})
		return
	}
	b.tiles(func(t tile, m *memory) {
		from, to := view[S](&m.from)[:t.size()], view[D](&m.to)[:t.size()]
		gather(from, src, b, t)
		width, groups := t.end-t.begin, b.Groups()
		for c := range t.channels {
			for begin := t.begin; begin < t.end; {
				group := begin / b.Size
				end := min((group+1)*b.Size, t.end)
				first, n := c*width+begin-t.begin, end-begin
				do(to[first:][:n], from[first:][:n], (t.channel+c)*groups+group)
				begin = end
			}
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
	from, to  [tileSize]float32
	low, high []float32
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
		kernel.Turn(d, stride, any(src).([]float32), n, columns, rows)
	default:
		kernel.TurnBytes(asBytes(dst), stride, asBytes(src), n, columns, rows)
	}
}

// asBytes returns elements of a byte in the same memory.
func asBytes[T element](x []T) []uint8 {
	return unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// Ranges returns the smallest and the largest of each block of src, and the index of the first NaN or infinity, which is
// −1 where all are finite; the ranges are meaningless where one is not.
func Ranges(src []float32, b Blocks) (low, high []float32, bad int) {
	r := &ranges{Blocks: b.simplified(), set: kernel.Current(), low: make([]float32, b.Count()), high: make([]float32, b.Count())}
	for i := range r.low {
		r.low[i], r.high[i] = math.MaxFloat32, -math.MaxFloat32
	}
	if r.tiled() {
		r.tiles(func(t tile, m *memory) {
			x := m.from[:t.size()]
			gather(x, src, r.Blocks, t)
			r.addTile(t, x, m)
		})
	} else {
		share(len(src), func(begin, end int) {
			r.lines(begin, end, func(channel, at, begin, end int) { r.add(channel, at, src[begin:end]) })
		})
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

// add takes elements of a channel from a place of its row on.
func (r *ranges) add(channel, at int, x []float32) {
	block := channel*r.Groups() + at/r.Size
	if n := r.Size - at%r.Size; n < r.Size {
		n = min(n, len(x))
		r.addPart(block, x[:n])
		x = x[n:]
		block++
	}
	if whole := len(x) / r.Size; whole > 0 && r.Size <= shortBlock {
		n := whole * r.Size
		r.note(r.set.MinMaxBlocks(r.low[block:][:whole], r.high[block:][:whole], x[:n], r.Size))
		x = x[n:]
		block += whole
	}
	for ; len(x) > 0; block++ {
		n := min(r.Size, len(x))
		r.addPart(block, x[:n])
		x = x[n:]
	}
}

// shortBlock is the most elements of which a call of MinMax for each block takes long beside what it finds.
const shortBlock = 512

// addPart takes some elements of a block.
func (r *ranges) addPart(block int, x []float32) {
	low, high, bad := r.set.MinMax(x)
	r.note(bad < 0)
	r.shared.Lock()
	r.low[block], r.high[block] = min(r.low[block], low), max(r.high[block], high)
	r.shared.Unlock()
}

// addTile takes a tile, whose elements are x.
func (r *ranges) addTile(t tile, x []float32, m *memory) {
	width, first := t.end-t.begin, t.begin/r.Size
	size := width // of what of a tile is one block's
	switch {
	case t.begin%r.Size == 0 && width%r.Size == 0:
		size = r.Size
	case first != (t.end-1)/r.Size:
		for c := range t.channels {
			r.add(t.channel+c, t.begin, x[c*width:][:width])
		}
		return
	}
	groups, count := width/size, len(x)/size
	if cap(m.low) < count {
		m.low, m.high = make([]float32, count), make([]float32, count)
	}
	low, high := m.low[:count], m.high[:count]
	r.note(r.set.MinMaxBlocks(low, high, x, size))
	if size < r.Size {
		r.shared.Lock()
		defer r.shared.Unlock()
	}
	for i := range low {
		block := (t.channel+i/groups)*r.Groups() + first + i%groups
		r.low[block], r.high[block] = min(r.low[block], low[i]), max(r.high[block], high[i])
	}
}

func (r *ranges) note(allFinite bool) {
	if !allFinite {
		r.bad.Store(true)
	}
}
