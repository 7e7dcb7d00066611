package zoo

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Networks are networks by name. Each adds its nodes to b, its inputs in order, and returns its output.
var Networks = map[string]func(b *Builder) *gorgonia.Node{
	"MLP": func(b *Builder) *gorgonia.Node {
		h := must(gorgonia.Rectify(b.Dense(b.Input("x", 40), "w1", 40, 60)))
		return b.Dense(must(gorgonia.Tanh(b.Dense(h, "w2", 60, 50))), "w3", 50, 10)
	},
	"residual": func(b *Builder) *gorgonia.Node {
		h := must(gorgonia.Rectify(b.Conv(b.Input("x", 3, 10, 10), "stem", 3, 16, 3)))
		side := must(gorgonia.Rectify(b.Conv(h, "a", 16, 16, 3)))
		h = must(gorgonia.Rectify(must(gorgonia.Add(h, b.Conv(side, "b", 16, 16, 3)))))
		h = must(gorgonia.Reshape(must(gorgonia.GlobalAveragePool2D(b.Conv(h, "c", 16, 32, 1))), tensor.Shape{b.Batch, 32}))
		return b.Dense(h, "fc", 32, 10)
	},
	"LeNet": func(b *Builder) *gorgonia.Node {
		h := must(gorgonia.Rectify(b.Conv(b.Input("x", 1, 12, 12), "a", 1, 8, 3)))
		h = must(gorgonia.MaxPool2D(h, tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
		h = must(gorgonia.Rectify(b.Conv(h, "b", 8, 16, 3)))
		h = must(gorgonia.MaxPool2D(h, tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
		h = must(gorgonia.Reshape(h, tensor.Shape{b.Batch, 16 * 9}))
		return b.Dense(must(gorgonia.Rectify(b.Dense(h, "c", 16*9, 40))), "d", 40, 10)
	},
	"depthwise-separable": func(b *Builder) *gorgonia.Node {
		const channels, side = 4, 8
		x := b.Input("x", channels, side, side)
		var each gorgonia.Nodes
		for c := range channels {
			one := must(gorgonia.Reshape(must(gorgonia.Slice(x, nil, gorgonia.S(c))), tensor.Shape{b.Batch, 1, side, side}))
			each = append(each, b.Conv(one, fmt.Sprint("depth", c), 1, 1, 3))
		}
		h := must(gorgonia.Rectify(b.Conv(must(gorgonia.Rectify(must(gorgonia.Concat(1, each...)))), "points", channels, 16, 1)))
		h = must(gorgonia.Mean(must(gorgonia.Reshape(h, tensor.Shape{b.Batch, 16, side * side})), 2))
		return must(gorgonia.LogSoftMax(b.Dense(h, "fc", 16, 10)))
	},
	"embedding": func(b *Builder) *gorgonia.Node {
		words := gorgonia.NewMatrix(b.Graph, tensor.Int, gorgonia.WithShape(b.Batch, 5), gorgonia.WithName("words"))
		b.Inputs = append(b.Inputs, words)
		rows := must(gorgonia.ByIndices(b.Value("table", 1, 30, 16), must(gorgonia.Reshape(words, tensor.Shape{b.Batch * 5})), 0))
		h := must(gorgonia.Mean(must(gorgonia.Reshape(rows, tensor.Shape{b.Batch, 5, 16})), 1))
		return b.Dense(must(gorgonia.Rectify(b.Dense(h, "a", 16, 24))), "b", 24, 10)
	},
	"autoencoder": func(b *Builder) *gorgonia.Node {
		encoded := must(gorgonia.Sigmoid(b.Dense(b.Input("x", 64), "encode", 64, 16)))
		return must(gorgonia.Sigmoid(b.Dense(encoded, "decode", 16, 64)))
	},
	"LSTM": func(b *Builder) *gorgonia.Node {
		const width = 24
		var h, c *gorgonia.Node
		for _, step := range []string{"x0", "x1", "x2"} {
			x := b.Input(step, 12)
			gate := func(name string) *gorgonia.Node {
				y := b.Dense(x, "x."+name, 12, width)
				if h != nil {
					y = must(gorgonia.Add(y, must(gorgonia.Mul(h, b.Value("h."+name, 6, width, width)))))
				}
				return y
			}
			cell := must(gorgonia.HadamardProd(must(gorgonia.Sigmoid(gate("in"))), must(gorgonia.Tanh(gate("cell")))))
			if c != nil {
				cell = must(gorgonia.Add(cell, must(gorgonia.HadamardProd(must(gorgonia.Sigmoid(gate("forget"))), c))))
			}
			c = cell
			h = must(gorgonia.HadamardProd(must(gorgonia.Sigmoid(gate("out"))), must(gorgonia.Tanh(c))))
		}
		return h
	},
	"attention": func(b *Builder) *gorgonia.Node {
		const length, width = 6, 32
		x := must(gorgonia.Reshape(b.Input("x", length, width), tensor.Shape{b.Batch * length, width}))
		project := func(name string) *gorgonia.Node {
			return must(gorgonia.Reshape(b.Dense(x, name, width, width), tensor.Shape{b.Batch, length, width}))
		}
		scores := must(gorgonia.BatchedMatMul(project("q"), must(gorgonia.Transpose(project("k"), 0, 2, 1))))
		scores = must(gorgonia.HadamardProd(scores, b.Number(0.17)))
		flat := must(gorgonia.SoftMax(must(gorgonia.Reshape(scores, tensor.Shape{b.Batch * length, length}))))
		mixed := must(gorgonia.BatchedMatMul(must(gorgonia.Reshape(flat, tensor.Shape{b.Batch, length, length})), project("v")))
		return b.Dense(must(gorgonia.Reshape(mixed, tensor.Shape{b.Batch * length, width})), "o", width, width)
	},
}
