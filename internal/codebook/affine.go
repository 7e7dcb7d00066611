package codebook

import (
	"fmt"
	"math"
	"sync"
)

// Affine chooses the ranges low ≤ 0 ≤ high of unsigned integers of 2 to 8 bits, r = s·(q − z) with q in 0 … 2^bits − 1,
// s = (high − low)/(2^bits − 1) and z = RNE(−low/s), for x, which is finite and of layout l: one for each group, as
// [channel][group]. Values out of a range saturate. The range of zeros is 0 … 0.
//
// Both ends are tried at steps of 1/32 of where the data ends, and then, around the best, of 1/128.
func (s *Search) Affine(x []float32, l Layout, bits int) (low, high []float32, err error) {
	w, err := s.check(x, l)
	if err != nil {
		return nil, nil, err
	}
	if bits < 2 || bits > 8 {
		return nil, nil, fmt.Errorf("codebook: got %d bits, want 2 to 8", bits)
	}
	low, high = make([]float32, l.Channels*l.Groups()), make([]float32, l.Channels*l.Groups())
	groups := sync.Pool{New: func() any { return new(group) }}
	err = s.share(l, 0, 1, func(channel int) {
		c := groups.Get().(*group)
		defer groups.Put(c)
		for g := range l.Groups() {
			begin, end := l.group(channel, g)
			if c.set(x[begin:end], part(w, begin-channel*l.Row, end-channel*l.Row)) {
				low[channel*l.Groups()+g], high[channel*l.Groups()+g] = c.ends(float32(int(1)<<bits - 1))
			}
		}
	})
	if err != nil {
		return nil, nil, err
	}
	return low, high, nil
}

// ends returns the range with the least noise that is found for codes 0 … last.
func (g *group) ends(last float32) (low, high float32) {
	var bottom, top float32
	for i, x := range g.x {
		if g.w == nil || g.w[i] > 0 {
			bottom, top = min(bottom, x), max(top, x)
		}
	}
	noise, a, b := float32(math.Inf(1)), 32*4, 32*4 // the ends in 1/128
	try := func(i, j int) {
		if i < 0 || j < 0 || i > 128 || j > 128 || i == 0 && j == 0 {
			return
		}
		if n := g.affineNoise(bottom*float32(i)/128, top*float32(j)/128, last); n < noise {
			noise, a, b = n, i, j
		}
	}
	for i := 128; i >= 0; i -= 4 {
		for j := 128; j >= 0; j -= 4 {
			if (bottom < 0 || i == 128) && (top > 0 || j == 128) {
				try(i, j)
			}
		}
	}
	for i, j, di := a, b, -3; di <= 3; di++ {
		for dj := -3; dj <= 3; dj++ {
			try(i+di, j+dj)
		}
	}
	return float32(float64(bottom*float32(a)/128) * g.unit), float32(float64(top*float32(b)/128) * g.unit)
}

// affineNoise returns the noise of codes 0 … last for a range, infinite where it is empty.
func (g *group) affineNoise(low, high, last float32) float32 {
	scale := (high - low) / last
	if scale == 0 {
		return float32(math.Inf(1))
	}
	zero := float32(math.RoundToEven(float64(-low / scale)))
	var n sum
	for i, x := range g.x {
		q := max(-zero, min(last-zero, float32(math.RoundToEven(float64(x/scale)))))
		d := x - float32(q*scale)
		d *= d
		if g.w != nil {
			d *= g.w[i]
		}
		n[i%16] += float32(d)
	}
	return n.total()
}
