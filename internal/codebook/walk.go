package codebook

import (
	"math"
	"math/bits"
	"slices"

	"euryale/internal/kernel"
)

// The codes of a group change with its scale only where an element passes a threshold between two levels. The
// scale with the least noise is therefore found by walking over these events in the order of inverse scales.
// Between two of them, with q the levels of the codes there, least squares has s = Σw·x·q/Σw·q², which leaves
// Σw·x² − (Σw·x·q)²/Σw·q². Since codes that are nearest at the best scale are those of its own stretch, no
// scale has less.

// longestWalk is the largest group whose events are walked over.
const longestWalk = 128

// A walk has the elements of a group by magnitude, and the memory of events. It belongs to one goroutine.
type walk struct {
	values   []float32 // of elements, with their signs
	elements []kernel.Element
	square   float32            // Σw·x²
	largest  [2]float32         // of positive and of negative elements
	weights  [2]float32         // of these
	small    [bands + 1]float32 // Σw·x² of elements by magnitude, from n/bands of the largest of all on

	*kernel.Searching
	passed         [longestWalk]int32
	events, sorted []uint64
	counts         [mostRuns + 1]uint32
}

// bands is how many bands of magnitude elements are told apart by.
const bands = 32

// begin takes a group.
func (k *walk) begin(g *group) {
	if k.elements == nil {
		k.elements = make([]kernel.Element, longestWalk)
		k.events, k.sorted = make([]uint64, 16*longestWalk+8), make([]uint64, 16*longestWalk)
		k.Searching = &kernel.Current().Searching
	}
	k.values, k.elements = g.x, k.elements[:len(g.x)]
	var most [2]uint32 // bits of floats in the order of ints
	var square sum
	for i, x := range g.x {
		w := float32(1)
		if g.w != nil {
			w = g.w[i]
		}
		side := math.Float32bits(x) >> 31
		magnitude := math.Float32bits(x) &^ (1 << 31)
		x = math.Float32frombits(magnitude)
		k.elements[i] = kernel.Element{Magnitude: x, Weight: w, Moment: w * x, Side: side}
		square[i%16] += float32(float32(w*x) * x)
		most[0] = max(most[0], magnitude&(side-1))
		most[1] = max(most[1], magnitude&-side)
	}
	k.square = square.total()
	k.largest = [2]float32{math.Float32frombits(most[0]), math.Float32frombits(most[1])}
	if k.weights = [2]float32{1, 1}; g.w != nil {
		k.weights = [2]float32{}
		for _, x := range k.elements {
			if x.Magnitude == k.largest[x.Side] {
				k.weights[x.Side] = max(k.weights[x.Side], x.Weight)
			}
		}
	}
	k.small = [bands + 1]float32{}
	for band, i := bands/max(k.largest[0], k.largest[1]), 0; i < len(k.elements); i++ {
		x := &k.elements[i]
		k.small[min(bands, uint32(x.Magnitude*band))] += float32(x.Moment * x.Magnitude)
	}
}

// last returns the inverse scale from which on an element is cut off by more than some noise. tops are the
// largest magnitudes of levels, by side.
func (k *walk) last(tops [2]float32, noise float32) float32 {
	last := float32(math.Inf(1))
	for side, top := range tops {
		if top > 0 && k.largest[side] > 0 {
			if rest := k.largest[side] - float32(math.Sqrt(float64(noise/k.weights[side]))); rest > 0 {
				last = min(last, top/rest)
			}
		}
	}
	return last
}

// first returns an inverse scale up to which elements that are 0, those below threshold, are more than some
// noise.
func (k *walk) first(threshold, noise float32) float32 {
	below := float32(0)
	for n, square := range k.small {
		if below += square; below > noise {
			return 0.999 * threshold / (max(k.largest[0], k.largest[1]) * float32(n+1) / bands)
		}
	}
	return 0
}

// somewhatMore returns what codes leave under their best scale, and more than rounding errors are.
func (k *walk) somewhatMore(correlation, energy float32) float32 {
	if energy == 0 || correlation <= 0 {
		return 1.001 * k.square
	}
	return 1.001 * (k.square - float32(correlation*correlation/energy) + float32(k.square*1e-6))
}

// An event is an inverse scale, the element, and the threshold that it passes: so many are below it. Bits of
// floats that are not negative are in their order.
//
// cross takes the events from first to last, all as bits, and how many thresholds each element has passed
// before.
func (k *walk) cross(t *kernel.Thresholds, first, last uint32) {
	events := k.events[:cap(k.events)]
	k.events = events[:k.Crossings(events, k.passed[:], k.values, t, first, last)]
}

// Events are sorted into runs, some for each of them, before the runs are.
const mostRuns = 2048

// sort sets sorted to events in ascending order, which are not before first nor past last.
func (k *walk) sort(first, last uint32) {
	n := len(k.events)
	k.sorted = k.sorted[:n]
	if n == 0 {
		return
	}
	low, high := uint64(first)<<32, uint64(last)<<32|(1<<32-1)
	if high-low > 1<<58 { // far apart: they may all lie in a few runs
		low, high = slices.Min(k.events), slices.Max(k.events)
	}
	runs := min(bits.Len(uint(n)), 10) + 1 // bits of their number
	shift := max(0, bits.Len64(high-low)-runs) & 63
	counts := k.counts[:1<<runs+1]
	clear(counts)
	for _, e := range k.events {
		counts[(e-low)>>shift+1]++
	}
	at := uint32(0)
	for i, n := range counts {
		at += n
		counts[i] = at
	}
	for _, e := range k.events {
		at := &counts[(e-low)>>shift]
		k.sorted[*at] = e
		*at++
	}
	highest := k.sorted[0]
	for i, e := range k.sorted {
		if e >= highest {
			highest = e
			continue
		}
		for ; i > 0 && k.sorted[i-1] > e; i-- {
			k.sorted[i] = k.sorted[i-1]
		}
		k.sorted[i] = e
	}
}

// best goes over the events from some codes on. It returns the scale under which each of two candidates takes
// the most of Σw·x² away, and the noise that is left: scale 0, where nothing is taken away.
func (k *walk) best(common kernel.Codes, apart [2]top, gains *kernel.Gains) [2]found {
	w := kernel.Walk{Common: common, Best: kernel.SameCodes(0, 1)}
	for i, a := range apart {
		w.Apart.Correlation[i], w.Apart.Energy[i] = a.correlation, a.energy
	}
	w.Try()
	k.Walk(&w, k.sorted, k.elements, gains)
	var all [2]found
	for i := range all {
		correlation, energy := w.Best.Correlation[i], w.Best.Energy[i]
		all[i] = found{float64(correlation) / float64(energy), k.square - w.Square[i]/energy}
	}
	return all
}
