package kernel

import (
	"math"
	"slices"
)

// Quotients x/S lie in −256 … 256, past which no level is, and are taken as integers of FixedOne, plus
// fixedMiddle. So the noise of levels is an integer, which no order of sums changes.
const (
	FixedOne    = 128
	fixedMiddle = 256 * FixedOne
	fixedLast   = 2*fixedMiddle - 1
)

// Levels are up to 16 weights of 8 bits that quotients are rounded to, to the larger one of two that are as
// near. Halfway between two levels are multiples of a half: a half of a quotient has one nearest level.
type Levels struct {
	// Thresholds are ceil(t) − 1 of the t between levels, by level, and 127 past the last. Above one of them
	// is floor(x) where x ≥ t, but floor(x + ½) where t is no integer, which odd has −1 for. Assembly knows
	// where these fields are.
	thresholds, odd [24]int8
	weights         [16]int8
	wideThresholds  [20]int16    // the least x that counts, as quotients are taken, less fixedMiddle + 1
	wideWeights     [16]int16    // times FixedOne
	signed          bool         // some are ≤ 0 and some ≥ 0: what lies in −256 … 256 is within 256 of its nearest
	nearest         [1024]uint16 // as quotients are taken, by the half that they lie in
}

// NewLevels returns levels of weights, in any order.
func NewLevels(weights []int8) *Levels {
	l := new(Levels)
	n := copy(l.weights[:], weights)
	slices.Sort(l.weights[:n])
	l.signed = l.weights[0] <= 0 && l.weights[n-1] >= 0
	for q := range l.thresholds {
		l.thresholds[q] = math.MaxInt8
	}
	for q := range l.wideThresholds {
		l.wideThresholds[q] = math.MaxInt16
	}
	for q, w := range l.weights {
		l.wideWeights[q] = FixedOne * int16(w)
	}
	sums := make([]int, n-1)
	for q := range sums {
		sums[q] = int(l.weights[q]) + int(l.weights[q+1])
		l.thresholds[q], l.odd[q] = int8((sums[q]+1)>>1-1), int8(-(sums[q] & 1))
		l.wideThresholds[q] = int16(FixedOne*sums[q]/2 - 1)
	}
	q := 0
	for k := range l.nearest {
		for q < n-1 && sums[q] <= k-len(l.nearest)/2 {
			q++
		}
		l.nearest[k] = uint16(fixedMiddle + FixedOne*int(l.weights[q]))
	}
	return l
}

// LevelsAtOnce is how many Levels are tried at once.
const LevelsAtOnce = 5

// noiseGeneric sets noise[j] = Σ w[i]·(v[i] − nearest[j][i])², v[i] = min(⌊x[i]·ratio + fixedMiddle + ½⌋,
// fixedLast), for x in −256 … 256 and ratio up to FixedOne, both the product and the sum rounded to float32,
// for each of levels. Weights have 16 bits; nil are ones.
func noiseGeneric(noise *[LevelsAtOnce]int64, x []float32, ratio float32, w []uint32, levels *[LevelsAtOnce]*Levels) {
	*noise = [LevelsAtOnce]int64{}
	if w != nil {
		for i, x := range x {
			v := fixed(x, ratio)
			for j, l := range levels {
				d := l.distance(v)
				noise[j] += int64(w[i]) * d * d
			}
		}
		return
	}
	l0, l1, l2, l3, l4 := levels[0], levels[1], levels[2], levels[3], levels[4]
	for _, x := range x {
		v := fixed(x, ratio)
		d0, d1, d2, d3, d4 := l0.distance(v), l1.distance(v), l2.distance(v), l3.distance(v), l4.distance(v)
		noise[0] += d0 * d0
		noise[1] += d1 * d1
		noise[2] += d2 * d2
		noise[3] += d3 * d3
		noise[4] += d4 * d4
	}
}

// fixed returns a quotient as it is taken.
func fixed(x, ratio float32) int64 { return min(fixedLast, int64(float32(x*ratio)+(fixedMiddle+0.5))) }

// distance returns how far v is above the nearest level.
func (l *Levels) distance(v int64) int64 { return v - int64(l.nearest[uint64(v)/(FixedOne/2)%1024]) }
