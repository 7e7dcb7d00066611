package kernel

import "math"

// MostThresholds is how many thresholds a side can have.
const MostThresholds = 16

// Thresholds are what magnitudes of positive and of negative elements pass as an inverse scale grows.
// Assembly knows where its fields are.
type Thresholds struct {
	values  [2][MostThresholds + 8]float32 // by side, ascending; then NaN
	vectors [2]int64                       // of 8
	counts  [2]int64
}

// NewThresholds returns thresholds above 0, which ascend, of positive and of negative elements.
func NewThresholds(positive, negative []float32) *Thresholds {
	t := new(Thresholds)
	for side, values := range [2][]float32{positive, negative} {
		n := copy(t.values[side][:MostThresholds], values)
		t.counts[side], t.vectors[side] = int64(n), int64(n+7)/8
		for i := n; i < len(t.values[side]); i++ {
			t.values[side][i] = float32(math.NaN())
		}
	}
	return t
}

// crossingsGeneric sets events to at<<32 | i<<4 | t for each inverse scale t_i = T[t]·(1/|x[i]|) in first …
// last, in the order of i and t, where at is its bits, as those of the ends, and T the thresholds of the side
// of x[i]: 1 where its sign is set, else
// 0. It returns how many there are, and sets passed[i] to the number of those before first. The quotient and the product
// are rounded to float32. Past the events there is room for 8, which it may change.
func crossingsGeneric(events []uint64, passed []int32, x []float32, t *Thresholds, first, last uint32) int {
	n := 0
	for i, x := range x {
		b := math.Float32bits(x)
		side := b >> 31
		inverse := 1 / math.Float32frombits(b&^(1<<31))
		before := int64(0)
		for j, threshold := range t.values[side][:t.counts[side]] { // no branches, which would be foretold wrongly
			at := int64(math.Float32bits(threshold * inverse))
			events[n] = uint64(at)<<32 | uint64(i)<<4 | uint64(j)
			early, late := uint64(at-int64(first))>>63, uint64(int64(last)-at)>>63
			before += int64(early)
			n += int(1 - (early | late))
		}
		passed[i] = int32(before)
	}
	return n
}
