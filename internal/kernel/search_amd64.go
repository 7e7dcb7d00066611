//go:build !purego

package kernel

import "unsafe"

// noiseInAVX2 takes the last quotients, of which there are less than a block, with weights of 0 behind them.
func noiseInAVX2(noise *[LevelsAtOnce]int64, x []float32, ratio float32, w []uint32, levels *[LevelsAtOnce]*Levels) {
	const block = 32
	if !signed(levels) {
		noiseGeneric(noise, x, ratio, w, levels)
		return
	}
	*noise = [LevelsAtOnce]int64{}
	at := (*uint8)(unsafe.Pointer(levels))
	whole := len(x) / block
	done := whole * block
	switch {
	case whole > 0 && w == nil:
		noiseAVX2(&noise[0], &x[0], whole, ratio, at)
	case whole > 0:
		weightedNoiseAVX2(&noise[0], &x[0], whole, ratio, at, &w[:len(x)][0])
	}
	if done == len(x) {
		return
	}
	var quotients [block]float32
	var weights [block]uint32
	for i := range copy(quotients[:], x[done:]) {
		if weights[i] = 1; w != nil {
			weights[i] = w[done+i]
		}
	}
	weightedNoiseAVX2(&noise[0], &quotients[0], 1, ratio, at, &weights[0])
}

func crossingsInAVX2(events []uint64, passed []int32, x []float32, t *Thresholds, first, last uint32) int {
	if len(x) == 0 {
		return 0
	}
	_, _ = passed[:len(x)], events[:len(x)*int(max(t.counts[0], t.counts[1]))+8]
	end := crossingsAVX2(&events[0], &passed[0], &x[0], len(x), (*uint8)(unsafe.Pointer(t)), first, last)
	return int(uintptr(unsafe.Pointer(end))-uintptr(unsafe.Pointer(&events[0]))) / 8
}

func walkInAVX2(w *Walk, events []uint64, elements []Element, gains *Gains) {
	if len(events) > 0 {
		walkAVX2((*uint8)(unsafe.Pointer(w)), &events[0], len(events), (*uint8)(unsafe.Pointer(&elements[0])), (*uint8)(unsafe.Pointer(gains)))
	}
}

func noiseInAVX512(noise *[LevelsAtOnce]int64, x []float32, ratio float32, w []uint32, levels *[LevelsAtOnce]*Levels) {
	if !signed(levels) {
		noiseGeneric(noise, x, ratio, w, levels)
		return
	}
	*noise = [LevelsAtOnce]int64{}
	at := (*uint8)(unsafe.Pointer(levels))
	switch {
	case len(x) > 0 && w == nil:
		noiseAVX512(&noise[0], &x[0], len(x), ratio, at)
	case len(x) > 0:
		weightedNoiseAVX512(&noise[0], &x[0], len(x), ratio, at, &w[:len(x)][0])
	}
}

// signed reports whether all levels are.
func signed(levels *[LevelsAtOnce]*Levels) bool {
	for _, l := range levels {
		if !l.signed {
			return false
		}
	}
	return true
}
