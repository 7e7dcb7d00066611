package codebook

import (
	"math"

	"euryale/internal/kernel"
)

// A top is what elements add whose codes have the magnitude half: those of one side alone can.
type top struct{ correlation, energy float32 }

// add adds what the code half has over half − 1.
func (t *top) add(x *kernel.Element, half int) {
	t.correlation += x.Moment
	t.energy += float32(x.Weight * float32(2*half-1))
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

// integerGains are by half. Elements of either side pass the last threshold for the scale of one sign.
var integerGains = func() (all [16]*kernel.Gains) {
	for half := range all {
		all[half] = new(kernel.Gains)
		for side := range all[half] {
			for j := range half {
				g, energy := &all[half][side][j], float32(2*j+1)
				if j < half-1 {
					g.Common = kernel.SameCodes(1, energy)
				} else {
					g.Apart.Correlation[side], g.Apart.Energy[side] = 1, energy
				}
			}
		}
	}
	return all
}()

// integers returns the scale with the least noise for codes −half … half − 1, with half up to 15. It is
// negative where positive elements have the code −half. Scales of both signs have the same events, but for
// those of the magnitude half.
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
			tops[x.Side&1].add(x, half)
		}
		q := float32(min(half-1, j))
		c[i%16] += float32(x.Moment * q)
		e[i%16] += float32(x.Weight * float32(q*q))
	}
	k.sort(from, until)
	best := k.best(kernel.SameCodes(c.total(), e.total()), tops, integerGains[half])
	positive, negative := best[1], best[0]
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
		q := float32(int(float32(x.Magnitude*r) + 0.5))
		c[i%16] += float32(x.Moment * q)
		e[i%16] += float32(x.Weight * float32(q*q))
	}
	return c.total(), e.total()
}
