package gemm

import "unsafe"

// chunk is how many bytes are moved at a time.
const chunk = 16

// chunks is runs of bytes as moves of a chunk, of which what goes too far is overwritten by the moves after it, and runs at
// the end that must be exact, for what is behind a window is not its own.
type chunks struct {
	moves   []move
	exact   []run
	to, end int // bytes that a window has, and that the moves read
}

type move struct{ to, from int32 }

// newChunks returns the moves of runs whose places in the window ascend without gaps.
func newChunks(list []run) (c chunks) {
	last := list[len(list)-1]
	c.to = last.to + last.length
	for n, r := range list {
		if r.to+(r.length+chunk-1)/chunk*chunk > c.to {
			c.exact = list[n:]
			break
		}
		for i := 0; i < r.length; i += chunk {
			c.moves = append(c.moves, move{int32(r.to + i), int32(r.from + i)})
			c.end = max(c.end, r.from+i+chunk)
		}
	}
	return c
}

// gather sets dst to the bytes of the window that begins where image does. image is readable for up to a chunk more than the
// window takes of it.
func (c *chunks) gather(dst, image []uint8) {
	to, from := unsafe.Pointer(unsafe.SliceData(dst[:c.to])), unsafe.Pointer(unsafe.SliceData(image[:c.end]))
	for _, m := range c.moves {
		*(*[chunk]uint8)(unsafe.Add(to, m.to)) = *(*[chunk]uint8)(unsafe.Add(from, m.from))
	}
	gather(dst, image, c.exact)
}
