package exprgraph_test

import (
	"math"
	"slices"
)

func (d *drawer) drawUnary() {
	if i, ok := d.pick(anything); ok {
		d.tame(d.unary(i), 4)
	}
}

// unary returns a function of a value.
func (d *drawer) unary(i int) int {
	v := d.value(i)
	shape, low, high := v.shape, v.low, v.high
	most := max(-low, high)
	add := func(op string, in int, low, high float64, nums ...float64) int {
		return d.add(randomValue{op: op, in: []int{in}, shape: shape, nums: nums}, low, high)
	}
	small := func() (int, float64) {
		i := d.tame(i, 2)
		return i, max(-d.value(i).low, d.value(i).high)
	}
	above := func() (int, float64, float64) {
		i := d.positive(i)
		return i, d.value(i).low, d.value(i).high
	}
	switch d.IntN(28) {
	case 0, 1:
		return add("tanh", i, -1, 1)
	case 2, 3:
		return add("sigmoid", i, 0, 1)
	case 4, 5, 6:
		return add("relu", i, max(low, 0), max(high, 0))
	case 7, 8:
		alpha := []float64{0.125, 0.25, 0.5}[d.IntN(3)]
		return add("leaky relu", i, min(low, alpha*low), high, alpha)
	case 9:
		return add("abs", i, 0, most)
	case 10:
		return add("neg", i, -high, -low)
	case 11:
		i, most := small()
		return add("square", i, 0, most*most)
	case 12:
		i, most := small()
		return add("cube", i, -most*most*most, most*most*most)
	case 13:
		return add("softplus", i, 0, most+1)
	case 14:
		return add("sin", i, -1, 1)
	case 15:
		return add("cos", i, -1, 1)
	case 16:
		if len(shape) == 0 { // Gorgonia has ±1 for a scalar 0, and 0 for tensors
			return add("neg", i, -high, -low)
		}
		return add("sign", i, -1, 1)
	case 17:
		return add([]string{"ceil", "floor"}[d.IntN(2)], i, low-1, high+1)
	case 18:
		return add("mish", i, -1, max(high, 0))
	case 19:
		i, most := small()
		return add("exp", i, math.Exp(-most), math.Exp(most))
	case 20:
		i, most := small()
		return add([]string{"expm1", "exp"}[d.IntN(2)], i, -1, math.Exp(most))
	case 21:
		i, low, high := above()
		return add("log", i, math.Log(low), math.Log(high))
	case 22:
		i, low, high := above()
		return add("sqrt", i, math.Sqrt(low), math.Sqrt(high))
	case 23:
		i, low, high := above()
		return add("inverse", i, 1/high, 1/low)
	case 24:
		i, low, high := above()
		return add("inverse sqrt", i, 1/math.Sqrt(high), 1/math.Sqrt(low))
	case 25:
		i, low, high := above()
		return add("log1p", i, math.Log1p(low), math.Log1p(high))
	case 26:
		i, low, high := above()
		return add("log2", i, math.Log2(low), math.Log2(high))
	}
	if !v.free {
		return add("tanh", i, -1, 1)
	}
	return add("dropout", i, low, high, 0.5)
}

func (d *drawer) drawBinary() {
	i, ok := d.pick(anything)
	if !ok {
		return
	}
	if d.chance(30) {
		if j, ok := d.pick(func(v *randomValue) bool { return slices.Equal(v.shape, d.shape(i)) }); ok {
			d.tame(d.combine(i, j), 4)
			return
		}
	}
	rank := len(d.shape(i))
	switch {
	case d.chance(20):
		d.tame(d.combine(i, d.number()), 4)
		return
	case rank == 0 || rank > 4:
		return
	case d.chance(10):
		if j, ok := d.pick(ofRank(0)); ok {
			d.tame(d.combine(i, j), 4)
		}
		return
	case d.chance(15): // a leaf of full shape, by the batch
		d.tame(d.combine(i, d.weight(d.shape(i)...)), 4)
		return
	}
	j, mine, other := d.broadcastable(i)
	if d.chance(50) {
		d.tame(d.combineBroadcast(i, j, mine, other), 4)
	} else {
		d.tame(d.combineBroadcast(j, i, other, mine), 4)
	}
}

// broadcastable returns a value that is broadcast along axes to meet i, and i along others to meet that.
func (d *drawer) broadcastable(i int) (j, mine, other int) {
	shape := slices.Clone(d.shape(i))
	for axis := range shape {
		if shape[axis] == 1 && d.chance(50) {
			shape[axis], mine = d.size(), mine|1<<axis
		}
	}
	var kept []int
	for axis := range shape {
		switch {
		case mine>>axis&1 != 0 || d.chance(40):
			kept = append(kept, shape[axis])
		case shape[axis] != 1 || d.chance(50):
			other |= 1 << axis
			shape[axis] = 1
		default:
			kept = append(kept, 1)
		}
	}
	list := d.where(func(v *randomValue) bool { return v.free && slices.Equal(v.shape, shape) })
	if len(list) > 0 && d.chance(60) {
		return d.of(list), mine, other
	}
	if len(kept) > 0 && len(kept) < len(shape) && d.chance(60) && mine == 0 {
		return d.weight(kept...), mine, other
	}
	return d.weight(shape...), mine, other
}

// combine returns an elementwise operation on two values of a shape, or of a scalar.
func (d *drawer) combine(i, j int) int { return d.combineBroadcast(i, j, 0, 0) }

func (d *drawer) combineBroadcast(i, j, left, right int) int {
	if d.chance(50) && left|right == 0 {
		i, j = j, i
	}
	v := randomValue{ints: []int{left, right}}
	op := []string{"add", "add", "add", "sub", "sub", "mul", "mul", "mul", "div", "pow", "min", "max", "compare"}[d.IntN(13)]
	a, b := d.value(i), d.value(j)
	if (op == "min" || op == "max") && (len(a.shape) == 0 || len(b.shape) == 0) {
		op = "add"
	}
	if op == "pow" && len(b.shape) != 0 && !d.chance(20) {
		op = "sub"
	}
	bounds := func(i int) (float64, float64) { return d.value(i).low, d.value(i).high }
	var low, high float64
	switch op {
	case "div":
		j = d.positive(j)
		c, _ := bounds(j)
		low, high = min(a.low, 0)/c, max(d.value(i).high, 0)/c
	case "pow":
		i, j = d.positive(i), d.tame(j, 2)
		p, q := bounds(i)
		low, high = 0, math.Pow(max(q, 1/p), 2)
	case "compare":
		op = []string{"gt", "gte", "lt", "lte", "eq", "ne"}[d.IntN(6)]
		low, high = 0, 1
	default:
		p, q := bounds(i)
		r, s := bounds(j)
		switch op {
		case "add":
			low, high = p+r, q+s
		case "sub":
			low, high = p-s, q-r
		case "mul":
			low, high = min(p*r, p*s, q*r, q*s), max(p*r, p*s, q*r, q*s)
		default:
			low, high = min(p, r), max(q, s)
		}
	}
	v.op, v.in = op, []int{i, j}
	a, b = d.value(i), d.value(j)
	v.shape = slices.Clone(a.shape)
	if len(b.shape) > len(a.shape) || len(a.shape) == len(b.shape) && left != 0 {
		v.shape = slices.Clone(b.shape)
	}
	if len(a.shape) == len(b.shape) {
		for axis := range v.shape {
			if left>>axis&1 != 0 {
				v.shape[axis] = b.shape[axis]
			} else {
				v.shape[axis] = a.shape[axis]
			}
		}
	}
	return d.add(v, low, high)
}

// positive returns a value of at least a quarter.
func (d *drawer) positive(i int) int {
	if v := d.value(i); v.low >= 0.25 && v.op != "add" && v.op != "sub" {
		return i
	}
	if d.value(i).op == "scalar" {
		return d.scalar(0.25 + float64(d.IntN(16))/8)
	}
	i = d.tame(i, 3)
	v := d.value(i)
	most := max(-v.low, v.high)
	if d.chance(50) {
		i = d.add(randomValue{op: "square", in: []int{i}, shape: v.shape}, 0, most*most)
	} else {
		i = d.add(randomValue{op: "abs", in: []int{i}, shape: v.shape}, 0, most)
	}
	v = d.value(i)
	return d.add(randomValue{op: "add", in: []int{i, d.scalar(0.5)}, shape: v.shape}, 0.5, v.high+0.5)
}
