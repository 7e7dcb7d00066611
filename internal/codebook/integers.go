package codebook

import (
	"math"

	"euryale/internal/kernel"
)

// A top is what elements add whose codes have the magnitude half: those of one side alone can.
type top struct{ correlation, energy float32 }

// add adds what the code half has over half − 1.
func (t *top) add(x *element, half int) {
	t.correlation += x.moment
	t.energy += float32(x.weight * float32(2*half-1))
}

// integerThresholds are those below the magnitudes 1 … half, by half.
var integerThresholds = func() (all [16]*kernel.Thresholds) {
	var values []float32
	for half := range all {
		all[half] = kernel.NewThresholds(values, values)
		values = append(values, float32(half)+0.5)
	}
	return all
}()

// integers returns the scale with the least noise for codes −half … half − 1, with half up to 15. It is negative where
// positive elements have the code −half. Scales of both signs have the same events, but for those of the magnitude half.
func (k *walk) integers(half int) float64 {
	fits := (float32(half) - 0.6) / max(k.largest[0], k.largest[1])
	noise := k.somewhatMore(k.atIntegers(fits))
	last := k.last([2]float32{float32(half), float32(half)}, noise)
	first := k.first(0.5, noise)

	from, until := math.Float32bits(first), math.Float32bits(last)
	k.cross(integerThresholds[half], from, until)
	var c, e sum
	var tops [2]top // by side
	for i := range k.elements {
		x := &k.elements[i]
		j := int(k.passed[i])
		if j == half {
			tops[x.side&1].add(x, half)
		}
		q := float32(min(half-1, j))
		c[i%16] += float32(x.moment * q)
		e[i%16] += float32(x.weight * float32(q*q))
	}
	k.sort(from, until)
	best := [2]candidate{noCandidate, noCandidate}
	correlation, energy := c.total(), e.total()
	for side := range best {
		best[side].try(correlation+tops[side].correlation, energy+tops[side].energy)
	}
	for _, event := range k.sorted {
		x, j := k.eventOf(event)
		if j == half-1 {
			t := &tops[x.side&1]
			t.add(x, half)
			best[x.side&1].try(correlation+t.correlation, energy+t.energy)
			continue
		}
		correlation += x.moment
		energy += float32(x.weight * float32(2*j+1))
		best[0].try(correlation+tops[0].correlation, energy+tops[0].energy)
		best[1].try(correlation+tops[1].correlation, energy+tops[1].energy)
	}
	positive, negative := best[1].found(k.square), best[0].found(k.square)
	if negative.noise < positive.noise {
		return -negative.scale
	}
	return positive.scale
}

// atIntegers is at for integers of any magnitude.
func (k *walk) atIntegers(r float32) (correlation, energy float32) {
	var c, e sum
	for i := range k.elements {
		x := &k.elements[i]
		q := float32(int(float32(x.magnitude*r) + 0.5))
		c[i%16] += float32(x.moment * q)
		e[i%16] += float32(x.weight * float32(q*q))
	}
	return c.total(), e.total()
}
