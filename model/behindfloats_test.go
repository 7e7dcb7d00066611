package model_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"euryale/internal/ir"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// behindFloats are networks whose layers named float… stay float32, and give what a FakeQuantize makes bytes.
var behindFloats = []propagated{
	{
		"residual blocks behind a float32 layer",
		[]int{3, 6, 5},
		slices.Concat(
			conv("float", "x", "18 3 3 3", 1, 1), []ir.Node{fake("fa", "float", 0)}, conv("zero1", "float", "5 18 1 1"), []ir.Node{plainConv("b", "zero1", "18 5 3 3", 1, 1), fake("fb", "b", 120)},
			[]ir.Node{op("Add", "s", "fa", "fb"), op("Relu", "r", "s"), fake("fr", "r", 0)}, conv("zero2", "r", "5 18 1 1'"), []ir.Node{plainConv("c", "zero2", "18 5 3 3'", 1, 1), fake("fc", "c", 110)},
			[]ir.Node{op("Add", "t", "fc", "fr"), op("Relu", "u", "t"), fake("fu", "u", 0), op("GlobalAveragePool", "g", "fu"), reshape("f", "g", -1, 18), dense("y", "f", "18 4")},
		),
		[]string{"fa", "zero1", "b", "fb", "s", "r", "fr", "zero2", "c", "fc", "t", "u", "fu", "g", "f"},
	},
	{
		"a float32 layer beside a quantized one, and both before float32",
		[]int{2, 4, 6},
		slices.Concat(
			conv("a", "x", "7 2 3 3", 1, 1), []ir.Node{fake("fa", "a", 0), plainConv("float", "a", "7 7 3 3", 1, 1), fake("ff", "float", 128), op("Add", "s", "fa", "ff"), fake("fs", "s", 120)},
			[]ir.Node{pool("p", "fs", 2, 2, 0), op("Relu", "r", "p"), plainConv("middle", "fs", "3 7 1 1"), average("v", "middle", 2, 2, 0), reshape("f", "r", -1, 42), dense("float2", "f", "42 4"), reshape("g", "v", -1, 18), dense("c", "g", "18 4"), op("Add", "y", "float2", "c")},
		),
		[]string{"fa", "ff"},
	},
	{
		"rows, and images of one channel and of one pixel",
		[]int{6},
		[]ir.Node{
			dense("float", "x", "6 24"), fake("fa", "float", 128), reshape("i", "fa", -1, 1, 4, 6), plainConv("middle", "i", "1 1 3 3", 1, 1), reshape("one", "middle", -1, 24, 1, 1),
			plainConv("float2", "one", "24 24 1 1"), fake("fb", "float2", 100), plainConv("b", "one", "24 24 1 1'"), fake("fc", "b", 110), op("Add", "s", "fb", "fc"),
			plainConv("c", "s", "4 24 1 1"), reshape("y", "c", -1, 4),
		},
		[]string{"fa", "i", "fb", "b", "fc", "s"},
	},
	{
		"images that were computed as rows of sequences",
		[]int{3, 4},
		[]ir.Node{
			{Op: "MatMul", Name: "float", Inputs: []string{"x", "4 5"}, Output: "m"},
			fake("fm", "m", 128),
			{Op: "MatMul", Name: "middle", Inputs: []string{"fm", "5 5"}, Output: "n"},
			fake("fn", "n", 120),
			op("Add", "s", "fm", "fn"),
			{Op: "MatMul", Name: "last", Inputs: []string{"s", "5 2"}, Output: "z"},
			reshape("y", "z", -1, 6),
		},
		[]string{"fm", "n", "fn", "s"},
	},
	{
		"an average before float32",
		[]int{3, 6, 5},
		slices.Concat(
			conv("float", "x", "9 3 3 3", 1, 1), []ir.Node{fake("fa", "float", 0), average("v", "fa", 2, 2, 0), op("Relu", "r", "fa"), fake("fr", "r", 0), pool("p", "fr", 2, 2, 0)},
			conv("zero", "p", "4 9 1 1"), []ir.Node{reshape("f", "v", -1, 54), dense("float2", "f", "54 4"), reshape("g", "zero", -1, 24), dense("c", "g", "24 4"), op("Add", "y", "float2", "c")},
		),
		[]string{"fa", "r", "fr", "p", "zero", "g"},
	},
	{
		"a function, and a product of it",
		[]int{2, 4, 5},
		slices.Concat(
			conv("float", "x", "9 2 3 3", 1, 1), []ir.Node{fake("fa", "float", 100), op("Sigmoid", "s", "fa"), op("Mul", "silu", "fa", "s")},
			conv("b", "silu", "3 9 1 1"), []ir.Node{reshape("f", "b", -1, 60), dense("y", "f", "60 4")},
		),
		[]string{"fa", "silu", "b", "f"},
	},
	{
		"a float32 layer that goes to no quantized one",
		[]int{6},
		[]ir.Node{dense("float", "x", "6 6"), fake("fa", "float", 128), op("Relu", "r", "fa"), dense("float2", "r", "6 4"), op("Relu", "y", "float2")},
		nil,
	},
	{
		"more values than a byte has",
		[]int{6},
		[]ir.Node{
			dense("a", "x", "6 6"),
			{Op: "FakeQuantize", Name: "fa", Inputs: []string{"a"}, Output: "fa", Scale: 0.003, QuantMin: -128, QuantMax: 255},
			dense("b", "fa", "6 6"), dense("c", "x", "6 6'"),
			{Op: "FakeQuantize", Name: "fc", Inputs: []string{"c"}, Output: "fc", Scale: 0.004, QuantMin: -128, QuantMax: 255},
			op("Add", "s", "fc", "fc"), op("Sigmoid", "t", "fc"), op("Add", "u", "s", "t"), dense("d", "u", "6 4"), dense("e", "b", "6 4"), op("Add", "y", "d", "e"),
		},
		[]string{"b"},
	},
}

// TestFakeQuantizeOfNoNumbers: what is not finite is an error where the layer behind would refuse it.
func TestFakeQuantizeOfNoNumbers(t *testing.T) {
	c := behindFloats[0]
	layers := quantized(t, c.graphOf("y"), batchOf(1, append([]int{16}, c.sample...)...), "static-int8")
	change(t, c, layers)
	m := newModel(t, c.graphOf("y"), layers)
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		x := make([]float32, 2*3*6*5)
		x[100] = float32(bad)
		_, err := m.Run(context.Background(), map[string]tensor.Tensor{"x": tensor.New(tensor.WithShape(2, 3, 6, 5), tensor.WithBacking(x))})
		if !errors.Is(err, qtensor.ErrValue) {
			t.Errorf("%v: got %v, want ErrValue", bad, err)
		}
	}
}
