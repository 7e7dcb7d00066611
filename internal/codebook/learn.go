package codebook

import (
	"math"
	"sync"
)

// Learning alternates between the scales of groups under a table, and the levels that are best under these scales: the
// mean of what each level took, by w·s². It looks at a sample.
const (
	sampleSize  = 1 << 17 // elements
	mostRounds  = 8
	worthARound = 2e-4 // how much less noise a round must bring for another
)

// learn returns the levels for a sample in whole groups, beginning with some. Progress ends at a share of the work.
func (s *Search) learn(x, w []float32, l Layout, k Kind, levels []int8, share float64) ([]int8, error) {
	groups := l.Channels * l.Groups()
	each := l.Size
	if each == 0 {
		each = l.Row
	}
	r := &learner{Search: s, x: x, w: w, Layout: l, all: groups, count: min(groups, (sampleSize+each-1)/max(1, each))}
	best, noise := levels, math.Inf(1)
	for round := range mostRounds {
		if err := r.round(levels, share*float64(round)/mostRounds, share*float64(round+1)/mostRounds); err != nil {
			return nil, err
		}
		before := noise
		if r.noise < noise {
			best, noise = levels, r.noise
		}
		if !(r.noise < before*(1-worthARound)) {
			break
		}
		levels = r.next(levels, k)
	}
	return best, nil
}

// A learner goes over a sample of groups.
type learner struct {
	*Search
	Layout
	x, w       []float32
	all, count int // groups: of the tensor, of the sample

	took
}

// took is what levels took: by code Σw·s·x and Σw·s², and the noise.
type took struct {
	moment, weight [16]float64
	noise          float64
}

// learnTogether is how many groups of a sample are added up before what they took is, in order.
const learnTogether = 32

// round goes over the sample under a table, and adds up what its levels took. It has its share of the progress.
func (r *learner) round(table []int8, from, to float64) error {
	parts := make([]took, (r.count+learnTogether-1)/learnTogether)
	largest := largest(r.x, nil)
	choosers := sync.Pool{New: func() any { return newScaler(table) }}
	err := r.share(Layout{len(parts), learnTogether * max(1, r.Size), 0}, from, to, func(block int) {
		c := choosers.Get().(*scaler)
		defer choosers.Put(c)
		for i := block * learnTogether; i < min(r.count, (block+1)*learnTogether); i++ {
			g := int(int64(i) * int64(r.all) / int64(r.count))
			channel := g / r.Groups()
			begin, end := r.group(channel, g%r.Groups())
			parts[block].add(c, r.x[begin:end], part(r.w, begin-channel*r.Row, end-channel*r.Row), r.signs(), float64(largest))
		}
	})
	r.took = took{}
	for i := range parts {
		r.noise += parts[i].noise
		for q := range r.moment {
			r.moment[q] += parts[i].moment[q]
			r.weight[q] += parts[i].weight[q]
		}
	}
	return err
}

// add adds what levels take of a group.
func (t *took) add(c *scaler, x, w []float32, signs int, unit float64) {
	s := c.scale(x, w, signs) / unit
	if s == 0 {
		return
	}
	l := &c.both[0]
	unit = c.unit / unit
	for i, x := range c.x {
		v := float64(float64(x) * unit)
		n := l.passed(l.sign * float32(v/s))
		q, weight := l.codes[n], 1.0
		if w != nil {
			weight = float64(w[i])
		}
		d := v - float64(s*float64(c.table[q]))
		t.moment[q] += float64(weight * float64(s*v))
		t.weight[q] += float64(weight * float64(s*s))
		t.noise += float64(weight * float64(d*d))
	}
}

// next returns the levels that are best for what they took, in ascending order, of which the largest magnitude is 127 and,
// unless there need be none, the one nearest to 0 is 0.
func (t *took) next(levels []int8, k Kind) []int8 {
	var values [16]float64
	top, zero := 0.0, 0
	for q, level := range levels {
		values[q] = float64(level)
		if t.weight[q] > 0 {
			values[q] = t.moment[q] / t.weight[q]
		}
		top = max(top, math.Abs(values[q]))
		if math.Abs(values[q]) < math.Abs(values[zero]) {
			zero = q
		}
	}
	if k == Learned {
		values[zero] = 0
	}
	n := len(levels)
	next := make([]int8, n)
	for q := range next {
		next[q] = int8(math.RoundToEven(values[q] * 127 / top))
	}
	return ascend(next, zero)
}

// ascend moves levels apart that are not in strict order, away from the level zero.
func ascend(levels []int8, zero int) []int8 {
	for q := zero + 1; q < len(levels); q++ {
		levels[q] = int8(min(127, max(int(levels[q]), int(levels[q-1])+1)))
	}
	for q := len(levels) - 2; q > zero; q-- {
		levels[q] = min(levels[q], levels[q+1]-1)
	}
	for q := zero - 1; q >= 0; q-- {
		levels[q] = int8(max(-127, min(int(levels[q]), int(levels[q+1])-1)))
	}
	for q := 1; q < zero; q++ {
		levels[q] = max(levels[q], levels[q-1]+1)
	}
	return levels
}
