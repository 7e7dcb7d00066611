package exprgraph_test

import (
	"math"
	"slices"
)

// keep adds an operation that gives elements of its first operand.
func (d *drawer) keep(op string, in []int, shape []int, ints ...int) int {
	low, high := math.Inf(1), math.Inf(-1)
	for _, i := range in {
		low, high = min(low, d.value(i).low), max(high, d.value(i).high)
	}
	return d.add(randomValue{op: op, in: in, shape: shape, ints: ints}, low, high)
}

// drawReshape adds a Reshape to factors of the number of elements, in any order, the batch at any place.
func (d *drawer) drawReshape() {
	i, ok := d.pick(func(v *randomValue) bool { return len(v.shape) > 0 && len(batchAxes(v.shape)) < 2 })
	if !ok {
		return
	}
	x := d.shape(i)
	n := total(x)
	batch := n < 0
	if batch {
		n = -n
	}
	shape := slices.Repeat([]int{1}, 1+d.IntN(4))
	for p := 2; n > 1; {
		if n%p != 0 {
			p++
			continue
		}
		n /= p
		shape[d.IntN(len(shape))] *= p
	}
	if d.chance(50) && len(x) > 1 { // two axes become one, or a part
		shape = slices.Clone(x)
		for axis := range shape {
			shape[axis] = max(shape[axis], -shape[axis])
		}
		at := d.IntN(len(x) - 1)
		shape[at] *= shape[at+1]
		shape = slices.Delete(shape, at+1, at+2)
	}
	if batch {
		at := 0
		if d.chance(15) {
			at = d.IntN(len(shape))
		}
		shape[at] = -shape[at]
	}
	if !slices.Equal(shape, x) {
		d.keep("reshape", []int{i}, shape)
	}
}

func (d *drawer) drawTranspose() {
	i, ok := d.pick(ofRank(2, 3, 4))
	if !ok {
		return
	}
	x := d.shape(i)
	perm := d.Perm(len(x))
	shape := make([]int, len(x))
	for k, axis := range perm {
		shape[k] = x[axis]
	}
	if !slices.IsSorted(perm) {
		d.keep("transpose", []int{i}, shape, perm...)
	}
}

func (d *drawer) drawSlice() {
	i, ok := d.pick(func(v *randomValue) bool { return len(v.shape) > 1 })
	if !ok {
		return
	}
	shape := slices.Clone(d.shape(i))
	axis := d.IntN(len(shape))
	n := shape[axis]
	switch {
	case n < 2:
		return
	case d.chance(30):
		at := d.IntN(n)
		d.keep("slice", []int{i}, slices.Delete(shape, axis, axis+1), axis, at, at+1, 1)
		return
	}
	start := d.IntN(n - 1)
	end := start + 2 + d.IntN(n-start-1)
	step := 1
	if (end-start)%2 == 0 && end-start > 2 && d.chance(40) {
		step = 2
	}
	shape[axis] = (end - start) / step
	d.keep("slice", []int{i}, shape, axis, start, end, step)
}

// drawPartOfBatch adds a slice of an axis that is some times the batch, as long as some times the batch.
func (d *drawer) drawPartOfBatch() {
	i, ok := d.pick(func(v *randomValue) bool { return slices.ContainsFunc(v.shape, func(n int) bool { return n < -1 }) })
	if !ok {
		return
	}
	shape := slices.Clone(d.shape(i))
	axis := batchAxes(shape)[0]
	if shape[axis] > -2 {
		return
	}
	start := d.IntN(-shape[axis] - 1)
	end := start + 2 + d.IntN(-shape[axis]-start-1) // Gorgonia drops an axis of size 1
	shape[axis] = start - end
	d.keep("part of the batch", []int{i}, shape, axis, start, end)
}

func (d *drawer) drawConcat() {
	i, ok := d.pick(ofRank(1, 2, 3, 4))
	if !ok {
		return
	}
	x := d.shape(i)
	axis := d.IntN(len(x))
	if x[axis] < 0 && d.chance(70) {
		return
	}
	in := []int{i}
	shape := slices.Clone(x)
	for range 1 + d.IntN(2) {
		j, ok := d.pick(func(v *randomValue) bool {
			return len(v.shape) == len(x) && v.shape[axis] < 0 == (x[axis] < 0) &&
				slices.Equal(slices.Delete(slices.Clone(v.shape), axis, axis+1), slices.Delete(slices.Clone(x), axis, axis+1))
		})
		if !ok || d.chance(30) {
			w := slices.Clone(x)
			if w[axis] > 0 {
				w[axis] = d.size()
			}
			j = d.weight(w...)
		}
		in = append(in, j)
		shape[axis] += d.shape(j)[axis]
	}
	d.Shuffle(len(in), func(a, b int) { in[a], in[b] = in[b], in[a] })
	d.keep("concat", in, shape, axis)
}

func (d *drawer) drawReduction() {
	i, ok := d.pick(func(v *randomValue) bool { return len(v.shape) > 0 })
	if !ok {
		return
	}
	x := d.shape(i)
	var axes, shape []int
	n := 1.0
	for axis, size := range x {
		if size > 0 && d.chance(45) || size < 0 && d.chance(4) {
			if at := axis - len(axes); at > 1 && axis < len(x)-1 {
				return // Gorgonia takes wrong elements
			}
			axes, n = append(axes, axis), n*math.Abs(float64(size))
		} else {
			shape = append(shape, size)
		}
	}
	if shape == nil {
		shape = []int{}
	}
	v := d.value(i)
	switch low, high := v.low, v.high; {
	case len(axes) == 0:
	case d.chance(40):
		d.tame(d.add(randomValue{op: "sum", in: []int{i}, shape: shape, ints: axes}, min(n*low, low), max(n*high, high)), 4)
	default:
		d.keep([]string{"mean", "largest"}[d.IntN(2)], []int{i}, shape, axes...)
	}
}

func (d *drawer) drawSoftmax() {
	i, ok := d.pick(ofRank(1, 2, 3, 4))
	if !ok {
		return
	}
	x := d.shape(i)
	axis := d.IntN(len(x))
	if x[axis] < 0 && d.chance(95) || !d.once(i, "softmax") {
		return
	}
	tamed := d.tame(i, 8)
	if tamed != i && !d.once(tamed, "softmax") {
		return
	}
	i = tamed
	if d.chance(70) {
		d.add(randomValue{op: "softmax", in: []int{i}, shape: x, ints: []int{axis}}, 0, 1)
	} else {
		d.tame(d.add(randomValue{op: "log softmax", in: []int{i}, shape: x, ints: []int{axis}}, -20, 0), 4)
	}
}

// drawRows adds an embedding: rows of a constant by indices that are an input.
func (d *drawer) drawRows() {
	if d.net.single {
		return
	}
	rows, width, length := d.size(), d.size(), 1+d.IntN(3)
	table := d.weight(rows, width)
	indices := d.add(randomValue{op: "indices", shape: []int{-1, length}, ints: []int{rows}, seed: d.Uint64(), free: true, index: true}, 0, 0)
	list := d.add(randomValue{op: "reshape", in: []int{indices}, shape: []int{-length}, index: true}, 0, 0)
	y := d.add(randomValue{op: "rows", in: []int{table, list}, shape: []int{-length, width}}, d.value(table).low, d.value(table).high)
	d.keep("reshape", []int{y}, []int{-1, length * width})
}

// drawLayerNorm adds (x − mean)/√(variance + ε) along an axis.
func (d *drawer) drawLayerNorm() {
	i, ok := d.pick(ofRank(2, 3))
	if !ok {
		return
	}
	x := slices.Clone(d.shape(i))
	axis := len(x) - 1
	if x[axis] < 2 {
		return
	}
	one := slices.Clone(x)
	one[axis] = 1
	mean := func(i int) int {
		return d.keep("reshape", []int{d.keep("mean", []int{i}, slices.Clone(x[:axis]), axis)}, one)
	}
	v := d.value(i)
	most := v.high - v.low
	off := d.add(randomValue{op: "sub", in: []int{i, mean(i)}, shape: x, ints: []int{0, 1 << axis}}, -most, most)
	square := d.add(randomValue{op: "square", in: []int{off}, shape: x}, 0, most*most)
	sum := d.add(randomValue{op: "add", in: []int{mean(square), d.scalar(0.25)}, shape: one}, 0.25, most*most+0.25)
	root := d.add(randomValue{op: "sqrt", in: []int{sum}, shape: one}, 0.5, most+0.5)
	d.tame(d.add(randomValue{op: "div", in: []int{off, root}, shape: x, ints: []int{0, 1 << axis}}, -2*most, 2*most), 4)
}
