package codebook

import (
	"math"
	"math/bits"
)

// The codes of a group change with its scale only where an element passes a threshold between two levels. The scale with
// the least noise is therefore found by walking over these events in the order of inverse scales. Between two of them, with
// q the levels of the codes there, least squares has s = Σw·x·q/Σw·q², which leaves Σw·x² − (Σw·x·q)²/Σw·q². Since codes
// that are nearest at the best scale are those of its own stretch, no scale has less.

// longestWalk is the largest group whose events are walked over.
const longestWalk = 128

// A walk has the elements of a group by magnitude, and the memory of events. It belongs to one goroutine.
type walk struct {
	elements []element
	square   float32    // Σw·x²
	largest  [2]float32 // of positive and of negative elements that have a weight
	weights  [2]float32 // of these

	events, sorted []uint64
	counts         [mostBuckets + 1]int32
}

// An element is x = ±magnitude.
type element struct {
	magnitude float32
	weight    float32
	moment    float32 // weight·magnitude
	side      int     // 1 where x is negative
}

// begin takes a group.
func (k *walk) begin(g *group) {
	if k.elements == nil {
		k.elements = make([]element, longestWalk)
		k.events, k.sorted = make([]uint64, 0, 16*longestWalk), make([]uint64, 16*longestWalk)
	}
	k.elements = k.elements[:len(g.x)]
	k.largest, k.weights = [2]float32{}, [2]float32{}
	var square sum
	for i, x := range g.x {
		w, side := float32(1), int(math.Float32bits(x)>>31)
		if g.w != nil {
			w = g.w[i]
		}
		x = math.Float32frombits(math.Float32bits(x) &^ (1 << 31))
		k.elements[i] = element{x, w, w * x, side}
		square[i%16] += float32(float32(w*x) * x)
		if x > k.largest[side] && w > 0 {
			k.largest[side], k.weights[side] = x, w
		}
	}
	k.square = square.total()
}

// last returns the inverse scale from which on an element is cut off by more than some noise. tops are the largest
// magnitudes of levels, by side.
func (k *walk) last(tops [2]float32, noise float32) float32 {
	last := float32(math.Inf(1))
	for side, top := range tops {
		if top > 0 && k.largest[side] > 0 {
			if rest := k.largest[side] - float32(math.Sqrt(float64(noise/k.weights[side]))); rest > 0 {
				last = min(last, top/rest)
			}
		}
	}
	return last
}

// first returns an inverse scale up to which elements that are 0, those below threshold, are more than some noise. It is
// one of a few parts of another, or 0.
func (k *walk) first(threshold, of, noise float32) float32 {
	parts := [...]float32{0.75, 0.6, 0.45, 0.3}
	var squares [len(parts)]float32
	limits := parts
	for i, part := range parts {
		limits[i] = threshold / (part * of)
	}
	for i := range k.elements {
		if e := &k.elements[i]; e.magnitude < limits[len(limits)-1] {
			square := e.moment * e.magnitude
			for j, limit := range limits {
				if e.magnitude < limit {
					squares[j] += square
				}
			}
		}
	}
	for i, square := range squares {
		if square > noise {
			return parts[i] * of
		}
	}
	return 0
}

// somewhatMore returns what codes leave under their best scale, and more than rounding errors are.
func (k *walk) somewhatMore(correlation, energy float32) float32 {
	if energy == 0 || correlation <= 0 {
		return 1.001 * k.square
	}
	return 1.001 * (k.square - correlation*correlation/energy + k.square*1e-6)
}

// event is an inverse scale, which is positive, the element and what passes.
func event(inverse float32, i, what int) uint64 {
	return uint64(math.Float32bits(inverse))<<32 | uint64(i)<<8 | uint64(what)
}

// eventOf returns the element, and what passes.
func (k *walk) eventOf(e uint64) (*element, int) {
	return &k.elements[e>>8&(1<<24-1)], int(e & 255)
}

// mostBuckets is into how many runs events are sorted at most, before the runs are.
const mostBuckets = 1024

// sort sets sorted to events in ascending order.
func (k *walk) sort() {
	n := len(k.events)
	k.sorted = k.sorted[:n]
	if n == 0 {
		return
	}
	low, high := k.events[0], k.events[0]
	for _, e := range k.events {
		low, high = min(low, e), max(high, e)
	}
	runs := min(bits.Len(uint(n)), 10) // bits of their number
	shift := max(0, bits.Len64(high-low)-runs) & 63
	counts := k.counts[:1<<runs+1]
	clear(counts)
	for _, e := range k.events {
		counts[(e-low)>>shift+1]++
	}
	at := int32(0)
	for i, n := range counts {
		at += n
		counts[i] = at
	}
	for _, e := range k.events {
		at := &counts[(e-low)>>shift]
		k.sorted[*at] = e
		*at++
	}
	for i, e := range k.sorted {
		for ; i > 0 && k.sorted[i-1] > e; i-- {
			k.sorted[i] = k.sorted[i-1]
		}
		k.sorted[i] = e
	}
}
