package codebook

import (
	"math"
	"slices"

	"euryale/internal/kernel"
)

// least is the smallest scale.
const least = 0x1p-126

// peaks are the magnitudes that are tried for the largest multiplier of a channel.
var peaks = [...]float64{127, 126, 124, 120, 116, 112, 108, 104, 100}

// A chooser chooses multipliers and the scale of one channel under a table. It belongs to one goroutine.
type chooser struct {
	scaler
	levels   [255 + near - 1]*kernel.Levels // by multiplier + 129; made when asked for
	noises   [near]int64
	noise    func(noise *[near]int64, x []float32, ratio float32, w []uint32, levels *[near]*kernel.Levels)
	scales   []float64 // by group, of a unit of the table; 0 for groups of zeros
	quotient []float32 // of a channel: x/S for the largest of the peaks
	weights  []uint32  // of a channel: integers of 16 bits
	units    []float64 // of weights, by group
	tried    [2][]int8 // multipliers: the best, and those being tried
}

func newChooser(table []int8) *chooser {
	return &chooser{scaler: *newScaler(table), noise: kernel.Current().Noise}
}

// near is how many multipliers are tried at once.
const near = kernel.LevelsAtOnce

// around returns the levels of the table by the multipliers within 2 of m, those past ±127 as of ±127.
func (c *chooser) around(m int) *[near]*kernel.Levels {
	all := (*[near]*kernel.Levels)(c.levels[m+127:])
	for i, l := range all {
		if l != nil {
			continue
		}
		var w [16]int8
		for q, level := range c.table {
			w[q] = Weight(level, within127(m+i-near/2))
		}
		all[i] = kernel.NewLevels(w[:len(c.table)])
	}
	return all
}

func within127(m int) int8 { return int8(max(-127, min(127, m))) }

// choose returns the scale of channel x in groups of size, and sets multipliers, one for each: those with the
// least noise for a scale 128·max|s|/m, with m of peaks and s the scales of groups, and multipliers within 2
// of 128·s/S.
func (c *chooser) choose(multipliers []int8, x, w []float32, size int) float32 {
	n := len(multipliers)
	if len(c.quotient) != len(x) {
		c.quotient, c.scales, c.tried = make([]float32, len(x)), make([]float64, n), [2][]int8{make([]int8, n), make([]int8, n)}
		c.setWeights(w, size, n)
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
		if noise := c.try(size, float64(s), float64(first), best); noise < best {
			best, scale = noise, s
			c.tried[0], c.tried[1] = c.tried[1], c.tried[0]
		}
	}
	copy(multipliers, c.tried[0])
	return scale
}

// try sets tried[1] to the multipliers for a scale, and returns the noise, or some from a limit on.
func (c *chooser) try(size int, scale, first, limit float64) float64 {
	total := 0.0
	ratio := float32(first / scale * kernel.FixedOne)
	for g := range c.tried[1] {
		c.tried[1][g] = 0
		if c.scales[g] == 0 {
			continue
		}
		begin, end := g*size, min((g+1)*size, len(c.quotient))
		middle := int(within127(int(math.RoundToEven(128 * c.scales[g] / scale))))
		c.noise(&c.noises, c.quotient[begin:end], ratio, part(c.weights, begin, end), c.around(middle))
		least, by := c.noises[near/2], 0
		for _, d := range [...]int{-1, 1, -2, 2} {
			if n := c.noises[near/2+d]; n < least {
				least, by = n, d
			}
		}
		c.tried[1][g] = within127(middle + by)
		if total += float64(float64(least) * float64(scale*scale) * c.units[g]); total >= limit {
			break
		}
	}
	return total
}

// setWeights takes the weights of a channel, as integers of 16 bits of a unit of each group. The unit of nil
// is 1.
func (c *chooser) setWeights(w []float32, size, groups int) {
	c.units = make([]float64, groups)
	for g := range c.units {
		c.units[g] = 1
		if w == nil {
			continue
		}
		group := w[g*size : min((g+1)*size, len(w))]
		top := slices.Max(group)
		c.units[g] = float64(top)
		for _, w := range group {
			n := uint32(0)
			if top > 0 {
				n = uint32(math.RoundToEven(float64(w) / float64(top) * (1<<16 - 1)))
			}
			c.weights = append(c.weights, n)
		}
	}
}

// part returns w[begin:end], or nil of nil.
func part[T any](w []T, begin, end int) []T {
	if w == nil {
		return nil
	}
	return w[begin:end]
}
