package gemm

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSegmentMoves copies segments of all lengths, and looks at what lies behind a window, and how far an
// image is read.
func TestSegmentMoves(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 12))
	for range 3000 {
		var list []segment
		to, from := 0, 0
		for range 1 + rng.IntN(6) {
			r := segment{to, from + rng.IntN(20), 1 + rng.IntN(40)}
			list = append(list, r)
			to, from = to+r.length, r.from+r.length
		}
		image := make([]uint8, from+moveBytes)
		for i := range image {
			image[i] = uint8(rng.Uint32())
		}
		want := slices.Repeat([]uint8{99}, to+2*moveBytes)
		got := slices.Clone(want)
		gather(want, image, list)
		c := newSegmentMoves(list)
		if c.end > len(image) || c.to != to {
			t.Fatalf("%v: reads %d bytes of an image of %d and a move, and fills %d, want %d", list, c.end, from, c.to, to)
		}
		c.gather(got, image)
		if !slices.Equal(got, want) {
			t.Fatalf("%v: got %v, want %v", list, got, want)
		}
	}
}
