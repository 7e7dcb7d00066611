package model_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"euryale/internal/ir"
	"euryale/internal/isa"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// propagated is a network from x to y, and the values of it that are kept quantized.
type propagated struct {
	name      string
	sample    []int
	nodes     []ir.Node
	quantized []string
}

// conv returns a convolution and its Relu, by the sizes of its filters; name is what it gives.
func conv(name, in, filters string, pads ...int) []ir.Node {
	n := ir.Node{Op: "Conv", Name: name + ".conv", Inputs: []string{in, filters}, Output: name + ".sum", Pads: slices.Concat(pads, pads)}
	return []ir.Node{n, {Op: "Relu", Name: name + ".relu", Inputs: []string{n.Output}, Output: name}}
}

func dense(name, in, weight string) ir.Node {
	return ir.Node{Op: "Gemm", Name: name + ".gemm", Inputs: []string{in, weight}, Output: name}
}

func pool(name, in string, kernel, stride, pad int) ir.Node {
	return ir.Node{Op: "MaxPool", Name: name, Inputs: []string{in}, Output: name, Kernel: []int{kernel, kernel}, Strides: []int{stride, stride}, Pads: []int{pad, pad, pad, pad}}
}

func reshape(name, in string, shape ...int) ir.Node {
	return ir.Node{Op: "Reshape", Name: name, Inputs: []string{in}, Output: name, Shape: shape}
}

func concat(name string, axis int, in ...string) ir.Node {
	return ir.Node{Op: "Concat", Name: name, Inputs: in, Output: name, Axis: new(axis)}
}

// part returns a Slice along an axis, in steps.
func part(name string, axis, start, end, step int, in string) ir.Node {
	return ir.Node{Op: "Slice", Name: name, Inputs: []string{in}, Output: name, Axes: []int{axis}, Starts: []int{start}, Ends: []int{end}, Steps: []int{step}}
}

var propagations = []propagated{
	{
		"dense",
		[]int{20},
		[]ir.Node{dense("r.sum", "x", "20 32"), {Op: "Relu", Name: "r", Inputs: []string{"r.sum"}, Output: "r"}, dense("b", "r", "32 16"), dense("y", "b", "16 4")},
		[]string{"r", "b"},
	},
	{
		"lenet",
		[]int{1, 12, 12},
		slices.Concat(
			conv("a", "x", "18 1 5 5", 2, 2), []ir.Node{pool("pa", "a", 2, 2, 0)}, conv("b", "pa", "7 18 3 3", 0, 0), []ir.Node{pool("pb", "b", 2, 2, 0)},
			[]ir.Node{reshape("f", "pb", -1, 28), dense("d", "f", "28 16"), dense("y", "d", "16 4")},
		),
		[]string{"a", "pa", "b", "pb", "f", "d"},
	},
	{
		"pools that overlap and reach over the border",
		[]int{3, 9, 7},
		slices.Concat(
			conv("a", "x", "4 3 3 3", 1, 1), []ir.Node{pool("p", "a", 3, 2, 1), pool("q", "p", 2, 1, 1), pool("r", "q", 4, 3, 2)},
			[]ir.Node{reshape("f", "r", -1, 24), dense("y", "f", "24 4")},
		),
		[]string{"a", "p", "q", "r", "f"},
	},
	{
		"channels put together",
		[]int{2, 5, 6},
		slices.Concat(
			conv("a", "x", "3 2 3 3", 1, 1), conv("b", "x", "1 2 1 1"), conv("c", "x", "4 2 3 3", 1, 1),
			[]ir.Node{concat("ab", 1, "a", "b"), concat("abc", -3, "ab", "c")}, conv("d", "abc", "2 8 3 3"), []ir.Node{reshape("f", "d", -1, 24), dense("y", "f", "24 4")},
		),
		[]string{"a", "b", "c", "ab", "abc", "d", "f"},
	},
	{
		"rows put together, of which one is float32",
		[]int{6},
		[]ir.Node{dense("a", "x", "6 3"), concat("ax", 1, "a", "x"), dense("b", "ax", "9 4"), dense("c", "ax", "9 5"), concat("bc", 1, "b", "c"), dense("y", "bc", "9 4")},
		[]string{"b", "c", "bc"},
	},
	{
		"read quantized and as float32",
		[]int{6},
		[]ir.Node{dense("a", "x", "6 6"), dense("b", "a", "6 6"), {Op: "Add", Name: "s", Inputs: []string{"a", "b"}, Output: "s"}, dense("y", "s", "6 4")},
		nil,
	},
	{
		"read by two, for a third",
		[]int{6},
		[]ir.Node{dense("a", "x", "6 6"), dense("b", "a", "6 6"), dense("other", "a", "6 6"), concat("c", 1, "b", "other"), dense("y", "c", "12 4")},
		[]string{"a", "b", "other", "c"},
	},
	{
		"one consumer's parameters are not another's",
		[]int{6},
		[]ir.Node{
			dense("a", "x", "6 6"), dense("b", "a", "6 6"), dense("dynamic", "a", "6 6"), concat("c", 1, "b", "dynamic"),
			dense("d", "c", "12 6"), dense("e", "d", "6 6"), dense("wide", "d", "6 6"), concat("f", 1, "e", "wide"), dense("y", "f", "12 4"),
		},
		[]string{"b", "dynamic", "c", "e", "wide", "f"},
	},
	{
		"a weight for images, for rows, and for numbers in groups",
		[]int{2, 3, 4},
		slices.Concat(
			conv("a", "x", "2 2 1 1"), conv("grouped", "a", "2 2 2 2", 1, 1), conv("b", "grouped", "2 2 2 2"), []ir.Node{reshape("f", "b", -1, 24), dense("c", "f", "24 24"), dense("d", "c", "24 24"), dense("e", "c", "24 24")},
			[]ir.Node{reshape("i", "d", -1, 2, 3, 4)}, conv("j", "i", "2 2 1 1"), []ir.Node{reshape("g", "j", -1, 24), concat("ge", 1, "g", "e"), dense("y", "ge", "48 4")},
		),
		[]string{"grouped", "b", "f", "c"},
	},
	{
		"numbers in groups, of rows that were images",
		[]int{2, 3, 4},
		slices.Concat(conv("a", "x", "2 2 1 1"), []ir.Node{reshape("f", "a", -1, 24), dense("grouped", "f", "24 6"), dense("y", "grouped", "6 4")}),
		[]string{"grouped"},
	},
	{
		"groups, and images that are taken independent",
		[]int{2, 4, 4},
		slices.Concat(
			conv("a", "x", "4 2 3 3", 1, 1), []ir.Node{{Op: "Conv", Name: "g.conv", Inputs: []string{"a", "4 2 3 3'"}, Output: "g", Group: 2}},
			conv("b", "g", "4 4 1 1"), []ir.Node{reshape("half", "b", -1, 8), dense("h", "half", "8 5"), reshape("one", "h", -1, 10, 1, 1), {Op: "Conv", Name: "two.conv", Inputs: []string{"one", "4 5 1 1"}, Output: "two", Group: 2}},
			conv("c", "two", "3 4 1 1"), []ir.Node{reshape("f", "c", -1, 3), dense("y", "f", "3 4")},
		),
		[]string{"c", "f"},
	},
	{
		"a channel for each filter",
		[]int{3, 7, 6},
		slices.Concat(
			conv("a", "x", "18 3 1 1"), []ir.Node{
				{Op: "Conv", Name: "d.conv", Inputs: []string{"a", "18 1 3 3"}, Output: "d.sum", Group: 18, Pads: []int{1, 1, 1, 1}, Strides: []int{2, 1}},
				{Op: "Relu", Name: "d.relu", Inputs: []string{"d.sum"}, Output: "d"},
			},
			conv("b", "d", "3 18 1 1"), []ir.Node{reshape("f", "b", -1, 72), dense("y", "f", "72 4")},
		),
		[]string{"a", "d", "b", "f"},
	},
	{
		"parts of images",
		[]int{3, 7, 8},
		slices.Concat(
			conv("a", "x", "6 3 3 3", 1, 1), []ir.Node{part("channels", 1, 1, 5, 1, "a"), part("rows", 2, -6, 6, 1, "channels"), part("columns", -1, 1, 9, 3, "rows")},
			conv("b", "columns", "5 4 2 2"), []ir.Node{part("some", 1, 0, 5, 2, "b"), part("pixel", 3, 1, 2, 1, "some"), part("line", 2, 1, 2, 1, "pixel"), reshape("f", "line", -1, 3)},
			[]ir.Node{dense("c", "f", "3 4")}, conv("h", "x", "6 3 3 3'", 1, 1), []ir.Node{part("one", 1, 2, 3, 1, "h")}, conv("d", "one", "2 1 3 3"), []ir.Node{reshape("g", "d", -1, 60), part("twenty", 1, 5, 25, 1, "g"), dense("e", "twenty", "20 4"), concat("ce", 1, "c", "e"), dense("y", "ce", "8 4")},
		),
		[]string{"a", "channels", "rows", "columns", "b", "some", "pixel", "line", "f", "h", "one", "c", "e", "ce"},
	},
	{
		"parts of rows, and of rows that are sequences",
		[]int{12},
		[]ir.Node{
			dense("a", "x", "12 24"), part("b", 1, 3, 21, 3, "a"), dense("c", "b", "6 24"), reshape("s", "c", -1, 4, 6), part("t", 1, 1, 3, 1, "s"), part("u", 2, 0, 6, 2, "t"),
			reshape("f", "u", -1, 6), dense("y", "f", "6 4"),
		},
		[]string{"a", "b", "c", "s", "t", "u", "f"},
	},
	{
		"parts for layers of other maps",
		[]int{6},
		[]ir.Node{dense("a", "x", "6 6"), part("b", 1, 0, 3, 1, "a"), part("c", 1, 3, 6, 1, "a"), dense("middle", "b", "3 6"), dense("wide", "c", "3 6"), concat("d", 1, "middle", "wide"), dense("y", "d", "12 4")},
		[]string{"middle", "wide", "d"},
	},
	{
		"matrices of images",
		[]int{2, 3, 4},
		slices.Concat(conv("a", "x", "4 2 1 1"), []ir.Node{{Op: "MatMul", Name: "m", Inputs: []string{"a", "4 5"}, Output: "m"}, {Op: "MatMul", Name: "y", Inputs: []string{"m", "5 4"}, Output: "y"}}),
		[]string{"m"},
	},
}

// graphOf returns the graph, whose constants are named after their shapes, or =x for the number x.
func (c propagated) graphOf(outputs ...string) *ir.Network {
	rng := rand.New(rand.NewPCG(4, 2))
	one := func(x float32) *ir.Constant { return &ir.Constant{Shape: []int{1}, Data: []float32{x}} }
	g := &ir.Network{Inputs: []ir.Value{{Name: "x", Shape: append([]int{-1}, c.sample...)}}, Nodes: c.nodes, Constants: map[string]*ir.Constant{}}
	for _, n := range c.nodes {
		if n.Op != "Conv" && n.Op != "Gemm" && n.Op != "MatMul" {
			for _, in := range n.Inputs {
				var x float32
				var n int
				if _, err := fmt.Sscanf(in, "=%g", &x); err == nil {
					g.Constants[in] = one(x)
				} else if _, err := fmt.Sscan(in, &n); err == nil {
					g.Constants[in] = random(rng, 1, n)
				}
			}
			continue
		}
		var shape [4]int
		rank, _ := fmt.Sscan(n.Inputs[1], &shape[0], &shape[1], &shape[2], &shape[3])
		if rank == 0 { // it is computed
			continue
		}
		g.Constants[n.Inputs[1]] = random(rng, 0.4, shape[:rank]...)
	}
	for _, name := range outputs {
		g.Outputs = append(g.Outputs, ir.Value{Name: name})
	}
	return g
}

// change makes the layers that are named so other than those around them, or leaves them float32.
func change(t testing.TB, c propagated, layers map[string]model.Layer) {
	t.Helper()
	for name, l := range layers {
		var err error
		switch {
		case strings.HasPrefix(name, "float"):
			delete(layers, name)
			continue
		case strings.HasPrefix(name, "zero"):
			l = with(l.Weight, like(0))
		case strings.HasPrefix(name, "middle"):
			l = with(l.Weight, like(128))
		}
		switch name {
		case "dynamic.gemm":
			l.Activations, l.Params = model.DynamicInt8, qtensor.Params{}
		case "wide.gemm":
			var p qtensor.Params
			p, err = qtensor.NewParams(qtensor.Affine(8), []float32{-9}, []float32{9})
			l = with(l.Weight, layerOf(p))
		case "grouped.conv":
			l.Weight, err = qtensor.Quantize(tensorOf(c.graphOf().Constants["2 2 2 2"]), qtensor.Int4().PerGroup(0, 4))
		case "grouped.gemm":
			l.Weight, err = qtensor.Quantize(tensorOf(c.graphOf().Constants["24 6"]), qtensor.Int4().PerGroup(1, 4))
		}
		if err != nil {
			t.Fatal(err)
		}
		layers[name] = l
	}
}

// TestPropagate compares each network to the same one whose values are all asked for, and so float32.
func TestPropagate(t *testing.T) {
	for number, c := range slices.Concat(propagations, computed, tabled, behindFloats) {
		batches := []int{1, 5, 33}
		if testing.Short() {
			batches = batches[number%3:][:1]
		}
		all := []string{"y"}
		for _, n := range c.nodes {
			if n.Output != "y" && !strings.HasSuffix(n.Output, ".sum") { // which is its Relu's alone
				all = append(all, n.Output)
			}
		}
		seen := batchOf(1, append([]int{16}, c.sample...)...)
		layers := quantized(t, c.graphOf("y"), seen, "static-int8")
		change(t, c, layers)
		m, independent := newModel(t, c.graphOf("y"), layers), newModel(t, c.graphOf(all...), layers)
		if got := m.QuantizedValues(); !slices.Equal(sorted(got), sorted(c.quantized)) {
			t.Errorf("%s: %v are kept quantized, want %v", c.name, got, c.quantized)
		}
		if got := independent.QuantizedValues(); got != nil {
			t.Errorf("%s: outputs are kept quantized: %v", c.name, got)
		}
		for _, tier := range isa.All() {
			if !isa.Supported(tier) {
				continue
			}
			restore := isa.Use(tier)
			for _, batch := range batches {
				in := batchOf(uint64(batch), append([]int{batch}, c.sample...)...)
				want, err := independent.Run(context.Background(), in)
				if err != nil {
					t.Fatal(err)
				}
				if got := run(t, m, in, "y"); !slices.Equal(got, want["y"].(*tensor.Dense).Float32s()) {
					t.Errorf("%s, batch %d: other bits than by float32", c.name, batch)
				}
				shown := 0
				err = m.Observe(context.Background(), in, func(name string, x []float32) error {
					if name == "x" || strings.HasSuffix(name, ".sum") {
						return nil
					}
					shown++
					if !slices.Equal(x, want[name].(*tensor.Dense).Float32s()) {
						t.Errorf("%s, batch %d: other bits for %s where it is shown", c.name, batch, name)
					}
					return nil
				})
				if err != nil || shown != len(all) {
					t.Errorf("%s: shown %d values, error %v, want %d", c.name, shown, err, len(all))
				}
				if again := run(t, m, in, "y"); !slices.Equal(again, want["y"].(*tensor.Dense).Float32s()) {
					t.Errorf("%s, batch %d: other bits after it was shown", c.name, batch)
				}
			}
			restore()
		}
	}
}

func sorted(names []string) []string { return slices.Sorted(slices.Values(names)) }
