package convert

import (
	"math"
	"sync"
	"sync/atomic"

	"euryale/internal/kernel"
)

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
