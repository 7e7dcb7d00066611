package main

import (
	"math"
	"math/rand/v2"

	"gorgonia.org/tensor"
)

// sample is a batch: inputs in the order of the network's, and what training wants of the outputs.
type sample struct{ inputs, targets []*tensor.Dense }

// source draws a batch.
type source func(r *rand.Rand, batch int) sample

// floats returns a float32 tensor of the elements.
func floats(x []float32, shape ...int) *tensor.Dense {
	if len(shape) == 0 {
		return tensor.New(tensor.FromScalar(x[0]))
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))
}

// converted returns x, if it is of float32, as one of dt.
func converted(dt tensor.Dtype, x *tensor.Dense) *tensor.Dense {
	if dt == x.Dtype() || x.Dtype() != tensor.Float32 {
		return x
	}
	if x.IsScalar() {
		return tensor.New(tensor.FromScalar(float64(x.ScalarValue().(float32))))
	}
	wide := make([]float64, x.DataSize())
	for i, v := range x.Float32s() {
		wide[i] = float64(v)
	}
	return tensor.New(tensor.WithShape(x.Shape()...), tensor.WithBacking(wide))
}

func gaussian(r *rand.Rand, mean, deviation float64, count int) []float32 {
	x := make([]float32, count)
	for i := range x {
		x[i] = float32(mean + deviation*r.NormFloat64())
	}
	return x
}

// oneHot returns (rows, classes) with a 1 in each row.
func oneHot(list []int, classes int) *tensor.Dense {
	y := make([]float32, len(list)*classes)
	for i, class := range list {
		y[i*classes+class] = 1
	}
	return floats(y, len(list), classes)
}

// bump is a bell in an image, with a centre and a width as fractions of its side.
type bump struct{ x, y, width, height float64 }

// add adds the bump to an image of side×side.
func (b bump) add(image []float32, side int) {
	bell := func(at float64) []float64 {
		line := make([]float64, side)
		for i := range line {
			off := (float64(i)/float64(side) - at) / b.width
			line[i] = math.Exp(-off * off)
		}
		return line
	}
	columns, rows := bell(b.x), bell(b.y)
	for i, row := range rows {
		for j, column := range columns {
			image[i*side+j] += float32(b.height * row * column)
		}
	}
}

// classes draws images, (batch, channels, side, side), of bumps that lie about where those of their class do.
func classes(count, channels, side int) source {
	return func(r *rand.Rand, batch int) sample {
		x := gaussian(r, 0, 0.03, batch*channels*side*side)
		list := make([]int, batch)
		for i := range list {
			list[i] = r.IntN(count)
			own := rand.New(rand.NewPCG(uint64(list[i]), 7))
			for c := range channels {
				image := x[(i*channels+c)*side*side:][:side*side]
				for range 3 {
					b := bump{0.2 + 0.6*own.Float64(), 0.2 + 0.6*own.Float64(), 0.08 + 0.12*own.Float64(), 0.3 + 0.7*own.Float64()}
					b.x, b.y, b.height = b.x+0.05*r.NormFloat64(), b.y+0.05*r.NormFloat64(), b.height*(0.7+0.6*r.Float64())
					b.add(image, side)
				}
			}
		}
		return sample{[]*tensor.Dense{floats(x, batch, channels, side, side)}, []*tensor.Dense{oneHot(list, count)}}
	}
}

// rows has the inputs of another source as rows, (batch, all the rest).
func rows(of source) source {
	return func(r *rand.Rand, batch int) sample {
		s := of(r, batch)
		for i, x := range s.inputs {
			s.inputs[i] = floats(x.Float32s(), batch, x.DataSize()/batch)
		}
		return s
	}
}

// factors draws images, rows of side² pixels, and the numbers that they show: four for each bump, which lies in a
// quarter of its own.
func factors(r *rand.Rand, batch, bumps, side int) (numbers, images *tensor.Dense) {
	z := gaussian(r, 0, 1, batch*4*bumps)
	x := make([]float32, batch*side*side)
	squash := func(v float32) float64 { return 1 / (1 + math.Exp(-float64(v))) }
	for i := range batch * bumps {
		f := z[4*i:]
		left, top := float64(i%2), float64(i/2%2)
		b := bump{(left + squash(f[0])) / 2, (top + squash(f[1])) / 2, 0.05 + 0.15*squash(f[2]), squash(f[3])}
		b.add(x[i/bumps*side*side:][:side*side], side)
	}
	for i, v := range x {
		x[i] = min(v, 1)
	}
	return floats(z, batch, 4*bumps), floats(x, batch, side*side)
}

// waves draws sequences, (batch, length, features), of two sines for each feature, and what comes next.
func waves(length, features int) source {
	return func(r *rand.Rand, batch int) sample {
		x, next := make([]float32, batch*length*features), make([]float32, batch*features)
		for i := range batch {
			speed := 0.2 + 0.6*r.Float64()
			for f := range features {
				phase, slow := 2*math.Pi*r.Float64(), 1+float64(f%3)
				at := func(t int) float32 {
					angle := speed * float64(t)
					return float32(math.Sin(angle+phase) + 0.5*math.Sin(angle/slow))
				}
				for t := range length {
					x[(i*length+t)*features+f] = at(t)
				}
				next[i*features+f] = at(length)
			}
		}
		return sample{[]*tensor.Dense{floats(x, batch, length, features)}, []*tensor.Dense{floats(next, batch, features)}}
	}
}

// text draws length+1 symbols of a language in which each of the symbols has three that mostly follow it.
func text(r *rand.Rand, symbols, length int) []int {
	list := make([]int, length+1)
	list[0] = r.IntN(symbols)
	for i := range length {
		list[i+1] = (7*list[i] + 3*min(r.IntN(4), 2) + 1) % symbols
		if r.IntN(10) == 0 {
			list[i+1] = r.IntN(symbols)
		}
	}
	return list
}
