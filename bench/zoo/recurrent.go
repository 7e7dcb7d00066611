package main

import (
	"math"
	"math/rand/v2"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// gate returns x·wx + h·wh + b.
func (n *net) gate(x, h node, name string) node {
	width := h.Shape()[1]
	y := must(gorgonia.Mul(x, n.weight("wx."+name, x.Shape()[1], width)))
	y = must(gorgonia.Add(y, must(gorgonia.Mul(h, n.weight("wh."+name, width, width)))))
	return must(gorgonia.BroadcastAdd(y, n.bias("b."+name, 1, width), nil, []byte{0}))
}

// cell is one step of an LSTM.
func (n *net) cell(x, h, c node) (hidden, cell node) {
	in := must(gorgonia.Sigmoid(n.gate(x, h, "i")))
	forget := must(gorgonia.Sigmoid(n.gate(x, h, "f")))
	out := must(gorgonia.Sigmoid(n.gate(x, h, "o")))
	write := must(gorgonia.HadamardProd(in, must(gorgonia.Tanh(n.gate(x, h, "c")))))
	cell = must(gorgonia.Add(must(gorgonia.HadamardProd(forget, c)), write))
	return must(gorgonia.HadamardProd(out, must(gorgonia.Tanh(cell)))), cell
}

// lstm is unrolled over twelve steps, from states of zeros.
func lstm(n *net) gorgonia.Nodes {
	x := n.Input("x", 12, 16)
	h, c := n.full("h0", 0, n.Batch, 64), n.full("c0", 0, n.Batch, 64)
	for t := range 12 {
		h, c = n.cell(must(gorgonia.Slice(x, nil, gorgonia.S(t))), h, c)
	}
	return gorgonia.Nodes{n.dense(h, "out", 16)}
}

// gru is unrolled over ten steps: its states are z·h + (1 − z)·c, with a matrix of ones.
func gru(n *net) gorgonia.Nodes {
	x := n.input(10, 16)
	h, ones := n.full("h0", 0, n.Batch, 64), n.full("ones", 1, n.Batch, 64)
	for t := range 10 {
		step := must(gorgonia.Slice(x, nil, gorgonia.S(t)))
		z := must(gorgonia.Sigmoid(n.gate(step, h, "z")))
		r := must(gorgonia.Sigmoid(n.gate(step, h, "r")))
		c := must(gorgonia.Tanh(n.gate(step, must(gorgonia.HadamardProd(r, h)), "c")))
		kept := must(gorgonia.HadamardProd(z, h))
		h = must(gorgonia.Add(kept, must(gorgonia.HadamardProd(must(gorgonia.Sub(ones, z)), c))))
	}
	return gorgonia.Nodes{n.dense(h, "out", 16)}
}

// charRNN is one step: a character and the states before it, the probabilities of the next one and the states
// after it.
func charRNN(n *net) gorgonia.Nodes {
	x, h, c := n.Input("x", 64), n.Input("h", 96), n.Input("c", 96)
	embedded := must(gorgonia.Mul(x, n.weight("embedding", 64, 16)))
	h, c = n.cell(embedded, h, c)
	return gorgonia.Nodes{must(gorgonia.SoftMax(n.dense(h, "decoder", 64))), h, c}
}

// characters draws a character and states; wanted is the character that follows.
func characters(r *rand.Rand, batch int) sample {
	h, c := gaussian(r, 0, 0.5, batch*96), gaussian(r, 0, 1, batch*96)
	for i, v := range h {
		h[i] = float32(math.Tanh(float64(v)))
	}
	var now, next []int
	for range batch {
		t := text(r, 64, 1)
		now, next = append(now, t[0]), append(next, t[1])
	}
	return sample{
		[]*tensor.Dense{oneHot(now, 64), floats(h, batch, 96), floats(c, batch, 96)},
		[]*tensor.Dense{oneHot(next, 64)},
	}
}
