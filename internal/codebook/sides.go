package codebook

import (
	"math"
	"slices"

	"euryale/internal/kernel"
)

// A side is the levels that elements of one sign have as the inverse scale grows from 0, by magnitude:
// values[n] with n thresholds passed. Negative elements and their levels are taken times −1.
type side struct {
	thresholds []float32 // ascending, above 0
	values     []float32 // one more
}

// sides are those of positive and of negative elements.
type sides struct {
	of         [2]side
	thresholds *kernel.Thresholds
	gains      kernel.Gains
}

func newSides(positive, negative side) sides {
	s := sides{of: [2]side{positive, negative}, thresholds: kernel.NewThresholds(positive.thresholds, negative.thresholds)}
	for i, side := range s.of {
		for j, last := range side.values[:len(side.thresholds)] {
			value := side.values[j+1]
			s.gains[i][j].Common = kernel.SameCodes(value-last, float32(value*value)-float32(last*last))
		}
	}
	return s
}

// sidesOf returns the sides for a table in ascending order.
func sidesOf(table []float32) sides {
	negative := make([]float32, len(table))
	for q, level := range table {
		negative[len(table)-1-q] = -level
	}
	return newSides(newSide(table), newSide(negative))
}

func newSide(table []float32) side {
	s := side{values: table[:1:1]}
	for q, value := range table[1:] {
		last := table[q]
		switch threshold := (last + value) / 2; {
		case threshold <= 0:
			s.values = []float32{value}
		case value != last:
			s.thresholds = append(s.thresholds, threshold)
			s.values = append(s.values, value)
		}
	}
	s.values = slices.Clip(s.values)
	return s
}

// passed returns how many thresholds are below x, which is not negative.
func (s *side) passed(x float32) int {
	n, bits := 0, int64(math.Float32bits(x))
	for _, threshold := range s.thresholds {
		n += int(uint64(int64(math.Float32bits(threshold))-bits) >> 63)
	}
	return n
}

// tops returns the largest magnitudes of levels.
func (s *sides) tops() [2]float32 {
	a, b := s.of[0].values, s.of[1].values
	return [2]float32{a[len(a)-1], b[len(b)-1]}
}

// at returns Σw·x·q and Σw·q² for the codes at an inverse scale.
func (k *walk) at(sides *sides, r float32) (correlation, energy float32) {
	var c, e sum
	for i := range k.elements {
		x := &k.elements[i]
		s := &sides.of[x.Side&1]
		q := s.values[s.passed(x.Magnitude*r)]
		c[i%16] += float32(x.Moment * q)
		e[i%16] += float32(x.Weight * float32(q*q))
	}
	return c.total(), e.total()
}

// bounds returns inverse scales between which is the one with the least noise.
func (k *walk) bounds(sides *sides) (first, last float32) {
	tops := sides.tops()
	fits := float32(math.Inf(1)) // the largest inverse scale that cuts nothing off
	for n, top := range tops {
		if top > 0 && k.largest[n] > 0 {
			fits = min(fits, top/k.largest[n])
		}
	}
	if math.IsInf(float64(fits), 1) {
		return 0, fits
	}
	noise := k.somewhatMore(k.at(sides, fits))
	last = k.last(tops, noise)
	if a, b := &sides.of[0], &sides.of[1]; a.values[0] == 0 && b.values[0] == 0 && len(a.thresholds) > 0 && len(b.thresholds) > 0 {
		first = k.first(min(a.thresholds[0], b.thresholds[0]), noise)
	}
	return first, last
}

// levels returns the scale above 0 with the least noise for elements whose signs choose sides, and 0 where
// none is less than the elements themselves.
func (k *walk) levels(sides *sides) found {
	first, last := k.bounds(sides)
	from, until := math.Float32bits(first), math.Float32bits(last)
	k.cross(sides.thresholds, from, until)
	var c, e sum
	for i := range k.elements {
		x := &k.elements[i]
		q := sides.of[x.Side&1].values[k.passed[i]]
		c[i%16] += float32(x.Moment * q)
		e[i%16] += float32(x.Weight * float32(q*q))
	}
	k.sort(from, until)
	return k.best(kernel.SameCodes(c.total(), e.total()), [2]top{}, &sides.gains)[0]
}
