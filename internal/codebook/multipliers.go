package codebook

import "math"

// least is the smallest scale.
const least = 0x1p-126

// peaks are the magnitudes that are tried for the largest multiplier of a channel.
var peaks = [...]float64{127, 126, 124, 120, 116, 112, 108, 104, 100}

// A chooser chooses multipliers and the scale of one channel. It belongs to one goroutine.
type chooser struct {
	group
	table    []int8
	both     [2]levels    // the table, and times −1
	weights  [256]*levels // by multiplier + 128, of w8; made when asked for
	scales   []float64    // by group, of a unit of the table; 0 for groups of zeros
	quotient []float32    // x/S
	tried    [2][]int8    // multipliers: the best, and those being tried
}

func newChooser(table []int8) *chooser {
	c := &chooser{table: table}
	c.both[0].set(table, 1)
	c.both[1].set(table, -1)
	return c
}

// scaled returns w8 of the table by m.
func (c *chooser) scaled(m int) *levels {
	at := &c.weights[m+128]
	if *at == nil {
		var w [16]int8
		for q, level := range c.table {
			w[q] = multiply(level, int8(m))
		}
		*at = new(levels)
		(*at).set(w[:len(c.table)], 1)
	}
	return *at
}

// scale returns the scale, of a unit of the table, with the least noise that is found for elements, and 0 for zeros. It
// is negative where the table suits them times −1.
func (c *chooser) scale(x, w []float32, signs int) float64 {
	if !c.set(x, w) {
		return 0
	}
	best, noise := c.grid(&c.both[0])
	if signs == 2 {
		if s, n := c.grid(&c.both[1]); n < noise {
			return -s
		}
	}
	return best
}

// choose returns the scale of channel x in groups of size, and sets multipliers, one for each.
func (c *chooser) choose(multipliers []int8, x, w []float32, size int) float32 {
	n := len(multipliers)
	if len(c.quotient) < len(x) {
		c.quotient = make([]float32, len(x))
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
	best, scale := math.Inf(1), float32(1)
	for _, peak := range peaks {
		s := float32(max(least, 128*top/peak))
		if noise := c.try(x, w, size, s, best); noise < best {
			best, scale = noise, s
			c.tried[0], c.tried[1] = c.tried[1], c.tried[0]
		}
	}
	copy(multipliers, c.tried[0])
	return scale
}

// try sets tried[1] to the multipliers for a scale, and returns the noise, or what it is when it passes a limit.
func (c *chooser) try(x, w []float32, size int, scale float32, limit float64) float64 {
	noise := 0.0
	for g := range c.tried[1] {
		c.tried[1][g] = 0
		if c.scales[g] == 0 {
			continue
		}
		begin, end := g*size, min((g+1)*size, len(x))
		q := c.quotient[:end-begin]
		for i, x := range x[begin:end] {
			q[i] = x / scale
		}
		middle := int(math.RoundToEven(128 * c.scales[g] / float64(scale)))
		least := float32(math.Inf(1))
		for _, d := range [...]int{0, -1, 1, -2, 2} {
			if m := middle + d; m >= -127 && m <= 127 {
				if _, _, n := c.scaled(m).loss(q, part(w, begin, end), 1); n < least {
					least, c.tried[1][g] = n, int8(m)
				}
			}
		}
		if noise += float64(least) * float64(scale) * float64(scale); noise >= limit {
			break
		}
	}
	return noise
}

// part returns w[begin:end], or nil of nil.
func part(w []float32, begin, end int) []float32 {
	if w == nil {
		return nil
	}
	return w[begin:end]
}
