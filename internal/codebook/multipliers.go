package codebook

import (
	"math"
	"slices"
)

// least is the smallest scale.
const least = 0x1p-126

// peaks are the magnitudes that are tried for the largest multiplier of a channel.
var peaks = [...]float64{127, 126, 124, 120, 116, 112, 108, 104, 100}

// A chooser chooses multipliers and the scale of one channel under a table. It belongs to one goroutine.
type chooser struct {
	scaler
	rounded  [255]*roundedLevels // by multiplier + 127; made when asked for
	scales   []float64           // by group, of a unit of the table; 0 for groups of zeros
	quotient []float32           // of a channel: x/S for the largest of the peaks
	fixed    []int32             // of a group
	weights  []int64             // of a group
	tried    [2][]int8           // multipliers: the best, and those being tried
}

func newChooser(table []int8) *chooser { return &chooser{scaler: *newScaler(table)} }

// Quotients v = x/S lie in −256 … 256, past which no level is, and are taken as integers (v + 256)·128. So the noise of
// levels is an integer, which no order of sums changes.
const (
	fixedOne    = 128
	fixedMiddle = 256 * fixedOne
	fixedLast   = 2*fixedMiddle - 1
)

// roundedLevels has w8 nearest to v in k/2 … (k + 1)/2, by k + 512, as v is taken.
type roundedLevels [1024]uint16

// times returns the levels of the table by m.
func (c *chooser) times(m int) *roundedLevels {
	at := &c.rounded[m+127]
	if *at != nil {
		return *at
	}
	*at = new(roundedLevels)
	var w [16]int8
	for q, level := range c.table {
		w[q] = Weight(level, int8(m))
	}
	levels := w[:len(c.table)]
	slices.Sort(levels)
	q := 0
	for k := range *at {
		v := float32(float32(k-512)/2) + 0.25
		for q+1 < len(levels) && (float32(levels[q])+float32(levels[q+1]))/2 < v {
			q++
		}
		(*at)[k] = uint16(fixedMiddle + fixedOne*int(levels[q]))
	}
	return *at
}

// near is how many multipliers are tried at once.
const near = 5

// noise returns Σw·(v − w8)² of integers for the nearest of each of levels.
func noise(l *[near]*roundedLevels, fixed []int32, weights []int64) (n [near]int64) {
	l0, l1, l2, l3, l4 := l[0], l[1], l[2], l[3], l[4]
	if weights == nil {
		var n0, n1, n2, n3, n4 int64
		for _, v := range fixed {
			k := uint32(v) / (fixedOne / 2) % 1024
			d := int64(v) - int64(l0[k])
			n0 += d * d
			d = int64(v) - int64(l1[k])
			n1 += d * d
			d = int64(v) - int64(l2[k])
			n2 += d * d
			d = int64(v) - int64(l3[k])
			n3 += d * d
			d = int64(v) - int64(l4[k])
			n4 += d * d
		}
		return [near]int64{n0, n1, n2, n3, n4}
	}
	weights = weights[:len(fixed)]
	for i, v := range fixed {
		k := uint32(v) / (fixedOne / 2) % 1024
		for j, l := range l {
			d := int64(v) - int64(l[k])
			n[j] += weights[i] * d * d
		}
	}
	return n
}

// choose returns the scale of channel x in groups of size, and sets multipliers, one for each: those with the least noise
// for a scale 128·max|s|/m, with m of peaks and s the scales of groups, and multipliers within 2 of 128·s/S.
func (c *chooser) choose(multipliers []int8, x, w []float32, size int) float32 {
	n := len(multipliers)
	if len(c.quotient) != len(x) {
		c.quotient, c.fixed = make([]float32, len(x)), make([]int32, size)
		c.scales, c.tried = make([]float64, n), [2][]int8{make([]int8, n), make([]int8, n)}
	}
	top := 0.0
	for g := range n {
		begin, end := g*size, min((g+1)*size, len(x))
		c.scales[g] = c.scale(x[begin:end], part(w, begin, end), 2)
		top = max(top, math.Abs(c.scales[g]))
	}
	if top == 0 {
		clear(multipliers)
		return 1
	}
	first := float32(max(least, 128*top/peaks[0]))
	for i, x := range x {
		c.quotient[i] = max(-256, min(256, x/first))
	}
	best, scale := math.Inf(1), float32(1)
	for _, peak := range peaks {
		s := float32(max(least, 128*top/peak))
		if noise := c.try(w, size, float64(s), float64(first), best); noise < best {
			best, scale = noise, s
			c.tried[0], c.tried[1] = c.tried[1], c.tried[0]
		}
	}
	copy(multipliers, c.tried[0])
	return scale
}

// try sets tried[1] to the multipliers for a scale, and returns the noise, or some from a limit on.
func (c *chooser) try(w []float32, size int, scale, first, limit float64) float64 {
	total := 0.0
	ratio := float32(first / scale * fixedOne)
	for g := range c.tried[1] {
		c.tried[1][g] = 0
		if c.scales[g] == 0 {
			continue
		}
		begin, end := g*size, min((g+1)*size, len(c.quotient))
		fixed := c.fixed[:end-begin]
		for i, v := range c.quotient[begin:end] {
			fixed[i] = min(fixedLast, int32(float32(v*ratio)+(fixedMiddle+0.5)))
		}
		weights, unit := c.integerWeights(part(w, begin, end))
		middle := int(math.RoundToEven(128 * c.scales[g] / scale))
		var levels [near]*roundedLevels
		var multipliers [near]int
		for i, d := range [near]int{0, -1, 1, -2, 2} {
			multipliers[i] = max(-127, min(127, middle+d))
			levels[i] = c.times(multipliers[i])
		}
		least := int64(math.MaxInt64)
		for i, n := range noise(&levels, fixed, weights) {
			if n < least {
				least, c.tried[1][g] = n, int8(multipliers[i])
			}
		}
		if total += float64(float64(least) * float64(scale*scale) * unit); total >= limit {
			break
		}
	}
	return total
}

// integerWeights returns weights as integers of 16 bits, of a unit, and nil with unit 1 for nil.
func (c *chooser) integerWeights(w []float32) (weights []int64, unit float64) {
	if w == nil {
		return nil, 1
	}
	top := float32(0)
	for _, w := range w {
		top = max(top, w)
	}
	c.weights = c.weights[:0]
	for _, w := range w {
		n := int64(0)
		if top > 0 {
			n = int64(math.RoundToEven(float64(w) / float64(top) * (1<<16 - 1)))
		}
		c.weights = append(c.weights, n)
	}
	return c.weights, float64(top)
}

// part returns w[begin:end], or nil of nil.
func part(w []float32, begin, end int) []float32 {
	if w == nil {
		return nil
	}
	return w[begin:end]
}
