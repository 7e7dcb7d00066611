// Package noise measures what values are off by from others.
package noise

import "math"

// Noise adds up squares, of values and of what others are off by. The zero Noise is that of none.
type Noise struct {
	signal, error float64
	// Largest and Farthest are the magnitudes of one value, and of one difference.
	Largest, Farthest float64
}

// Add adds what others are off by from float values, as many. NaN and infinities are no noise where both have
// the same, else infinite noise.
func (n *Noise) Add(float, others []float32) {
	for i, x := range float {
		x, y := float64(x), float64(others[i])
		d := x - y
		switch finite := x-x == 0; {
		case finite && d-d == 0:
		case x == y || x != x && y != y: // the same infinity, or NaN
			continue
		default:
			n.error, n.Farthest = math.Inf(1), math.Inf(1)
			continue
		}
		n.signal += float64(x * x)
		n.error += float64(d * d)
		n.Largest, n.Farthest = max(n.Largest, math.Abs(x)), max(n.Farthest, math.Abs(d))
	}
}

// SQNR returns 10·log10(Σx²/Σ(x − y)²), +Inf where they are equal, −Inf where NaN or an infinity is in one
// and not in the other.
func (n *Noise) SQNR() float64 {
	if n.error == 0 {
		return math.Inf(1)
	}
	return 10 * math.Log10(n.signal/n.error)
}
