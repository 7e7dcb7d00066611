package codebook

import (
	"fmt"
	"math"
	"sync"
)

// Symmetric chooses the scales of integers of 2 to 8 bits, r = s·q with q in −2^(bits−1) … 2^(bits−1) − 1,
// for x, which is finite and of layout l: one for each group, as [channel][group]. A scale is negative where
// the group's largest magnitudes are positive, since there is one more code below zero than above. It is 1
// for zeros.
func (s *Search) Symmetric(x []float32, l Layout, bits int) (scales []float32, err error) {
	w, err := s.check(x, l)
	if err != nil {
		return nil, err
	}
	if bits < 2 || bits > 8 {
		return nil, fmt.Errorf("codebook: got %d bits, want 2 to 8", bits)
	}
	scales = make([]float32, l.Channels*l.Groups())
	groups := sync.Pool{New: func() any { return new(integerScaler) }}
	err = s.share(l, 0, 1, func(channel int) {
		c := groups.Get().(*integerScaler)
		defer groups.Put(c)
		for g := range l.Groups() {
			begin, end := l.group(channel, g)
			scale := c.scale(x[begin:end], part(w, begin-channel*l.Row, end-channel*l.Row), 1<<(bits-1))
			scales[channel*l.Groups()+g] = asScale(scale)
		}
	})
	if err != nil {
		return nil, err
	}
	return scales, nil
}

// An integerScaler finds scales of groups. It belongs to one goroutine.
type integerScaler struct {
	group
	walk
}

// scale returns the scale with the least noise that is found for codes −half … half − 1, and 0 for zeros.
func (s *integerScaler) scale(x, w []float32, half int) float64 {
	switch {
	case !s.set(x, w):
		return 0
	case half <= 8 && len(x) <= longestWalk:
		s.begin(&s.group)
		return s.integers(half) * s.unit
	}
	return s.integerGrid(float32(half)) * s.unit
}

// integerGrid returns the scale with the least noise that is found for codes −half … half − 1, by a grid as
// of levels.
func (g *group) integerGrid(half float32) float64 {
	noise, best := float32(math.Inf(1)), float32(1)
	try := func(r float32) (worse bool, next float32) {
		c, e, n := integerLoss(g.x, g.w, r, half)
		n = n / r / r
		if n < noise {
			noise, best = n, r
		}
		return n > 2*noise, r * e / c
	}
	for _, sign := range []float32{1, -1} {
		for t := 0.6 * half; t < 64*half; t *= 1.04 {
			if worse, _ := try(sign * t / g.largest); worse && t > 1.1*half {
				break
			}
		}
	}
	middle := best
	for i := -7; i <= 7; i++ {
		try(middle * (1 + float32(0.005*float32(i))))
	}
	try((half - 1) / g.largest) // what serves without a search
	for r, i := best, 0; i < 4; i++ {
		_, next := try(r)
		if !(next/r > 0) || next == r || math.IsInf(float64(next), 0) {
			break
		}
		r = next
	}
	return 1 / float64(best)
}

// toInteger is added to, and taken off, a float32 below 2^22 to round it to the nearest integer, ties to even.
const toInteger = 3 << 22

// integerLoss is levels.loss for the integers −half … half − 1.
func integerLoss(x, w []float32, r, half float32) (correlation, energy, noise float32) {
	var sums loss
	for i, x := range x {
		x = float32(x * r)
		q := max(-half, min(half-1, x))
		sums.add(i, x, q+toInteger-toInteger, weight(w, i))
	}
	return sums.totals()
}
