package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// mlp has three layers.
func mlp(n *net) gorgonia.Nodes {
	h := n.input(784)
	h = must(gorgonia.Rectify(n.dense(h, "w0", 300)))
	h = must(gorgonia.Rectify(n.dense(h, "w1", 100)))
	return gorgonia.Nodes{must(gorgonia.SoftMax(n.dense(h, "w2", 10)))}
}

// iris is a linear regression: rows of four measures and a one, by a vector.
func iris(n *net) gorgonia.Nodes {
	x := n.Input("x", 5)
	return gorgonia.Nodes{must(gorgonia.Mul(x, n.param("theta", 0, 0.1, 5)))}
}

// flowers draws three kinds of four measures each, and a one; wanted is the number of the kind.
func flowers(r *rand.Rand, batch int) sample {
	means := [3][4]float64{{5, 3.4, 1.5, 0.2}, {5.9, 2.8, 4.3, 1.3}, {6.6, 3, 5.6, 2}}
	var x, kinds []float32
	for range batch {
		kind := r.IntN(3)
		for _, mean := range means[kind] {
			x = append(x, float32(mean+0.3*r.NormFloat64()))
		}
		x, kinds = append(x, 1), append(kinds, float32(kind))
	}
	return sample{[]*tensor.Dense{floats(x, batch, 5)}, []*tensor.Dense{floats(kinds, batch)}}
}

// logistic is 1/(1 + exp(−(x·w + b))), operation by operation.
func logistic(n *net) gorgonia.Nodes {
	x := n.Input("x", 64)
	z := must(gorgonia.Add(must(gorgonia.Mul(x, n.param("w", 0, 0.1, 64))), n.param("b", 0, 0.1)))
	odds := must(gorgonia.Exp(must(gorgonia.Neg(z))))
	return gorgonia.Nodes{must(gorgonia.Inverse(must(gorgonia.Add(n.Number(1), odds))))}
}

// halves draws small images of two classes; wanted is which.
func halves(r *rand.Rand, batch int) sample {
	s := rows(classes(2, 1, 8))(r, batch)
	which := make([]float32, batch)
	for i := range which {
		which[i] = s.targets[0].Float32s()[2*i+1]
	}
	s.targets[0] = floats(which, batch)
	return s
}

// stackedAutoencoder is the encoders of a stack, and a classifier on top, with biases in the shape of the batch.
func stackedAutoencoder(n *net) gorgonia.Nodes {
	h := n.input(784)
	layer := func(name string, width int) node {
		y := must(gorgonia.Mul(h, n.weight(name, h.Shape()[1], width)))
		return must(gorgonia.Add(y, n.spread(name+".b", n.Batch, width)))
	}
	for i, width := range []int{256, 128, 64} {
		h = must(gorgonia.Sigmoid(layer(fmt.Sprint("encoder", i), width)))
	}
	return gorgonia.Nodes{must(gorgonia.SoftMax(layer("softmax", 10)))}
}

// dqn has its biases in the weights: each layer reads a column of ones beside its input.
func dqn(n *net) gorgonia.Nodes {
	h := n.input(8)
	ones := n.full("ones", 1, n.Batch, 1)
	layer := func(name string, width int) node {
		return must(gorgonia.Mul(must(gorgonia.Concat(1, h, ones)), n.weight(name, h.Shape()[1]+1, width)))
	}
	h = must(gorgonia.Rectify(layer("w0", 128)))
	h = must(gorgonia.Rectify(layer("w1", 128)))
	return gorgonia.Nodes{layer("q", 4)}
}

// states draws what an agent sees, and the values of its four actions.
func states(r *rand.Rand, batch int) sample {
	x := gaussian(r, 0, 1, batch*8)
	var q []float32
	for i := range batch {
		s := x[8*i:]
		for a := range 4 {
			q = append(q, float32(4*math.Cos(float64(s[a]+s[a+1]))+2*math.Tanh(float64(s[a+2]*s[a+4]))))
		}
	}
	return sample{[]*tensor.Dense{floats(x, batch, 8)}, []*tensor.Dense{floats(q, batch, 4)}}
}

// masked is an autoencoder each of whose outputs depends on the inputs before it alone: weights are multiplied
// by masks.
func masked(n *net) gorgonia.Nodes {
	const width, hidden = 64, 128
	layer := func(x node, name string, in, out int, allowed func(i, j int) bool) node {
		mask := make([]float32, in*out)
		for at := range mask {
			if allowed(at/out, at%out) {
				mask[at] = 1
			}
		}
		w := must(gorgonia.HadamardProd(n.weight(name, in, out), n.fixed(name+".mask", converted(n.Dtype, floats(mask, in, out)))))
		return must(gorgonia.BroadcastAdd(must(gorgonia.Mul(x, w)), n.bias(name+".b", 1, out), nil, []byte{0}))
	}
	h := must(gorgonia.Rectify(layer(n.input(width), "w0", width, hidden, func(i, j int) bool { return i <= j%(width-1) })))
	h = must(gorgonia.Rectify(layer(h, "w1", hidden, hidden, func(i, j int) bool { return i%(width-1) <= j%(width-1) })))
	return gorgonia.Nodes{must(gorgonia.Sigmoid(layer(h, "w2", hidden, width, func(i, j int) bool { return i%(width-1) < j })))}
}

// pixels draws small images, of which each pixel is wanted.
func pixels(r *rand.Rand, batch int) sample {
	s := rows(classes(10, 1, 8))(r, batch)
	x := s.inputs[0].Float32s()
	for i, v := range x {
		x[i] = min(max(v, 0), 1)
	}
	s.targets = s.inputs
	return s
}

// normalised has weights g·v/‖v‖, of columns v.
func normalised(n *net) gorgonia.Nodes {
	h := n.Input("x", 32)
	layer := func(name string, width int) node {
		v := n.weight(name, h.Shape()[1], width)
		length := must(gorgonia.Sqrt(must(gorgonia.Sum(must(gorgonia.Square(v)), 0))))
		scale := must(gorgonia.HadamardDiv(n.param(name+".g", 1.4, 0.2, width), length))
		w := must(gorgonia.BroadcastHadamardProd(v, scale, nil, []byte{0}))
		return must(gorgonia.BroadcastAdd(must(gorgonia.Mul(h, w)), n.bias(name+".b", width), nil, []byte{0}))
	}
	for i := range 2 {
		h = must(gorgonia.Tanh(layer("v"+strconv.Itoa(i), 64)))
	}
	return gorgonia.Nodes{layer("v2", 8)}
}

// curves draws points, and eight smooth functions of them.
func curves(r *rand.Rand, batch int) sample {
	x := gaussian(r, 0, 1, batch*32)
	var y []float32
	for i := range batch {
		for j := range 8 {
			p := x[32*i+4*j:]
			y = append(y, float32(math.Sin(float64(p[0]+p[1]))+0.5*float64(p[2])))
		}
	}
	return sample{[]*tensor.Dense{floats(x, batch, 32)}, []*tensor.Dense{floats(y, batch, 8)}}
}
