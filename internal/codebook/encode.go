package codebook

import (
	"math"
	"slices"
	"time"

	"euryale/internal/gemm"
)

// Encode sets dst to the codes of x, which is finite and of layout l, under p: to the code whose w8 is nearest to x/S, a
// float32 division. Of codes that are as near the lowest is taken, of those in a group whose multiplier is 0 that of level
// 0, or code 0 where no level is 0. Values past the ends of a group's w8 have the code of the end.
func Encode(dst []uint8, x []float32, l Layout, p *Parameters) {
	zero := uint8(max(0, slices.Index(p.Levels, 0)))
	shareChannels(l, encodeTime, func(channel int) {
		var e encoder
		for g := range l.Groups() {
			begin, end := l.group(channel, g)
			if p.Multipliers != nil && p.Multipliers[channel*l.Groups()+g] == 0 {
				for i := range dst[begin:end] {
					dst[begin+i] = zero
				}
				continue
			}
			var memory [16]int8
			e.set(p.weights(&memory, l, channel, g))
			e.encode(dst[begin:end], x[begin:end], p.Scales[channel])
		}
	})
}

// Decode sets dst to w8 of codes, which are of layout l and below len(p.Levels).
func Decode(dst []int8, codes []uint8, l Layout, p *Parameters) {
	shareChannels(l, decodeTime, func(channel int) {
		var memory [16]int8
		for g := range l.Groups() {
			begin, end := l.group(channel, g)
			p.weights(&memory, l, channel, g)
			for i, q := range codes[begin:end] {
				dst[begin+i] = memory[q&15]
			}
		}
	})
}

// What an element takes about.
const (
	encodeTime = 5 * time.Nanosecond
	decodeTime = time.Nanosecond
)

// shareChannels calls do for every channel, on all threads. d is about what an element takes.
func shareChannels(l Layout, d time.Duration, do func(channel int)) {
	parts := min(l.Channels, 1024)
	gemm.Share(parts, time.Duration(l.Channels*l.Row)*d, func(part int) {
		for channel := part * l.Channels / parts; channel < (part+1)*l.Channels/parts; channel++ {
			do(channel)
		}
	})
}

// An encoder finds the level that is nearest. Levels that descend are taken with the opposite sign, so that the lower of
// two codes is always that of the smaller level.
type encoder struct {
	sign       float32
	thresholds [15]int32 // orders of floats, ascending, then of infinity
	codes      [16]uint8 // by the number of thresholds that are passed
}

// set has the encoder find levels, which ascend or descend, if not strictly.
func (e *encoder) set(levels []int8) {
	e.sign = 1
	if levels[0] > levels[len(levels)-1] {
		e.sign = -1
	}
	n, last := 0, levels[0]
	e.codes[0] = 0
	for q, level := range levels {
		if level != last { // a level that is equal to the one before is never taken
			e.thresholds[n] = order(float32(e.sign*(float32(last)+float32(level))/2) + 0)
			n++
			e.codes[n], last = uint8(q), level
		}
	}
	for i := n; i < len(e.thresholds); i++ {
		e.thresholds[i] = order(float32(math.Inf(1)))
	}
}

// encode sets dst to the codes of the levels that are nearest to x/scale.
func (e *encoder) encode(dst []uint8, x []float32, scale float32) {
	for i, x := range x {
		dst[i] = e.codes[e.passed(e.sign*(x/scale))]
	}
}

// order maps floats to integers in the same order, but for −0, which is less than 0.
func order(x float32) int32 {
	b := int32(math.Float32bits(x))
	return b ^ int32(uint32(b>>31)>>1)
}

// passed returns how many thresholds are below x. It has no branches, which would be foretold wrongly.
func (e *encoder) passed(x float32) int {
	at := int64(order(x))
	n := (int64(e.thresholds[7]) - at) >> 63 & 8
	n += (int64(e.thresholds[n+3]) - at) >> 63 & 4
	n += (int64(e.thresholds[n+1]) - at) >> 63 & 2
	n += (int64(e.thresholds[n]) - at) >> 63 & 1
	return int(n)
}
