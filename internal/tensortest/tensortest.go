// Package tensortest has what tests of several packages make tensors with and compare them by.
package tensortest

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gorgonia.org/tensor"
)

// Gaussian returns n normal deviates of the given standard deviation.
func Gaussian(rng *rand.Rand, n int, deviation float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64() * deviation)
	}
	return x
}

// Float64s returns x as float64.
func Float64s[T float32 | float64](x []T) []float64 {
	wide := make([]float64, len(x))
	for i, v := range x {
		wide[i] = float64(v)
	}
	return wide
}

// SameBits reports whether a and b are the same bit for bit: NaN equals itself, and −0 is not 0.
func SameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// Transposed returns d, transposed lazily.
func Transposed(d *tensor.Dense, axes ...int) *tensor.Dense {
	if err := d.T(axes...); err != nil {
		panic(err)
	}
	return d
}

// Sliced returns a view of d.
func Sliced(d *tensor.Dense, s ...tensor.Slice) *tensor.Dense {
	view, err := d.Slice(s...)
	if err != nil {
		panic(err)
	}
	return view.(*tensor.Dense)
}

// Elements returns the elements of d in row-major order, read one by one with At.
func Elements[T any](t testing.TB, d *tensor.Dense) []T {
	t.Helper()
	shape := d.Shape()
	if len(shape) == 0 {
		return []T{d.ScalarValue().(T)}
	}
	x := make([]T, shape.TotalSize())
	for i := range x {
		at, rest := make([]int, len(shape)), i
		for axis, n := range slices.Backward(shape) {
			at[axis], rest = rest%n, rest/n
		}
		v, err := d.At(at...)
		if err != nil {
			t.Fatalf("At(%v) of shape %v: %v", at, shape, err)
		}
		x[i] = v.(T)
	}
	return x
}
