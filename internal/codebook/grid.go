package codebook

import "math"

// A group is elements that share a scale, in a unit, a power of two, in which their squares are neither too small nor too large, and their weights.
type group struct {
	x, w    []float32
	unit    float64 // what 1 stands for
	largest float32 // of those whose weight is not 0
	memory  []float32
}

// set takes elements and their weights, of which nil are ones, and reports whether any counts: whether it is not 0.
func (g *group) set(x, w []float32) bool {
	g.w = w
	if g.largest = largest(x, w); g.largest == 0 { // no weight is not 0 where an element is not: all count the same
		g.w, g.largest = nil, largest(x, nil)
	}
	if g.largest == 0 {
		return false
	}
	if g.unit = 1; w == nil && g.largest > 0x1p-30 && g.largest < 0x1p30 { // squares neither vanish nor overflow
		g.x = x
		return true
	}
	_, e := math.Frexp(float64(g.largest))
	g.unit = math.Ldexp(1, e-1)
	if cap(g.memory) < len(x) {
		g.memory = make([]float32, len(x))
	}
	g.x = g.memory[:len(x)]
	inverse := 1 / g.unit
	for i, x := range x {
		g.x[i] = float32(float64(x) * inverse)
	}
	for i := range g.w {
		if g.w[i] == 0 {
			g.x[i] = 0 // it may be far larger than the rest
		}
	}
	g.largest = float32(float64(g.largest) / g.unit)
	return true
}

// largest returns the largest magnitude of the elements that have a weight.
func largest(x, w []float32) float32 {
	m := uint32(0) // bits of floats above 0 are in their order
	for i, x := range x {
		if w == nil || w[i] > 0 {
			m = max(m, math.Float32bits(x)&^(1<<31))
		}
	}
	return math.Float32frombits(m)
}

// grid returns the scale, of a unit of the levels, with the least noise that is found among inverse scales that lie
// first 4% apart and then, around the best, half a percent, by up to three steps of least squares.
func (g *group) grid(l *levels) found {
	top := max(-l.values[0], l.values[15])
	noise := float32(math.Inf(1))
	best := float32(1)
	try := func(r float32) (worse bool, next float32) {
		c, e, n := l.loss(g.x, g.w, r)
		n = n / r / r
		if n < noise {
			noise, best = n, r
		}
		return n > 2*noise, r * e / c
	}
	const step = 1.04
	for t := 0.6 * top; t < 64*top; t *= step {
		if worse, _ := try(t / g.largest); worse && t > 1.1*top {
			break // what is cut off grows from here on
		}
	}
	middle := best
	for i := -7; i <= 7; i++ {
		try(middle * (1 + float32(0.005*float32(i))))
	}
	for r, i := best, 0; i < 4; i++ {
		_, next := try(r)
		if !(next > 0) || next == r || math.IsInf(float64(next), 0) {
			break
		}
		r = next
	}
	return found{1 / float64(best), noise}
}
