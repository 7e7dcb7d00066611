package model_test

import (
	"slices"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"
)

// fakeScale is that of every fake; by most values here it clips a little.
const fakeScale = 0.03

// fake rounds to 8-bit values with a zero point.
func fake(name, in string, zero int32) ir.Node {
	return ir.Node{Op: "FakeQuantize", Name: name, Inputs: []string{in}, Output: name, Scale: fakeScale, ZeroPoint: zero, QuantMax: 255}
}

// layerOf returns the activations of a layer with parameters.
func layerOf(p qtensor.Params) model.Layer {
	return model.Layer{Activations: model.StaticInt8, Params: p}
}

// with returns a layer with a weight, whose activations are those of another.
func with(w *qtensor.QTensor, other model.Layer) model.Layer {
	other.Weight = w
	return other
}

// like returns the activations of a layer whose input is rounded by such a fake.
func like(zero int32) model.Layer {
	return layerOf(qtensor.Params{Scheme: qtensor.Affine(8), Scales: []float32{fakeScale}, ZeroPoints: []int32{zero}})
}

// plainConv is conv without a Relu.
func plainConv(name, in, filters string, pads ...int) ir.Node {
	return ir.Node{Op: "Conv", Name: name + ".conv", Inputs: []string{in, filters}, Output: name, Pads: slices.Concat(pads, pads)}
}

func op(kind, name string, in ...string) ir.Node {
	return ir.Node{Op: kind, Name: name, Inputs: in, Output: name}
}

func average(name, in string, kernel, stride, pad int) ir.Node {
	n := pool(name, in, kernel, stride, pad)
	n.Op = "AveragePool"
	return n
}

// A layer named zero… reads what fakes of the zero point 0 give, one named middle… those of 128.
var computed = []propagated{
	{
		"residual blocks",
		[]int{3, 6, 5},
		slices.Concat(
			conv("a", "x", "18 3 3 3", 1, 1), []ir.Node{fake("fa", "a", 0)}, conv("zero1", "a", "5 18 1 1"), []ir.Node{plainConv("b", "zero1", "18 5 3 3", 1, 1), fake("fb", "b", 120)},
			[]ir.Node{op("Add", "s", "fa", "fb"), op("Relu", "r", "s"), fake("fr", "r", 0)}, conv("zero2", "r", "5 18 1 1'"), []ir.Node{plainConv("c", "zero2", "18 5 3 3'", 1, 1), fake("fc", "c", 110)},
			[]ir.Node{op("Add", "t", "fc", "fr"), op("Relu", "u", "t"), fake("fu", "u", 0), op("GlobalAveragePool", "g", "fu"), reshape("f", "g", -1, 18), dense("y", "f", "18 4")},
		),
		[]string{"a", "fa", "zero1", "b", "fb", "s", "r", "fr", "zero2", "c", "fc", "t", "u", "fu", "g", "f"},
	},
	{
		"a sum of images that is asked for",
		[]int{2, 4, 4},
		slices.Concat(conv("a", "x", "7 2 3 3", 1, 1), []ir.Node{fake("fa", "a", 0), fake("twice", "fa", 0), plainConv("middle", "x", "7 2 3 3'", 1, 1), fake("fb", "middle", 128), op("Add", "y", "twice", "fb")}),
		[]string{"a", "fa", "twice", "middle", "fb"},
	},
	{
		"a sum of rows that were images, and one with others",
		[]int{2, 4, 4},
		slices.Concat(
			conv("a", "x", "7 2 3 3", 1, 1), []ir.Node{reshape("ra", "a", -1, 112), fake("fa", "ra", 0), plainConv("b", "x", "7 2 3 3'", 1, 1), fake("fb", "b", 100), reshape("rb", "fb", -1, 112), op("Add", "s", "fa", "rb")},
			[]ir.Node{reshape("rx", "x", -1, 32), dense("c", "rx", "32 112"), fake("fc", "c", 90), fake("fs", "s", 60), op("Add", "y", "fc", "fs")},
		),
		[]string{"a", "ra", "fa", "b", "fb", "rb"},
	},
	{
		"averages of windows that reach over the border",
		[]int{2, 7, 6},
		slices.Concat(
			conv("a", "x", "17 2 3 3", 1, 1), []ir.Node{fake("fa", "a", 0), average("p", "fa", 3, 2, 1)}, conv("b", "p", "3 17 2 2"),
			[]ir.Node{fake("fb", "b", 0), average("y", "fb", 2, 1, 1)},
		),
		[]string{"a", "fa", "p", "b", "fb"},
	},
	{
		"averages of whole images that are asked for",
		[]int{2, 3, 3},
		slices.Concat(conv("a", "x", "17 2 3 3", 1, 1), []ir.Node{pool("m", "a", 2, 1, 0), fake("fm", "m", 0), op("GlobalAveragePool", "y", "fm")}),
		[]string{"a", "m", "fm"},
	},
	{
		"of rows, twice the same, through max-pooling and Concat",
		[]int{6},
		[]ir.Node{
			dense("a", "x", "6 5"), fake("fa", "a", 90), dense("b", "x", "6 3"), fake("fb", "b", 90), concat("ab", 1, "fa", "fb"), op("Add", "s", "ab", "ab"), dense("y", "s", "8 4"),
		},
		[]string{"a", "fa", "b", "fb", "ab", "s"},
	},
	{
		"sums that are not of quantized values",
		[]int{6},
		[]ir.Node{
			dense("a", "x", "6 6"), fake("fa", "a", 90), fake("fx", "x", 90), op("Add", "float", "fa", "fx"),
			dense("b", "float", "6 6"), fake("fb", "b", 90), dense("one", "float", "6 1"), fake("fone", "one", 90), op("Add", "wide", "fb", "fone"),
			dense("c", "wide", "6 6"), fake("fc", "c", 90), op("Softmax", "shape", "fc"), op("Add", "read", "fc", "shape"),
			dense("d", "read", "6 6"), op("Add", "unrounded", "d", "d"),
			dense("e", "unrounded", "6 6"), fake("fe", "e", 90), dense("middle", "fe", "6 6"), op("Add", "other", "fe", "fe"),
			dense("f.sum", "middle", "6 6"), op("Relu", "rf", "f.sum"), op("Relu", "rff", "rf"), fake("frf", "rff", 7), op("Add", "sum", "frf", "other"),
			dense("g", "sum", "6 6"),
			{Op: "FakeQuantize", Name: "huge", Inputs: []string{"g"}, Output: "huge", Scale: 4e35, QuantMax: 255},
			op("Add", "none", "huge", "huge"),
			dense("y", "none", "6 4"),
		},
		[]string{"a", "fa", "fx", "float", "middle"},
	},
	{
		"a Relu of quantized values, of which some are below zero",
		[]int{6},
		[]ir.Node{dense("a", "x", "6 6"), fake("fa", "a", 90), op("Add", "s", "fa", "fa"), op("Relu", "r", "s"), fake("fr", "r", 7), op("Add", "t", "fr", "fr"), dense("y", "t", "6 4")},
		[]string{"a", "fa", "r", "fr", "t"},
	},
	{
		"signed quantized values",
		[]int{6},
		[]ir.Node{
			dense("a", "x", "6 6"), {Op: "FakeQuantize", Name: "fa", Inputs: []string{"a"}, Output: "fa", Scale: fakeScale, ZeroPoint: 5, QuantMin: -128, QuantMax: 127}, op("Add", "s", "fa", "fa"), dense("y", "s", "6 4"),
		},
		[]string{"a", "fa", "s"},
	},
	{
		"rounded, and read by a layer of another map",
		[]int{6},
		[]ir.Node{dense("a", "x", "6 6"), fake("fa", "a", 90), dense("middle", "fa", "6 6"), dense("b", "middle", "6 6"), fake("fb", "b", 90), op("Add", "y", "fb", "fb")},
		[]string{"middle", "b", "fb"},
	},
	{
		"averages of more than 32,768 rows",
		[]int{1},
		[]ir.Node{
			dense("a", "x", "1 32769"), reshape("i", "a", -1, 1, 32769, 1), fake("fi", "i", 128),
			op("GlobalAveragePool", "g", "fi"), reshape("f", "g", -1, 1), dense("y", "f", "1 4"),
		},
		[]string{"a", "i", "fi", "g", "f"},
	},
	{
		"rounded, and pooled as it was",
		[]int{2, 4, 4},
		slices.Concat(
			conv("a", "x", "7 2 3 3", 1, 1),
			[]ir.Node{fake("fa", "a", 0), op("GlobalAveragePool", "g", "fa"), pool("m", "a", 2, 2, 0), fake("fm", "m", 0), op("GlobalAveragePool", "h", "fm"), op("Add", "y", "g", "h")},
		),
		[]string{"a", "fa", "m", "fm"},
	},
	{
		"another Concat of other maps, and rounding with the wrong map for a sum",
		[]int{6},
		[]ir.Node{
			dense("a", "x", "6 5"), fake("fa", "a", 90), dense("b", "x", "6 3"), fake("fb", "b", 91), concat("ab", 1, "fa", "fb"), op("Add", "s", "ab", "ab"),
			dense("c", "s", "8 8"), fake("fc", "c", 3), fake("fcc", "fc", 4), op("Add", "t", "fcc", "fcc"), dense("y", "t", "8 4"),
		},
		[]string{"fcc", "t"},
	},
}
