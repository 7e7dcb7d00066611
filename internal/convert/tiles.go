package convert

import (
	"sync"
	"unsafe"

	"euryale/internal/kernel"
)

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
	grids    kernel.GridColumns
}

var memories = sync.Pool{New: func() any { return new(memory) }}

// view returns memory as elements, which are no bigger than float32.
func view[T element](m *[tileSize]float32) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(m)), tileSize)
}

// tiles calls do for tiles that make up the tensor.
func (b Blocks) tiles(do func(t tile, m *memory)) {
	row := b.row()
	width := min(512/b.Inner*b.Inner, row)
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

// gather copies a tile out of a tensor.
func gather[T element](to, x []T, b Blocks, t tile) {
	b.eachLine(t, func(at, line int) { copy(to[at:][:b.Inner], x[line:]) })
}

// scatter copies a tile into a tensor.
func scatter[T element](x, from []T, b Blocks, t tile) {
	b.eachLine(t, func(at, line int) { copy(x[line:][:b.Inner], from[at:]) })
}

// eachLine calls do with the place of each line of a tile in the tile's own memory and in the tensor.
func (b Blocks) eachLine(t tile, do func(at, line int)) {
	for begin := t.begin; begin < t.end; begin += b.Inner {
		for c := range t.channels {
			do(c*(t.end-t.begin)+begin-t.begin, begin*b.Channels+(t.channel+c)*b.Inner)
		}
	}
}
