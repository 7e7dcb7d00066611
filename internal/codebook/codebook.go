// Package codebook defines weights of two to four bits that multiply as int8, and chooses their parameters.
//
// The weight at place p of channel j, which lies in group g of that channel, has a code q. The tensor has a table L of
// 2^bits levels, a group a multiplier m, a channel a scale S:
//
//	w8 = (L[q]·256·m + 2^14) >> 15,   r = S·w8
//
// so w8 is L[q]·m/128 rounded to the nearest integer, ties upwards, and r is what the weight stands for. Without groups a
// channel has no multipliers, and w8 = L[q].
//
// L and m are int8, m in −127 … 127; S is float32, finite and at least 2^−126. CheckLevels has the rules of L. w8 is in
// −128 … 127, and where there are multipliers in −127 … 127.
//
// Search chooses L, m and S, and scales for integers of few bits that have no table.
package codebook

import "fmt"

// Kind is how a table of levels is made. The zero Kind is Learned.
type Kind uint8

// Learned tables are learned on the tensor, with a level 0; those of LearnedNoZero need not have one. Linear, NormalFloat
// and E2M1 are the fixed tables that Table returns.
const (
	Learned Kind = iota
	LearnedNoZero
	Linear
	NormalFloat
	E2M1
)

var kindNames = [...]string{"learned", "learned without zero", "linear", "NormalFloat", "E2M1"}

// String returns the name of k in words.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Layout says which elements of a tensor share parameters. The tensor is (Channels, Row) in row-major order. A row is cut
// into groups of Size, the last of which may be shorter; where Size is 0 it is one group without a multiplier.
type Layout struct{ Channels, Row, Size int }

// Groups returns the number of groups of a channel. Multipliers are Channels·Groups() where Size is not 0, else none.
func (l Layout) Groups() int {
	if l.Size == 0 {
		return 1
	}
	return (l.Row + l.Size - 1) / l.Size
}

// group returns the elements of a channel that lie in group g, as a range of the tensor.
func (l Layout) group(channel, g int) (begin, end int) {
	size := l.Size
	if size == 0 {
		size = l.Row
	}
	return channel*l.Row + g*size, channel*l.Row + min((g+1)*size, l.Row)
}

// Parameters are what codes are read with.
type Parameters struct {
	Levels      []int8    // by code
	Multipliers []int8    // [channel][group]; nil where a channel is one group
	Scales      []float32 // [channel]
}

// Weight returns w8 of a level in a group with multiplier m: (level·256·m + 2^14) >> 15.
func Weight(level, m int8) int8 { return int8((int32(level)*256*int32(m) + 1<<14) >> 15) }

// weights sets dst to w8 of each level in group g of a channel.
func (p *Parameters) weights(dst *[16]int8, l Layout, channel, g int) []int8 {
	w := dst[:copy(dst[:], p.Levels)]
	if p.Multipliers != nil {
		m := p.Multipliers[channel*l.Groups()+g]
		for q, level := range p.Levels {
			w[q] = Weight(level, m)
		}
	}
	return w
}

// signs returns how many signs the scale of a group can have: that of a channel, which has no multiplier, is positive.
func (l Layout) signs() int {
	if l.Size == 0 {
		return 1
	}
	return 2
}
