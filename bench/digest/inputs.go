package main

import (
	"hash/fnv"
	"math"
	"math/rand/v2"

	"gorgonia.org/tensor"
)

// random returns the source of random values that a name is the seed of.
func random(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(h.Sum64(), 9))
}

// gaussian returns n normal deviates that a name is the seed of.
func gaussian(name string, n int) []float32 {
	rng := random(name)
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// cycle returns n values, those given over and over.
func cycle(n int, numbers ...float32) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = numbers[i%len(numbers)]
	}
	return x
}

// with returns x with the value in its middle replaced.
func with(x []float32, number float32) []float32 {
	x[len(x)/2] = number
	return x
}

// scaled returns x·by.
func scaled(x []float32, by float32) []float32 {
	for i := range x {
		x[i] *= by
	}
	return x
}

var (
	negativeZero = float32(math.Copysign(0, -1))
	nan          = float32(math.NaN())
	infinity     = float32(math.Inf(1))
)

// A distribution makes n values that a name is the seed of.
type distribution struct {
	name string
	make func(name string, n int) []float32
}

var gauss = distribution{"gaussian", gaussian}

// distributions are others.
var distributions = []distribution{
	{"zeros", func(_ string, n int) []float32 { return cycle(n, 0) }},
	{"signed-zeros", func(_ string, n int) []float32 { return cycle(n, 0, negativeZero) }},
	{"constant", func(_ string, n int) []float32 { return cycle(n, 0.7) }},
	{"negative", func(_ string, n int) []float32 { return cycle(n, -0.3, -1.5, -2) }},
	{"tiny", func(name string, n int) []float32 { return scaled(gaussian(name, n), 0x1p-140) }},
	{"huge", func(name string, n int) []float32 { return scaled(gaussian(name, n), 0x1p125) }},
	{"extremes", func(_ string, n int) []float32 {
		return cycle(n, math.MaxFloat32, 1, 0x1p-149, -math.MaxFloat32, 0x1p-126, negativeZero, -0x1p-149, 1e30, 0)
	}},
	{"ties", func(_ string, n int) []float32 { return cycle(n, -2.5, 252.5, 0.5, 1.5, 2.5, 3.5, 100.5) }},
	{"symmetric-ties", func(_ string, n int) []float32 { return cycle(n, 127, -127, 0.5, 1.5, 2.5, -0.5, -2.5, 126.5) }},
	{"outlier", func(name string, n int) []float32 { return with(gaussian(name, n), 1000) }},
	{"NaN", func(name string, n int) []float32 { return with(gaussian(name, n), nan) }},
	{"infinity", func(name string, n int) []float32 { return with(gaussian(name, n), infinity) }},
}

// dense returns a tensor of x, which has as many elements as the shape.
func dense(x []float32, shape ...int) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))
}

// drawn returns a gaussian tensor that a name is the seed of.
func drawn(name string, shape ...int) *tensor.Dense {
	return dense(gaussian(name, tensor.Shape(shape).TotalSize()), shape...)
}

// double returns the same values as float64.
func double(x *tensor.Dense) *tensor.Dense {
	wide := make([]float64, 0, x.Size())
	for _, v := range x.Float32s() {
		wide = append(wide, float64(v))
	}
	return tensor.New(tensor.WithShape(x.Shape()...), tensor.WithBacking(wide))
}
