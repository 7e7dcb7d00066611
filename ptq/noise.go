package ptq

import "math"

// noise adds up squares, of float values and of what other ones are off by.
type noise struct {
	signal, error     float64
	largest, farthest float64 // magnitudes of one value, and of one difference
}

// add adds what others are off by from float values, as many. NaN and infinities are no noise where both have
// the same, else infinite noise.
func (n *noise) add(float, others []float32) {
	for i, x := range float {
		x, y := float64(x), float64(others[i])
		d := x - y
		switch finite := x-x == 0; {
		case finite && d-d == 0:
		case x == y || x != x && y != y: // the same infinity, or NaN
			continue
		default:
			n.error, n.farthest = math.Inf(1), math.Inf(1)
			continue
		}
		n.signal += float64(x * x)
		n.error += float64(d * d)
		n.largest, n.farthest = max(n.largest, math.Abs(x)), max(n.farthest, math.Abs(d))
	}
}

// sqnr returns 10·log10(Σx²/Σ(x − y)²), +Inf where they are equal, −Inf where NaN or an infinity is in one
// and not in the other.
func (n *noise) sqnr() float64 {
	if n.error == 0 {
		return math.Inf(1)
	}
	return 10 * math.Log10(n.signal/n.error)
}

// What a network is held to before it is quantized. Sums in another order leave about 140 dB. Where they
// cancel they leave numbers of their own, so that small ones beside large ones count as equal, and those
// below any that a network gives on purpose.
const (
	leastRead = 110   // dB
	leastNear = 1e-6  // of the largest number of an output
	leastSize = 1e-29 // of a difference
)

// held compares the numbers of an output with those of Gorgonia, and reports whether it is the same output.
func held(stock, got []float32) (sqnr float64, ok bool) {
	if len(stock) != len(got) {
		return math.Inf(-1), false
	}
	var n noise
	n.add(stock, got)
	sqnr = n.sqnr()
	return sqnr, sqnr >= leastRead || n.farthest <= max(leastNear*n.largest, leastSize)
}
