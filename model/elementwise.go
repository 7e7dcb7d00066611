package model

import (
	"math"
	"slices"

	"euryale/internal/ir"
	"euryale/internal/kernel"
)

// relu sets y = max(x, 0).
func relu(_ *ir.Resolved, y array, in []array, _ *scratch) {
	kernel.Current().Clamp(y.x, in[0].x, 0, float32(math.Inf(1)))
}

// clip sets y = min(max(x, Min), Max), NaN where x is.
func clip(n *ir.Resolved, y array, in []array, _ *scratch) {
	kernel.Current().Clamp(y.x, in[0].x, n.Min, n.Max)
}

// leakyRelu sets y = x, or alpha·x where x < 0.
func leakyRelu(n *ir.Resolved, y array, in []array, _ *scratch) {
	kernel.Current().Slopes(y.x, in[0].x, n.Alpha, 1)
}

// batchNormalize sets y = x·f + (bias − mean·f) with f = scale/√(variance + ε), for each channel.
func batchNormalize(n *ir.Resolved, y array, in []array, s *scratch) {
	outer, channels, inner := around(y.shape, 1)
	factors := s.floats(2 * channels)
	factors, shifts := factors[:channels], factors[channels:]
	for c := range channels {
		factors[c] = in[1].x[c] / float32(math.Sqrt(float64(in[4].x[c]+n.Epsilon)))
		shifts[c] = in[2].x[c] - float32(in[3].x[c]*factors[c])
	}
	k, from, to := kernel.Current(), in[0].x, y.x
	if inner == 1 {
		k.Times(to, channels, rowsOf(from, channels), kernel.Vector(factors))
		k.Plus(to, channels, rowsOf(to, channels), kernel.Vector(shifts))
		return
	}
	for i := range outer * channels {
		k.Scale(to[i*inner:][:inner], from[i*inner:], factors[i%channels], shifts[i%channels])
	}
}

// one is the operand of reciprocal and of not.
var one = []float32{1}

// reciprocal sets y = 1/x.
func reciprocal(_ *ir.Resolved, y array, in []array, _ *scratch) {
	kernel.Current().Over(y.x, len(y.x), kernel.Repeated(one), kernel.Vector(in[0].x))
}

// not sets y = 1 − x.
func not(_ *ir.Resolved, y array, in []array, _ *scratch) {
	kernel.Current().Minus(y.x, len(y.x), kernel.Repeated(one), kernel.Vector(in[0].x))
}

// each returns the kernel of a function that package kernel has.
func each(f func(k *kernel.Set) kernel.Each) func(n *ir.Resolved, y array, in []array, s *scratch) {
	return func(_ *ir.Resolved, y array, in []array, _ *scratch) { f(kernel.Current())(y.x, in[0].x) }
}

func abs(k *kernel.Set) kernel.Each   { return k.Abs }
func ceil(k *kernel.Set) kernel.Each  { return k.Ceil }
func floor(k *kernel.Set) kernel.Each { return k.Floor }
func sqrt(k *kernel.Set) kernel.Each  { return k.Sqrt }

func exp(k *kernel.Set) kernel.Each      { return k.Exp }
func log(k *kernel.Set) kernel.Each      { return k.Log }
func sigmoid(k *kernel.Set) kernel.Each  { return k.Sigmoid }
func softplus(k *kernel.Set) kernel.Each { return k.Softplus }
func tanh(k *kernel.Set) kernel.Each     { return k.Tanh }

// elementwise returns the kernel y[i] = f(x[i]). The functions are those of Gorgonia, to the bit.
func elementwise(f func(float32) float32) func(n *ir.Resolved, y array, in []array, s *scratch) {
	return func(_ *ir.Resolved, y array, in []array, _ *scratch) {
		x := in[0].x
		for first := 0; first < len(x); first += elementsAtOnce {
			last := min(first+elementsAtOnce, len(x))
			apply(y.x[first:last], x[first:last], f)
		}
	}
}

// elementsAtOnce is how many elements apply takes: some 50 µs of the slowest function.
const elementsAtOnce = 1 << 12

// apply sets y[i] = f(x[i]). A call of apply lets the scheduler preempt the goroutine. Some of the functions
// are assembly, in which it cannot, and a single thread has to see that its context ends.
//
//go:noinline
func apply(y, x []float32, f func(float32) float32) {
	for i, v := range x {
		y[i] = f(v)
	}
}

// sign returns −1, 0 or 1, or NaN.
func sign(x float32) float32 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}

// around returns the product of the sizes before an axis, its own size, and the product of those after it.
func around(shape []int, axis int) (outer, own, inner int) {
	outer, inner = 1, 1
	for i, d := range shape {
		switch {
		case i < axis:
			outer *= d
		case i > axis:
			inner *= d
		default:
			own = d
		}
	}
	return outer, own, inner
}

// along calls f for each index of the other axes, with the elements of y and x along Axis, of stride step.
func along(n *ir.Resolved, y, x array, f func(y, x []float32, count, step int)) {
	outer, own, inner := around(y.shape, n.Axis)
	for o := range outer {
		for i := range inner {
			f(y.x[o*own*inner+i:], x.x[o*own*inner+i:], own, inner)
		}
	}
}

// largest returns the largest of count elements of stride step.
func largest(x []float32, count, step int) float32 {
	most := float32(math.Inf(-1))
	for j := range count {
		most = max(most, x[j*step])
	}
	return most
}

// sparsemax sets y = max(x − τ, 0) along Axis, with τ such that Σ y = 1: the projection of x on the simplex
// (Martins and Astudillo, "From Softmax to Sparsemax", 2016, algorithm 1). The largest x is subtracted first.
// Elements are NaN along with one that is.
func sparsemax(n *ir.Resolved, y array, in []array, s *scratch) {
	along(n, y, in[0], func(y, x []float32, count, step int) {
		most, sorted := largest(x, count, step), s.floats(count)
		for j := range count {
			y[j*step] = x[j*step] - most
			sorted[j] = y[j*step]
		}
		threshold := simplexThreshold(sorted)
		for j := range count {
			y[j*step] = max(y[j*step]-threshold, 0)
		}
	})
}

// simplexThreshold returns the τ of sparsemax for numbers of which the largest is 0, and sorts them.
func simplexThreshold(x []float32) float32 {
	slices.Sort(x)
	var all, sum, support float32
	for i, v := range slices.Backward(x) {
		rank := float32(len(x) - i)
		if all += v; 1+float32(rank*v) > all {
			sum, support = sum+v, rank
		}
	}
	return (sum - 1) / support
}
