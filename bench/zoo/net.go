package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"euryale/internal/zoo"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

type node = *gorgonia.Node

var must = gorgonia.Must

// net is a network in the making: its graph for one batch size, on weights that all graphs of it share. Its
// methods are the layers that authors write for themselves.
type net struct {
	*zoo.Builder
	outputs gorgonia.Nodes
	learned gorgonia.Nodes
	norms   map[string]*gorgonia.BatchNormOp
}

// input returns an input without a name, of shape (batch, shape…).
func (n *net) input(shape ...int) node {
	x := gorgonia.NewTensor(n.Graph, n.Dtype, len(shape)+1, gorgonia.WithShape(append([]int{n.Batch}, shape...)...))
	n.Inputs = append(n.Inputs, x)
	return x
}

// tokens returns an input of integers, (batch, length).
func (n *net) tokens(name string, length int) node {
	x := gorgonia.NewMatrix(n.Graph, tensor.Int, gorgonia.WithShape(n.Batch, length), gorgonia.WithName(name))
	n.Inputs = append(n.Inputs, x)
	return x
}

// drawn returns the values by a name, which are gaussian at first.
func (n *net) drawn(name string, mean, deviation float64, shape ...int) *tensor.Dense {
	if n.Values[name] == nil {
		r := rand.New(rand.NewPCG(uint64(len(n.Values)), 5))
		n.Values[name] = converted(n.Dtype, floats(gaussian(r, mean, deviation, tensor.Shape(shape).TotalSize()), shape...))
	}
	return n.Values[name]
}

// param returns the node of values that training changes.
func (n *net) param(name string, mean, deviation float64, shape ...int) (p node) {
	v := n.drawn(name, mean, deviation, shape...)
	if len(shape) == 0 {
		p = gorgonia.NewScalar(n.Graph, n.Dtype, gorgonia.WithName(name), gorgonia.WithValue(v.ScalarValue()))
	} else {
		p = n.fixed(name, v)
	}
	if !n.learned.Contains(p) { // as those are that each step of a recurrence reads
		n.learned = append(n.learned, p)
	}
	return p
}

// weight returns a matrix (in, out) or filters (out, in, height, width) of He's normal distribution
// (arXiv:1502.01852).
func (n *net) weight(name string, shape ...int) node {
	fan := shape[0]
	if len(shape) == 4 {
		fan = shape[1] * shape[2] * shape[3]
	}
	return n.param(name, 0, math.Sqrt(2/float64(fan)), shape...)
}

func (n *net) bias(name string, shape ...int) node { return n.param(name, 0, 0.1, shape...) }

// fixed returns the node of values that training leaves as they are.
func (n *net) fixed(name string, v *tensor.Dense) node {
	return gorgonia.NewTensor(n.Graph, n.Dtype, v.Dims(), gorgonia.WithShape(v.Shape()...), gorgonia.WithName(name),
		gorgonia.WithValue(v))
}

// full returns a node of the given shape all of whose elements are x.
func (n *net) full(name string, x float64, shape ...int) node {
	return n.fixed(name, converted(n.Dtype, floats(slices.Repeat([]float32{float32(x)}, tensor.Shape(shape).TotalSize()), shape...)))
}

// spread returns a bias in the shape of what it is added to: a number for each index of axis 1, repeated over
// all other axes.
func (n *net) spread(name string, shape ...int) node {
	each := n.drawn(name, 0, 0.1, shape[1])
	inner := tensor.Shape(shape[2:]).TotalSize()
	var sample []float32
	for _, b := range zoo.Float64s(each) {
		sample = append(sample, slices.Repeat([]float32{float32(b)}, inner)...)
	}
	return n.fixed(name, converted(n.Dtype, floats(slices.Repeat(sample, shape[0]), shape...)))
}

// dense returns x·w + b for x of shape (rows, in).
func (n *net) dense(x node, name string, out int) node {
	y := must(gorgonia.Mul(x, n.weight(name, x.Shape()[1], out)))
	return must(gorgonia.BroadcastAdd(y, n.bias(name+".b", 1, out), nil, []byte{0}))
}

// conv returns a convolution by filters of size×size, padded so that a stride of 1 keeps height and width.
func (n *net) conv(x node, name string, filters, size, stride int) node {
	w := n.weight(name, filters, x.Shape()[1], size, size)
	return must(gorgonia.Conv2d(x, w, tensor.Shape{size, size}, []int{size / 2, size / 2}, []int{stride, stride}, []int{1, 1}))
}

// convBias returns a convolution with a bias for each filter.
func (n *net) convBias(x node, name string, filters, size int) node {
	return must(gorgonia.BroadcastAdd(n.conv(x, name, filters, size, 1), n.bias(name+".b", 1, filters, 1, 1), nil, []byte{0, 2, 3}))
}

// norm returns a batch normalization with γ and β for each channel.
func (n *net) norm(x node, name string) node {
	shape := slices.Repeat([]int{1}, x.Dims())
	shape[1] = x.Shape()[1]
	return n.normBy(x, name, n.param(name+".gamma", 1, 0.1, shape...), n.param(name+".beta", 0, 0.1, shape...))
}

// normBy returns a batch normalization with the statistics by its name, if there are any.
func (n *net) normBy(x node, name string, gamma, beta node) node {
	y, _, _, op, err := gorgonia.BatchNorm(x, gamma, beta, 0.1, 1e-5)
	if err != nil {
		panic(fmt.Errorf("BatchNorm %s: %w", name, err))
	}
	if mean := n.Values[name+".mean"]; mean != nil {
		if err := op.SetStats(mean, n.Values[name+".variance"]); err != nil {
			panic(err) // of another shape
		}
	}
	n.norms[name] = op
	return y
}

// pool returns a maximum over windows of size×size.
func pool(x node, size, stride int, pad ...int) node {
	if pad == nil {
		pad = []int{0, 0}
	}
	return must(gorgonia.MaxPool2D(x, tensor.Shape{size, size}, pad, []int{stride, stride}))
}

// flat returns x as (batch, all the rest).
func (n *net) flat(x node) node {
	return must(gorgonia.Reshape(x, tensor.Shape{n.Batch, x.Shape().TotalSize() / n.Batch}))
}

// average returns the mean of each channel, (batch, channels): GlobalAveragePool2D has no gradient.
func (n *net) average(x node) node {
	shape := x.Shape()
	return must(gorgonia.Mean(must(gorgonia.Reshape(x, tensor.Shape{n.Batch, shape[1], shape[2] * shape[3]})), 2))
}
