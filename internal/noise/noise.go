// Package noise measures what values are off by from others.
package noise

import (
	"math"

	"euryale/internal/kernel"
)

// Noise adds up squares, of values and of what others are off by: in lanes, as one list however it is cut.
// The zero Noise is that of none.
type Noise struct {
	signal, error kernel.Lanes
	next          int  // lane
	infinite      bool // the noise
}

// atOnce is how many values are taken together: they are taken one by one where one of them is not finite.
const atOnce = 1 << 12

// Add adds what others are off by from float values, as many. NaN and infinities are no noise where both have
// the same, else infinite noise.
func (n *Noise) Add(float, others []float32) {
	others = others[:len(float)]
	for len(float) > 0 {
		size := untilFirst(n.next, len(float))
		if size > 0 {
			n.addEach(float[:size], others[:size])
		} else {
			size = min(len(float), atOnce)
			n.add(float[:size], others[:size])
		}
		float, others = float[size:], others[size:]
	}
}

// untilFirst returns how many of some numbers come before one of the first lane.
func untilFirst(next, size int) int { return min(size, (kernel.LaneCount-next)%kernel.LaneCount) }

// add adds values from the first lane on.
func (n *Noise) add(float, others []float32) {
	signal, noise := n.signal, n.error
	kernel.AddDifferences(&n.signal, &n.error, float, others)
	if sum := n.error.Sum(); sum-sum != 0 { // a difference is no finite number; a square of one is
		n.signal, n.error = signal, noise
		n.addEach(float, others)
		return
	}
	n.next = len(float) % kernel.LaneCount
}

// addEach adds values one by one.
func (n *Noise) addEach(float, others []float32) {
	for i, x := range float {
		x, y, lane := float64(x), float64(others[i]), n.next
		n.next = (lane + 1) % kernel.LaneCount
		d := x - y
		switch finite := x-x == 0; {
		case finite && d-d == 0:
			n.signal[lane] += float64(x * x)
			n.error[lane] += float64(d * d)
		case x == y || x != x && y != y: // the same infinity, or NaN
		default:
			n.infinite = true
		}
	}
}

// SQNR returns 10·log10(Σx²/Σ(x − y)²), +Inf where they are equal, −Inf where NaN or an infinity is in one
// and not in the other.
func (n *Noise) SQNR() float64 {
	switch sum := n.error.Sum(); {
	case n.infinite:
		return math.Inf(-1)
	case sum == 0:
		return math.Inf(1)
	default:
		return 10 * math.Log10(n.signal.Sum()/sum)
	}
}

// Farthest returns the largest magnitude of a finite value, and of a difference from the others, as many:
// infinite where SQNR would be −Inf.
func Farthest(float, others []float32) (largest, farthest float64) {
	for i, x := range float {
		x, y := float64(x), float64(others[i])
		d := x - y
		switch finite := x-x == 0; {
		case finite && d-d == 0:
			largest, farthest = max(largest, math.Abs(x)), max(farthest, math.Abs(d))
		case x == y || x != x && y != y:
		default:
			farthest = math.Inf(1)
		}
	}
	return largest, farthest
}

// Squares adds up the squares of values: in lanes, as one list however it is cut. The zero Squares is that of
// none.
type Squares struct {
	sums kernel.Lanes
	next int // lane
}

// Add adds the squares of values.
func (s *Squares) Add(x []float32) {
	head := untilFirst(s.next, len(x))
	for i, v := range x[:head] {
		s.sums[s.next+i] += float64(float64(v) * float64(v))
	}
	kernel.AddSquares(&s.sums, x[head:])
	s.next = (s.next + len(x)) % kernel.LaneCount
}

// Sum returns the sum.
func (s *Squares) Sum() float64 { return s.sums.Sum() }
