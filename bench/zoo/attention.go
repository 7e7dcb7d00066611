package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// far is what a mask adds to scores that must not count.
const far = -1e9

// causal returns copies of a mask, (copies, length, length), that hides what comes later.
func (n *net) causal(name string, copies, length int) node {
	mask := make([]float32, copies*length*length)
	for i := range mask {
		if row, column := i/length%length, i%length; column > row {
			mask[i] = far
		}
	}
	return n.fixed(name, converted(n.Dtype, floats(mask, copies, length, length)))
}

// attend returns the weighted values of q·kᵀ/√width + mask, all of shape (count, length, width).
func attend(q, k, v, scale node, mask func(scores node) node) node {
	scores := must(gorgonia.HadamardProd(must(gorgonia.BatchedMatMul(q, must(gorgonia.Transpose(k, 0, 2, 1)))), scale))
	scores = mask(scores)
	shape := scores.Shape().Clone()
	weights := must(gorgonia.SoftMax(must(gorgonia.Reshape(scores, tensor.Shape{shape[0] * shape[1], shape[2]}))))
	return must(gorgonia.BatchedMatMul(must(gorgonia.Reshape(weights, shape)), v))
}

// maskedAttention is one head. Queries, keys and values have one weight, which is cut in three, and the mask
// has the shape of the scores.
func maskedAttention(n *net) gorgonia.Nodes {
	const length, width = 12, 32
	x := n.input(length, width)
	rows := must(gorgonia.Reshape(x, tensor.Shape{n.Batch * length, width}))
	fused, mask := n.weight("qkv", width, 3*width), n.causal("mask", n.Batch, length)
	part := func(i int) node {
		y := must(gorgonia.Mul(rows, must(gorgonia.Slice(fused, nil, gorgonia.S(i*width, (i+1)*width)))))
		return must(gorgonia.Reshape(y, tensor.Shape{n.Batch, length, width}))
	}
	y := attend(part(0), part(1), part(2), n.Number(1/math.Sqrt(width)), func(scores node) node {
		return must(gorgonia.Add(scores, mask))
	})
	y = n.dense(must(gorgonia.Reshape(y, tensor.Shape{n.Batch * length, width})), "out", width)
	return gorgonia.Nodes{must(gorgonia.Reshape(y, tensor.Shape{n.Batch, length, width}))}
}

// following draws sequences; wanted is what follows each of their elements.
func following(r *rand.Rand, batch int) sample {
	const length, width = 12, 32
	s := waves(length+1, width)(r, batch)
	var x, y []float32
	for i := range batch {
		sequence := s.inputs[0].Float32s()[i*(length+1)*width:][:(length+1)*width]
		x, y = append(x, sequence[:length*width]...), append(y, sequence[width:]...)
	}
	return sample{[]*tensor.Dense{floats(x, batch, length, width)}, []*tensor.Dense{floats(y, batch, length, width)}}
}

const symbols, places = 64, 16

// gpt is one block of GPT-2 between an embedding and the logits of the next symbol, of each place.
func gpt(n *net) gorgonia.Nodes {
	const width, heads = 64, 4
	count := n.Batch * places
	words := must(gorgonia.Reshape(n.tokens("words", places), tensor.Shape{count}))
	x := must(gorgonia.ByIndices(n.fixed("table", n.drawn("table", 0, 0.5, symbols, width)), words, 0))
	x = must(gorgonia.Reshape(x, tensor.Shape{n.Batch, places, width}))
	x = must(gorgonia.BroadcastAdd(x, n.param("places", 0, 0.5, 1, places, width), nil, []byte{0}))
	x = must(gorgonia.Reshape(x, tensor.Shape{count, width}))

	mask := n.causal("mask", 1, places)
	qkv := n.dense(n.layerNorm(x, "norm1"), "qkv", 3*width)
	part := func(i int) node {
		y := must(gorgonia.Slice(qkv, nil, gorgonia.S(i*width, (i+1)*width)))
		y = must(gorgonia.Transpose(must(gorgonia.Reshape(y, tensor.Shape{n.Batch, places, heads, width / heads})), 0, 2, 1, 3))
		return must(gorgonia.Reshape(y, tensor.Shape{n.Batch * heads, places, width / heads}))
	}
	y := attend(part(0), part(1), part(2), n.Number(0.25), func(scores node) node {
		return must(gorgonia.BroadcastAdd(scores, mask, nil, []byte{0}))
	})
	y = must(gorgonia.Transpose(must(gorgonia.Reshape(y, tensor.Shape{n.Batch, heads, places, width / heads})), 0, 2, 1, 3))
	x = must(gorgonia.Add(x, n.dense(must(gorgonia.Reshape(y, tensor.Shape{count, width})), "proj", width)))
	h := n.gelu(n.dense(n.layerNorm(x, "norm2"), "fc", 4*width))
	x = must(gorgonia.Add(x, n.dense(h, "fc.proj", width)))
	return gorgonia.Nodes{must(gorgonia.Mul(n.layerNorm(x, "norm3"), n.weight("head", width, symbols)))}
}

// layerNorm normalizes each row of a matrix.
func (n *net) layerNorm(x node, name string) node {
	rows, width := x.Shape()[0], x.Shape()[1]
	column := func(v node) node { return must(gorgonia.Reshape(must(gorgonia.Mean(v, 1)), tensor.Shape{rows, 1})) }
	off := must(gorgonia.BroadcastSub(x, column(x), nil, []byte{1}))
	variance := must(gorgonia.Add(column(must(gorgonia.Square(off))), n.Number(1e-5)))
	y := must(gorgonia.BroadcastHadamardDiv(off, must(gorgonia.Sqrt(variance)), nil, []byte{1}))
	y = must(gorgonia.BroadcastHadamardProd(y, n.param(name+".gain", 1, 0.1, 1, width), nil, []byte{0}))
	return must(gorgonia.BroadcastAdd(y, n.bias(name+".bias", 1, width), nil, []byte{0}))
}

// gelu is x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))).
func (n *net) gelu(x node) node {
	inner := must(gorgonia.Add(x, must(gorgonia.HadamardProd(n.Number(0.044715), must(gorgonia.Cube(x))))))
	bend := must(gorgonia.Tanh(must(gorgonia.HadamardProd(n.Number(math.Sqrt(2/math.Pi)), inner))))
	return must(gorgonia.HadamardProd(must(gorgonia.HadamardProd(n.Number(0.5), x)), must(gorgonia.Add(n.Number(1), bend))))
}

// tied predicts a word from five before it, by the table from which they come.
func tied(n *net) gorgonia.Nodes {
	const words, length, width = 256, 5, 32
	list := must(gorgonia.Reshape(n.tokens("words", length), tensor.Shape{n.Batch * length}))
	table := n.fixed("table", n.drawn("table", 0, 0.5, words, width))
	x := must(gorgonia.Reshape(must(gorgonia.ByIndices(table, list, 0)), tensor.Shape{n.Batch, length * width}))
	h := must(gorgonia.Tanh(n.dense(x, "hidden", 96)))
	h = n.dense(h, "back", width)
	return gorgonia.Nodes{must(gorgonia.Mul(h, must(gorgonia.Transpose(table))))}
}

// sentences draws rows of symbols; wanted is what follows, of each place or of the last.
func sentences(count, length int, each bool) source {
	return func(r *rand.Rand, batch int) sample {
		var list, next []int
		for range batch {
			t := text(r, count, length)
			list = append(list, t[:length]...)
			if each {
				next = append(next, t[1:]...)
			} else {
				next = append(next, t[length])
			}
		}
		words := tensor.New(tensor.WithShape(batch, length), tensor.WithBacking(list))
		return sample{[]*tensor.Dense{words}, []*tensor.Dense{oneHot(next, count)}}
	}
}

// tabnet chooses, in three steps, the columns that it looks at, by sparsemax (arXiv:1908.07442).
func tabnet(n *net) gorgonia.Nodes {
	const columns, width = 16, 16
	transform := func(x node, name string) node { // with a gated linear unit
		y := n.norm(must(gorgonia.Mul(x, n.weight(name, x.Shape()[1], 4*width))), name+".bn")
		linear := must(gorgonia.Slice(y, nil, gorgonia.S(0, 2*width)))
		return must(gorgonia.HadamardProd(linear, must(gorgonia.Sigmoid(must(gorgonia.Slice(y, nil, gorgonia.S(2*width, 4*width)))))))
	}
	attention := func(h node) node { return must(gorgonia.Slice(h, nil, gorgonia.S(width, 2*width))) }
	x := n.norm(n.input(columns), "bn")
	prior := n.full("prior", 1, n.Batch, columns)
	a := attention(transform(x, "first"))
	var sum node
	for step := range 3 {
		name := fmt.Sprint("step", step)
		scores := n.norm(must(gorgonia.Mul(a, n.weight(name+".attention", width, columns))), name+".attention.bn")
		mask := must(gorgonia.Sparsemax(must(gorgonia.HadamardProd(prior, scores))))
		prior = must(gorgonia.HadamardProd(prior, must(gorgonia.Sub(n.Number(1.3), mask))))
		h := transform(must(gorgonia.HadamardProd(mask, x)), name)
		decision := must(gorgonia.Rectify(must(gorgonia.Slice(h, nil, gorgonia.S(0, width)))))
		if sum == nil {
			sum = decision
		} else {
			sum = must(gorgonia.Add(sum, decision))
		}
		a = attention(h)
	}
	return gorgonia.Nodes{must(gorgonia.SoftMax(n.dense(sum, "out", 3)))}
}

// table draws rows of sixteen numbers, of which the first says which others decide the class.
func table(r *rand.Rand, batch int) sample {
	x, list := gaussian(r, 0, 1, batch*16), make([]int, batch)
	for i := range list {
		row := x[16*i:]
		at := 1
		if row[0] > 0 {
			at = 4
		}
		for j := range 3 {
			if row[at+j] > row[at+list[i]] {
				list[i] = j
			}
		}
	}
	return sample{[]*tensor.Dense{floats(x, batch, 16)}, []*tensor.Dense{oneHot(list, 3)}}
}
