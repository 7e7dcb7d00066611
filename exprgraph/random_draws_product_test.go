package exprgraph_test

import (
	"math"
	"slices"
)

func (d *drawer) drawProduct() {
	i, ok := d.pick(ofRank(1, 2, 2, 3, 4))
	if !ok {
		return
	}
	i = d.tame(i, 3)
	x := d.shape(i)
	inner := 1.0
	add := func(op string, in []int, shape []int, ints ...int) {
		most := 12 * inner
		d.tame(d.add(randomValue{op: op, in: in, shape: shape, ints: ints}, -most, most), 4)
	}
	switch len(x) {
	case 1:
		inner = math.Abs(float64(x[0]))
		other, ok := d.pick(func(v *randomValue) bool {
			return len(v.shape) == 2 && v.shape[0] == x[0] && len(batchAxes(v.shape)) < 2 && v.high <= 3 && v.low >= -3
		})
		switch n := d.size(); {
		case d.chance(12):
			if len(batchAxes(x)) == 0 || d.chance(20) {
				add("product", []int{i, d.weight(x[0])}, []int{})
			}
		case d.chance(20):
			add("outer", []int{i, d.weight(n)}, []int{x[0], n})
		case ok && (x[0] > 0 || d.chance(5)):
			add("product", []int{i, other}, []int{d.shape(other)[1]})
		case x[0] < 0:
		case d.chance(50):
			add("product", []int{i, d.weight(x[0], n)}, []int{n})
		default:
			add("product", []int{d.weight(n, x[0]), i}, []int{n})
		}
	case 2:
		n := d.size()
		side := d.IntN(2)
		inner = math.Abs(float64(x[1-side]))
		if x[1-side] < 0 && d.chance(90) {
			side = 1 - side
		}
		if x[1-side] < 0 && d.chance(70) {
			return
		}
		matches := func(v *randomValue) bool {
			return len(v.shape) == 2 && v.shape[side] == x[1-side] && v.high <= 3 && v.low >= -3 &&
				(len(batchAxes(v.shape)) == 0 || len(batchAxes(x)) == 0 || d.chance(3))
		}
		other, ok := d.pick(matches)
		switch {
		case ok && side == 0 && d.chance(30):
			add("product", []int{i, other}, []int{x[0], d.shape(other)[1]})
		case ok && side == 1 && d.chance(30):
			add("product", []int{other, i}, []int{d.shape(other)[0], x[1]})
		case x[1-side] < 0:
		case side == 0 && d.chance(80):
			add("product", []int{i, d.weight(x[1], n)}, []int{x[0], n})
		case side == 0:
			add("product", []int{i, d.weight(x[1])}, []int{x[0]})
		case d.chance(80):
			add("product", []int{d.weight(n, x[0]), i}, []int{n, x[1]})
		default:
			add("product", []int{d.weight(x[0]), i}, []int{x[1]})
		}
	default:
		d.drawBatched(i, add)
	}
}

// drawBatched adds a product of batches of matrices: with another value, or with constants.
func (d *drawer) drawBatched(i int, add func(op string, in []int, shape []int, ints ...int)) {
	x := d.shape(i)
	last := len(x) - 1
	if slices.ContainsFunc(x[last-1:], func(n int) bool { return n < 0 }) || slices.Contains(x, 1) {
		return // Gorgonia drops axes of size 1 on the way
	}
	transA, transB, n := d.IntN(2), d.IntN(2), d.size()
	rows, inner := x[last-1], x[last]
	if transA != 0 {
		rows, inner = inner, rows
	}
	var j int
	others := d.where(func(v *randomValue) bool {
		return v.free && len(v.shape) == len(x) && slices.Equal(v.shape[:last-1], x[:last-1]) && v.high <= 3 && v.low >= -3 &&
			v.shape[last-transB] > 1 && v.shape[last-1+transB] == inner
	})
	w := append(slices.Clone(x[:last-1]), inner, n)
	if transB != 0 {
		w[last], w[last-1] = inner, n
	}
	switch {
	case len(others) > 0 && d.chance(60):
		j = d.of(others)
	case d.chance(30):
		j = d.weight(w...)
	default:
		one, mask := slices.Clone(w), 0
		for axis := range last - 1 {
			one[axis], mask = 1, mask|1<<axis
		}
		j = d.add(randomValue{op: "repeat", in: []int{d.weight(one...), i}, shape: w, ints: []int{mask}}, -3, 3)
	}
	y := append(slices.Clone(x[:last-1]), rows, d.shape(j)[last-transB])
	if d.chance(30) && transA == 0 && transB == 0 && d.shape(j)[last] == rows { // the other way round
		add("batched product", []int{j, i}, append(slices.Clone(x[:last-1]), inner, inner), 0, 0)
		return
	}
	add("batched product", []int{i, j}, y, transA, transB)
}

func (d *drawer) drawTensordot() {
	i, ok := d.pick(ofRank(2, 3, 4))
	if !ok {
		return
	}
	i = d.tame(i, 3)
	x := d.shape(i)
	axis := d.IntN(len(x))
	if x[axis] < 2 {
		return
	}
	n := d.size()
	w, over := []int{x[axis], n}, 0
	if d.chance(50) {
		w, over = []int{n, x[axis]}, 1
	}
	y := append(slices.Delete(slices.Clone(x), axis, axis+1), n)
	most := 12 * float64(x[axis])
	d.tame(d.add(randomValue{op: "tensordot", in: []int{i, d.weight(w...)}, shape: y, ints: []int{axis, over}}, -most, most), 4)
}
