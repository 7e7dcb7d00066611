package gemm

import "unsafe"

// moveBytes is how many bytes are moved at a time.
const moveBytes = 16

// segmentMoves copies segments of bytes by moves of one size. What a move writes too far, the moves after it
// overwrite; the last segments are exact, since what is behind a window is not its own.
type segmentMoves struct {
	moves   []move
	exact   []segment
	to, end int // bytes that a window has, and that the moves read
}

type move struct{ to, from int32 }

// newSegmentMoves returns the moves of segments that follow one another in the window.
func newSegmentMoves(list []segment) (c segmentMoves) {
	last := list[len(list)-1]
	c.to = last.to + last.length
	for n, r := range list {
		if r.to+(r.length+moveBytes-1)/moveBytes*moveBytes > c.to {
			c.exact = list[n:]
			break
		}
		for i := 0; i < r.length; i += moveBytes {
			c.moves = append(c.moves, move{int32(r.to + i), int32(r.from + i)})
			c.end = max(c.end, r.from+i+moveBytes)
		}
	}
	return c
}

// gather sets dst to the bytes of the window that begins where image does. image is readable for up to
// moveBytes more than the window takes of it.
func (c *segmentMoves) gather(dst, image []uint8) {
	to, from := unsafe.Pointer(unsafe.SliceData(dst[:c.to])), unsafe.Pointer(unsafe.SliceData(image[:c.end]))
	for _, m := range c.moves {
		*(*[moveBytes]uint8)(unsafe.Add(to, m.to)) = *(*[moveBytes]uint8)(unsafe.Add(from, m.from))
	}
	gather(dst, image, c.exact)
}
