package exprgraph_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gorgonia.org/tensor"
)

// The generator. Sizes are small, so that the batch often equals other sizes: a reader that guesses by equal
// numbers is wrong. Magnitudes stay near 1. It leaves out what gorgonia v0.9.18 is known to compute wrong:
//
//   - nodes that merge though they differ: two BatchNorms on one node, SoftMax and LogSoftMax, convolutions
//     that differ in dilations, pools that differ in pads: a value has one of each kind;
//   - Log of a SoftMax or of a product with one, which changes the SoftMax, and of x + 1, which removes the
//     sum from the graph;
//   - reductions along an axis that is neither of the first two that are left nor the last;
//   - slices in steps that do not divide their length, or that leave one index.

type drawer struct {
	*rand.Rand
	net  *randomNet
	used map[string]bool // what a value is in already, of kinds that merge
}

// drawNetwork returns the network of a seed, single for one of one sample.
func drawNetwork(seed uint64, single bool) *randomNet {
	d := &drawer{rand.New(rand.NewPCG(seed, 14)), &randomNet{seed: seed, single: single}, map[string]bool{}}
	d.net.dt = []tensor.Dtype{tensor.Float32, tensor.Float32, tensor.Float64}[d.IntN(3)]
	d.net.batch = 1 + d.IntN(8)
	for range 1 + d.IntN(3) {
		d.input()
	}
	for end := len(d.net.values) + 2 + d.IntN(14); len(d.net.values) < end; {
		d.draw()
	}
	computed := d.where(func(v *randomValue) bool { return v.free && len(batchAxes(v.shape)) < 2 })
	d.net.outputs = []int{computed[len(computed)-1]}
	for d.IntN(3) == 0 {
		d.net.outputs = append(d.net.outputs, d.of(computed))
	}
	d.net.prune()
	return d.net
}

func (d *drawer) value(i int) *randomValue { return &d.net.values[i] }

func (d *drawer) shape(i int) []int { return d.net.values[i].shape }

func (d *drawer) of(list []int) int { return list[d.IntN(len(list))] }

func (d *drawer) chance(percent int) bool { return d.IntN(100) < percent }

func (d *drawer) size() int { return 2 + d.IntN(4) }

// where returns the values that a condition holds for, but for indices.
func (d *drawer) where(f func(v *randomValue) bool) (list []int) {
	for i := range d.net.values {
		if v := d.value(i); !v.index && f(v) {
			list = append(list, i)
		}
	}
	return list
}

// once reports whether a value is used in a way for the first time.
func (d *drawer) once(i int, way string) bool {
	key := fmt.Sprint(way, i)
	if d.used[key] {
		return false
	}
	d.used[key] = true
	return true
}

// add appends a value, whose bounds f gives from those of the first operand. What is large is made small.
func (d *drawer) add(v randomValue, low, high float64) int {
	v.low, v.high = low, high
	for _, j := range v.in {
		v.free = v.free || d.value(j).free
		v.outer = max(v.outer, d.value(j).outer)
	}
	v.outer = max(v.outer, 1)
	d.follow(&v)
	if !v.isLeaf() {
		for i := range d.net.values { // the same op on the same operands is one node
			w := d.value(i)
			if w.op == v.op && slices.Equal(w.in, v.in) && slices.Equal(w.ints, v.ints) && slices.Equal(w.nums, v.nums) &&
				slices.Equal(w.shape, v.shape) && v.op != "dropout" {
				return i
			}
		}
	}
	d.net.values = append(d.net.values, v)
	return len(d.net.values) - 1
}

// follow sets what is outside of the batch along its axis, where an operation moves that.
func (d *drawer) follow(v *randomValue) {
	axes := batchAxes(v.shape)
	if len(axes) != 1 {
		return
	}
	at := axes[0]
	switch v.op {
	case "concat":
		if v.ints[0] == at {
			v.outer = 0
			for _, j := range v.in {
				v.outer += d.value(j).outer
			}
		}
	case "part of the batch":
		v.outer = v.ints[2] - v.ints[1]
	case "reshape":
		x := d.shape(v.in[0])
		outside := d.value(v.in[0]).outer * total(x[:batchAxes(x)[0]])
		own := total(v.shape[:at])
		rows := d.shape(0)[0] < -1 // in each sample: in a graph of one they are the batch
		if d.net.batch == 1 && (rows || outside != own || slices.Contains(x, 1) || slices.Contains(v.shape, 1)) {
			d.net.mixes = true // the batch may be another axis
		}
		if v.outer = outside / own; outside%own != 0 || -v.shape[at]%v.outer != 0 {
			v.outer, d.net.mixes = 1, true
		}
	}
}

// tame returns a value between −limit and limit: i, or a function of it.
func (d *drawer) tame(i int, limit float64) int {
	v := d.value(i)
	if max(-v.low, v.high) <= limit {
		return i
	}
	if d.chance(25) && v.high-v.low < 1e3 {
		by := math.Exp2(math.Floor(math.Log2(limit / max(-v.low, v.high))))
		return d.add(randomValue{op: "mul", in: []int{i, d.scalar(by)}, shape: v.shape}, v.low*by, v.high*by)
	}
	if limit >= 1 && d.chance(80) {
		return d.add(randomValue{op: "tanh", in: []int{i}, shape: v.shape}, -1, 1)
	}
	return d.add(randomValue{op: "sigmoid", in: []int{i}, shape: v.shape}, 0, 1)
}

// input adds an input.
func (d *drawer) input() int {
	shapes := [][]int{
		{-1, d.size()},
		{-1, d.size(), d.size()},
		{-1, d.IntN(2) + 1, 3 + d.IntN(3), 3 + d.IntN(4)},
		{-1, d.size()},
		{-1, d.size(), d.size()},
		{d.size(), -1},
		{-1},
		{d.size(), d.size()},
		{-1, d.size(), d.size(), d.size()},
		{-1, 1},
	}
	if d.net.single {
		shapes = [][]int{{d.size()}, {2 * d.size()}}
	}
	if len(d.net.values) == 0 && d.chance(3) && !d.net.single {
		shapes = [][]int{{-d.size(), d.size()}} // some rows a sample
	}
	return d.add(randomValue{op: "input", shape: shapes[d.IntN(len(shapes))], ints: []int{d.IntN(2)}, seed: d.Uint64(), free: true}, -3, 3)
}

func (d *drawer) scalar(x float64) int {
	return d.add(randomValue{op: "scalar", shape: []int{}, nums: []float64{x}}, x, x)
}

// number returns a constant scalar, never one.
func (d *drawer) number() int { return d.scalar(float64(d.IntN(33)-16)/16 + 1.0/32) }

// weight returns a constant of a shape: shared, a leaf, or an expression of constants; shaped by the batch
// where the shape is.
func (d *drawer) weight(shape ...int) int {
	shared := d.where(func(v *randomValue) bool { return !v.free && slices.Equal(v.shape, shape) && v.op != "scalar" })
	if len(shared) > 0 && d.chance(30) {
		return d.of(shared)
	}
	if d.chance(25) && len(shape) > 0 && len(batchAxes(shape)) == 0 {
		if i, ok := d.expression(shape); ok {
			return i
		}
	}
	v := randomValue{op: "weight", shape: slices.Clone(shape), ints: []int{d.IntN(kindsOfElements), rowMajor}, seed: d.Uint64()}
	if d.chance(30) {
		v.ints[1] = d.IntN(layouts)
	}
	if len(batchAxes(shape)) > 0 {
		v.op = "by batch"
	}
	if d.chance(10) {
		v.ints[0], v.nums = uniform, []float64{float64(d.IntN(2))}
	}
	return d.add(v, -3, 3)
}

// expression returns constants computed from constants.
func (d *drawer) expression(shape []int) (int, bool) {
	switch shape = slices.Clone(shape); d.IntN(6) {
	case 0:
		return d.tame(d.unary(d.weight(shape...)), 2), true
	case 1:
		return d.tame(d.combine(d.weight(shape...), d.weight(shape...)), 2), true
	case 2:
		perm := d.Perm(len(shape))
		from := make([]int, len(shape))
		for i, axis := range perm {
			from[axis] = shape[i]
		}
		if slices.IsSorted(perm) {
			return 0, false
		}
		return d.add(randomValue{op: "transpose", in: []int{d.weight(from...)}, shape: shape, ints: perm}, -3, 3), true
	case 3:
		if len(shape) != 2 {
			return 0, false
		}
		inner := d.size()
		return d.tame(d.add(randomValue{op: "product", in: []int{d.weight(shape[0], inner), d.weight(inner, shape[1])}, shape: shape}, -50, 50), 2), true
	case 4:
		axis := d.IntN(len(shape))
		if shape[axis] < 2 {
			return 0, false
		}
		wider := slices.Clone(shape)
		wider[axis] += 1 + d.IntN(2)
		return d.add(randomValue{op: "slice", in: []int{d.weight(wider...)}, shape: shape, ints: []int{axis, wider[axis] - shape[axis], wider[axis], 1}}, -3, 3), true
	}
	axis := d.IntN(len(shape))
	if shape[axis] < 2 {
		return 0, false
	}
	a, b := slices.Clone(shape), slices.Clone(shape)
	a[axis] = 1 + d.IntN(shape[axis]-1)
	b[axis] -= a[axis]
	return d.add(randomValue{op: "concat", in: []int{d.weight(a...), d.weight(b...)}, shape: shape, ints: []int{axis}}, -3, 3), true
}

// pick returns a computed value that a condition holds for, rather a late one.
func (d *drawer) pick(f func(v *randomValue) bool) (int, bool) {
	list := d.where(func(v *randomValue) bool {
		return v.free && f(v) && (len(batchAxes(v.shape)) < 2 || d.chance(50))
	})
	switch {
	case len(list) == 0:
		return 0, false
	case d.chance(60):
		list = list[max(0, len(list)-3):]
	}
	return d.of(list), true
}

func anything(*randomValue) bool { return true }

func ofRank(ranks ...int) func(v *randomValue) bool {
	return func(v *randomValue) bool { return slices.Contains(ranks, len(v.shape)) }
}

// draw adds an operation on some computed value.
func (d *drawer) draw() {
	draws := []struct {
		weight int
		f      func()
	}{
		{14, d.drawUnary},
		{20, d.drawBinary},
		{16, d.drawProduct},
		{5, d.drawTensordot},
		{9, d.drawReshape},
		{8, d.drawTranspose},
		{6, d.drawSlice},
		{6, d.drawConcat},
		{7, d.drawConvolution},
		{4, d.drawPool},
		{4, d.drawNorm},
		{7, d.drawReduction},
		{5, d.drawSoftmax},
		{3, d.drawRows},
		{2, d.drawDepthwise},
		{2, d.drawLayerNorm},
		{1, d.drawPartOfBatch},
	}
	sum := 0
	for _, c := range draws {
		sum += c.weight
	}
	for at := d.IntN(sum); ; draws = draws[1:] {
		if at -= draws[0].weight; at < 0 {
			draws[0].f()
			return
		}
	}
}
