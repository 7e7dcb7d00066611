package model_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"euryale/internal/ir"
	"euryale/internal/isa"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// clip returns a Clip to two bounds.
func clip(name, in string, low, high float32) ir.Node {
	return ir.Node{Op: "Clip", Name: name, Inputs: []string{in}, Output: name, Min: &low, Max: &high}
}

// tabled are networks with functions of rounded values. Layers are named as in computed.
var tabled = []propagated{
	{
		"functions of images and rows",
		[]int{3, 7, 6},
		slices.Concat(
			[]ir.Node{plainConv("a", "x", "18 3 3 3", 1, 1), fake("fa", "a", 128), {Op: "LeakyRelu", Name: "l", Inputs: []string{"fa"}, Output: "l", Alpha: new(float32(0.1))}},
			[]ir.Node{plainConv("b", "l", "5 18 3 3", 1, 1), pool("pb", "b", 2, 2, 0), fake("fb", "pb", 110), op("Sigmoid", "s", "fb"), pool("ps", "s", 2, 1, 0)},
			[]ir.Node{reshape("f", "ps", -1, 20), dense("c", "f", "20 12"), fake("fc", "c", 0), op("Tanh", "t", "fc"), dense("y", "t", "12 4")},
		),
		[]string{"a", "fa", "l", "b", "pb", "fb", "s", "ps", "f", "c", "fc", "t"},
	},
	{
		"functions that are asked for",
		[]int{2, 4, 5},
		slices.Concat([]ir.Node{plainConv("a", "x", "7 2 3 3", 1, 1), fake("fa", "a", 128), op("Softplus", "y", "fa")}),
		[]string{"a", "fa"},
	},
	{
		"x·sigmoid(x), and x·clip(x + 3, 0, 6)/6",
		[]int{2, 4, 5},
		[]ir.Node{
			plainConv("a", "x", "9 2 3 3", 1, 1), fake("fa", "a", 100), op("Sigmoid", "s", "fa"), op("Mul", "silu", "fa", "s"),
			plainConv("b", "silu", "6 9 1 1"), fake("fb", "b", 120), op("Add", "more", "fb", "=3"), clip("clipped", "more", 0, 6), op("Mul", "product", "clipped", "fb"),
			op("Div", "swish", "product", "=6"), plainConv("c", "swish", "3 6 1 1"), reshape("f", "c", -1, 60), dense("y", "f", "60 4"),
		},
		[]string{"a", "fa", "silu", "b", "fb", "swish", "c", "f"},
	},
	{
		"functions that are parts of others, and read",
		[]int{6},
		[]ir.Node{
			dense("a", "x", "6 6"), fake("fa", "a", 120), op("Tanh", "t", "fa"), op("Abs", "u", "t"), op("Max", "v", "t", "fa", "u"),
			dense("b", "t", "6 6"), dense("c", "u", "6 6"), dense("d", "v", "6 6"), concat("bcd", 1, "b", "c", "d"), dense("y", "bcd", "18 4"),
		},
		[]string{"a", "fa", "t", "u", "v", "b", "c", "d", "bcd"},
	},
	{
		"a function that is quantized, and one of the same that is not",
		[]int{6},
		[]ir.Node{
			dense("a", "x", "6 6"), fake("fa", "a", 120), op("Tanh", "t", "fa"), op("Exp", "e", "fa"), op("Softmax", "p", "e"),
			dense("b", "t", "6 6"), dense("c", "p", "6 6"), concat("bc", 1, "b", "c"), dense("y", "bc", "12 4"),
		},
		[]string{"a", "fa", "t", "b", "c", "bc"},
	},
	{
		"not finite for values that never are, and finite again",
		[]int{6},
		[]ir.Node{
			dense("r.sum", "x", "6 6"), op("Relu", "r", "r.sum"), fake("fr", "r", 10), op("Sqrt", "s", "fr"), dense("b", "s", "6 6"),
			op("Abs", "ab", "b"), dense("rc.sum", "ab", "6 6"), op("Relu", "rc", "rc.sum"), fake("fc", "rc", 0), op("Log", "log", "fc"), op("Sigmoid", "sl", "log"), dense("y", "sl", "6 4"),
		},
		[]string{"rc", "fc", "sl"},
	},
	{
		"one of two functions is not finite",
		[]int{6},
		[]ir.Node{
			dense("r.sum", "x", "6 6"), op("Relu", "r", "r.sum"), fake("fr", "r", 10), op("Sqrt", "s", "fr"), op("Tanh", "t", "fr"),
			dense("b", "s", "6 6"), dense("c", "t", "6 6"), concat("bc", 1, "b", "c"), dense("y", "bc", "12 4"),
		},
		[]string{"b", "c", "bc"},
	},
	{
		"of a value that is read as float32 too",
		[]int{6},
		[]ir.Node{dense("a", "x", "6 6"), fake("fa", "a", 120), op("Tanh", "t", "fa"), op("Softmax", "p", "fa"), dense("b", "t", "6 6"), dense("c", "p", "6 6"), concat("bc", 1, "b", "c"), dense("y", "bc", "12 4")},
		[]string{"b", "c", "bc"},
	},
	{
		"functions of sums, and sums of functions",
		[]int{6},
		[]ir.Node{
			dense("a", "x", "6 6"), fake("fa", "a", 120), dense("b", "x", "6 6'"), fake("fb", "b", 100), op("Add", "s", "fa", "fb"), fake("fs", "s", 128),
			op("Tanh", "t", "fs"), fake("ft", "t", 128), op("Add", "u", "ft", "fa"), dense("y", "u", "6 4"),
		},
		[]string{"a", "fa", "b", "fb", "s", "fs", "t", "ft", "u"},
	},
	{
		"of values of four bits, signed, and rows that were images",
		[]int{2, 3, 4},
		[]ir.Node{
			plainConv("a", "x", "4 2 3 3", 1, 1), reshape("ra", "a", -1, 48),
			{Op: "FakeQuantize", Name: "fa", Inputs: []string{"ra"}, Output: "fa", Scale: 0.3, ZeroPoint: -2, QuantMin: -8, QuantMax: 7},
			op("Tanh", "t", "fa"), dense("y", "t", "48 4"),
		},
		[]string{"a", "ra", "fa", "t"},
	},
	{
		"clamps, of which some leave quantized values as they are",
		[]int{2, 6, 6},
		slices.Concat(
			[]ir.Node{plainConv("a", "x", "7 2 3 3", 1, 1), clip("ca", "a", -0.25, 0.33), pool("pa", "ca", 2, 1, 0), plainConv("b", "pa", "5 7 1 1"), clip("cb", "b", -1e9, 1e9), plainConv("c", "cb", "3 5 1 1")},
			[]ir.Node{pool("pc", "c", 2, 1, 0), op("Relu", "rc", "pc"), reshape("f", "rc", -1, 48), dense("middle", "f", "48 6"), dense("y", "middle", "6 4")},
		),
		[]string{"a", "ca", "pa", "b", "cb", "c", "pc", "rc", "f", "middle"},
	},
	{
		"a clamp to what is no quantized value, and a sum of it",
		[]int{6},
		[]ir.Node{dense("a", "x", "6 6"), fake("fa", "a", 120), clip("c", "fa", -0.1, 0.2), op("Add", "s", "c", "c"), dense("y", "s", "6 4")},
		nil,
	},
	{
		"constants of other shapes are no part of functions",
		[]int{6},
		[]ir.Node{dense("a", "x", "6 6"), fake("fa", "a", 120), op("Mul", "m", "fa", "6"), dense("y", "m", "6 4")},
		nil,
	},
}

// line is a network of layers of one number, which almost are identities, with nodes between two of them.
func line(t *testing.T, nodes []ir.Node, next qtensor.Params, outputs ...string) *model.Model {
	t.Helper()
	g := &ir.Network{
		Inputs: []ir.Value{{Name: "x", Shape: []int{-1, 1}}},
		Nodes: slices.Concat(
			[]ir.Node{{Op: "Gemm", Name: "first", Inputs: []string{"x", "w"}, Output: "h"}}, nodes,
			[]ir.Node{{Op: "Gemm", Name: "last", Inputs: []string{nodes[len(nodes)-1].Output, "w"}, Output: "y"}},
		),
		Constants: map[string]*ir.Constant{"w": {Shape: []int{1, 1}, Data: []float32{1}}},
	}
	for name, x := range map[string]float32{"half": 0.5, "third": 1. / 3} {
		g.Constants[name] = &ir.Constant{Shape: []int{1}, Data: []float32{x}}
	}
	for _, name := range append(outputs, "y") {
		g.Outputs = append(g.Outputs, ir.Value{Name: name})
	}
	w := quantize(t, g.Constants["w"], qtensor.Symmetric(8))
	return newModel(t, g, map[string]model.Layer{"first": {Weight: w}, "last": with(w, layerOf(next))})
}

// ofOne are functions of h, in nodes that end with f.
var ofOne = map[string][]ir.Node{
	"LeakyRelu": {{Op: "LeakyRelu", Name: "f", Inputs: []string{"h~"}, Output: "f", Alpha: new(float32(0.3))}},
	"Clip":      {op("Tanh", "s", "h~"), clip("f", "s", -0.3, 0.8)},
	"Relu":      {op("Sub", "s", "h~", "half"), op("Relu", "f", "s")},
	"SiLU":      {op("Sigmoid", "s", "h~"), op("Mul", "f", "h~", "s")},
	"mask":      {op("Greater", "g", "h~", "half"), op("Cast", "c", "g"), op("Mul", "f", "h~", "c")},
	"choice":    {op("LessOrEqual", "g", "h~", "half"), op("Not", "n", "g"), op("Tanh", "s", "h~"), op("Where", "f", "n", "h~", "s")},
	"third":     {op("Pow", "p", "h~", "third"), op("Min", "f", "p", "h~", "half")},
}

func init() {
	for _, name := range []string{
		"Sigmoid", "Tanh", "Abs", "Sign", "Ceil", "Floor", "Sin", "Cos", "Exp", "Log", "Sqrt", "Reciprocal", "Softplus", "Log1p", "Expm1",
	} {
		ofOne[name] = []ir.Node{op(name, "f", "h~")}
	}
}

// TestFunctions compares functions of all quantized values, by many parameters, to the same in float32, as
// they are where the rounded value is asked for.
func TestFunctions(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	type params struct {
		scale     float32
		zero      int32
		low, high int32
	}
	var list []params
	for _, scale := range []float32{0x1p-126, 3e-30, 0.004, 0.03, 0.7, 40, 1e20, 1e35, 3e36} {
		for _, zero := range []int32{0, 1, 128, 254, 255} {
			list = append(list, params{scale, zero, 0, 255})
		}
		list = append(list, params{scale, 0, -127, 127}, params{scale, -128, -128, 127}, params{scale, 7, 0, 15})
	}
	tables, pairs := map[string]int{}, 0
	for name, nodes := range ofOne {
		for i, in := range list {
			out := list[(7*i+len(name))%len(list)]
			if i%2 == 0 { // a scale that shows what the function gives
				out.scale = 0.02
			}
			next := qtensor.Params{Scheme: qtensor.Affine(8), Scales: []float32{out.scale}, ZeroPoints: []int32{out.zero}}
			switch out.high {
			case 127:
				next.Scheme, next.ZeroPoints = qtensor.Symmetric(8), nil
			case 15:
				next.Scheme = qtensor.UInt4()
			}
			rounded := ir.Node{Op: "FakeQuantize", Name: "h~", Inputs: []string{"h"}, Output: "h~", Scale: in.scale, ZeroPoint: in.zero, QuantMin: in.low, QuantMax: in.high}
			all := append([]ir.Node{rounded}, nodes...)
			m, float := line(t, all, next), line(t, all, next, "h~")
			if slices.Contains(m.QuantizedValues(), "f") {
				tables[name]++
			}
			pairs++
			x := make([]float32, 0, 300)
			for q := in.low; q <= in.high; q++ {
				x = append(x, max(-math.MaxFloat32/2, min(math.MaxFloat32/2, in.scale*float32(q-in.zero))))
			}
			feed := map[string]tensor.Tensor{"x": tensor.New(tensor.WithShape(len(x), 1), tensor.WithBacking(x))}
			want, errFloat := float.Run(context.Background(), feed)
			for _, tier := range isa.All() {
				if !isa.Supported(tier) {
					continue
				}
				restore := isa.Use(tier)
				got, err := m.Run(context.Background(), feed)
				restore()
				if (err == nil) != (errFloat == nil) {
					t.Fatalf("%s of %+v, for %+v: error %v, and %v by float32", name, in, out, err, errFloat)
				}
				if err != nil {
					continue
				}
				if at := differ(got["y"], want["y"]); at >= 0 {
					t.Errorf("%s of %+v, for %+v, on %v: other bits for %v than by float32", name, in, out, tier, x[at])
				}
			}
		}
	}
	t.Logf("%d pairs of parameters; tables: %v", pairs, tables)
	// Some are not finite for all that is rounded to: below 0, for the 0 of the zero point, or for much.
	some := map[string]int{"Exp": 20, "Sin": 40, "Cos": 40, "Sqrt": 5, "third": 5, "Log1p": 5, "Expm1": 20, "Log": 0, "Reciprocal": 0}
	for name := range ofOne {
		least, ok := some[name]
		if !ok {
			least = len(list) * 8 / 9 // all but those of the largest scale
		}
		if n := tables[name]; n < least || least == 0 && n > 0 {
			t.Errorf("%s: %d of %d are tables, want %d", name, tables[name], len(list), least)
		}
	}
}

// TestFunctionsSplit computes functions in tasks, to the bits of a batch as a whole.
func TestFunctionsSplit(t *testing.T) {
	for _, c := range tabled {
		g := c.graphOf("y")
		layers := quantized(t, g, batchOf(1, append([]int{16}, c.sample...)...), "static-int8")
		change(t, c, layers)
		m := newModel(t, g, layers)
		in := batchOf(7, append([]int{9}, c.sample...)...)
		want := run(t, m, in, "y")
		for _, tasks := range []int{2, 3, 9} {
			got, err := m.Split(in, tasks)
			if err != nil || !slices.Equal(got[0], want) {
				t.Errorf("%s, %d tasks: other bits, or error %v", c.name, tasks, err)
			}
		}
	}
}

// TestEveryFunction looks for elementwise operations of one operand that TestFunctions leaves out.
func TestEveryFunction(t *testing.T) {
	tried := map[string]bool{}
	for _, nodes := range ofOne {
		for _, n := range nodes {
			tried[n.Op] = true
		}
	}
	for _, d := range ir.Describe() {
		g := ir.Network{Nodes: []ir.Node{op(d.Name, "f", "x"), op("Abs", "other", "x")}}
		if d.Most == 1 && ir.IndexOf(&g).Functions()["f"] == "x" && !tried[d.Name] {
			t.Errorf("%s is a function of one operand that is not tried", d.Name)
		}
	}
}

// BenchmarkFunction runs convolutions with LeakyRelu between them, which is a table or in float32.
func BenchmarkFunction(b *testing.B) {
	c := propagated{sample: []int{32, 56, 56}}
	last := "x"
	for i := range 6 {
		name := fmt.Sprint("c", i)
		c.nodes = append(c.nodes, plainConv(name, last, "32 32 3 3", 1, 1), fake(name+"~", name, 128),
			ir.Node{Op: "LeakyRelu", Name: name + "l", Inputs: []string{name + "~"}, Output: name + "l", Alpha: new(float32(0.1))})
		last = name + "l"
	}
	c.nodes = append(c.nodes, plainConv("y", last, "32 32 3 3", 1, 1))
	g, float := c.graphOf("y"), c.graphOf("y")
	float.Nodes = nil
	for _, n := range c.nodes { // as it is without tables
		if n.Op != "FakeQuantize" {
			n.Inputs = []string{strings.TrimSuffix(n.Inputs[0], "~")}
			if n.Op == "Conv" {
				n.Inputs = append(n.Inputs, "32 32 3 3")
			}
			float.Nodes = append(float.Nodes, n)
		}
	}
	layers := quantized(b, float, batchOf(1, 4, 32, 56, 56), "static-int8")
	for _, batch := range []int{1, 16} {
		in := batchOf(2, batch, 32, 56, 56)
		for name, g := range map[string]*ir.Network{"tables": g, "float32": float} {
			m := newModel(b, g, layers)
			b.Run(fmt.Sprintf("%s/batch %d", name, batch), func(b *testing.B) {
				for b.Loop() {
					run(b, m, in, "y")
				}
			})
		}
	}
}
