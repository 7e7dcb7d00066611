package model_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"euryale/internal/ir"

	"gorgonia.org/tensor"
)

// depthwise returns a depthwise convolution of so many channels by 3×3 and its Relu.
func depthwise(name, in, filters string, channels, stride int, pads ...int) []ir.Node {
	nodes := conv(name, in, filters, pads...)
	nodes[0].Group, nodes[0].Strides = channels, []int{stride, stride}
	return nodes
}

// channelsLast are networks, with the values that are NHWC.
var channelsLast = []propagated{
	{
		"separable convolutions",
		[]int{3, 9, 8},
		slices.Concat(
			conv("a", "x", "8 3 3 3", 1, 1), depthwise("b", "a", "8 1 3 3", 8, 1, 1, 1), conv("c", "b", "20 8 1 1"), depthwise("d", "c", "20 1 3 3", 20, 2, 1, 1),
			conv("e", "d", "24 20 1 1"), []ir.Node{op("GlobalAveragePool", "g", "e"), reshape("f", "g", -1, 24), dense("y", "f", "24 4")},
		),
		[]string{"b.sum", "b", "c.sum", "c", "d.sum", "d"},
	},
	{
		"inverted residuals with Clip and a factor",
		[]int{12, 5, 6},
		slices.Concat(
			[]ir.Node{plainConv("a", "x", "30 12 1 1"), {Op: "Clip", Name: "six", Inputs: []string{"a"}, Output: "six", Min: new(float32(0)), Max: new(float32(0.5))}},
			depthwise("b", "six", "30 1 3 3", 30, 1, 1, 1), []ir.Node{plainConv("c", "b", "12 30 1 1"), plainConv("d", "c", "30 12 1 1'"), op("Mul", "half", "d", "=1.5")},
			depthwise("e", "half", "30 1 3 3'", 30, 1, 1, 1), []ir.Node{plainConv("h", "e", "12 30 1 1'"), op("Add", "sum", "c", "h"), plainConv("i", "sum", "16 12 1 1")},
			depthwise("j", "i", "16 1 3 3", 16, 2, 1, 1), []ir.Node{reshape("f", "j", -1, 144), dense("y", "f", "144 4")},
		),
		[]string{"a", "six", "b.sum", "b", "d", "half", "e.sum", "e", "i"},
	},
	{
		"what others read, too few channels, and no depthwise convolution",
		[]int{8, 6, 6},
		slices.Concat(
			depthwise("a", "x", "8 1 3 3", 8, 1, 1, 1), []ir.Node{plainConv("b", "a", "8 8 1 1"), pool("p", "a", 2, 2, 0), plainConv("c", "p", "4 8 1 1"), plainConv("d", "c", "4 4 1 1")},
			depthwise("few", "d", "4 1 3 3", 4, 1, 1, 1), depthwise("e", "b", "8 1 3 3'", 8, 1, 1, 1),
			[]ir.Node{op("Add", "s", "e", "6"), plainConv("h", "s", "4 8 1 1'"), reshape("f", "h", -1, 144), reshape("g", "few", -1, 36), concat("k", 1, "f", "g"), dense("y", "k", "180 4")},
		),
		[]string{"b"},
	},
}

// TestChannelsLast wants the values that are NHWC, and the bits of a model whose values all are outputs, and NCHW: of
// what is observed too.
func TestChannelsLast(t *testing.T) {
	for _, c := range channelsLast {
		g := c.graphOf("y")
		m := newModel(t, g, nil)
		var all, want []string
		for _, n := range g.Nodes {
			all = append(all, n.Output)
			if slices.Contains(c.quantized, n.Output) {
				want = append(want, n.Output)
			}
		}
		plain := newModel(t, c.graphOf(all...), nil)
		if got := m.ChannelsLast(); !slices.Equal(got, want) || len(plain.ChannelsLast()) > 0 {
			t.Errorf("%s: NHWC are %v and %v, want %v and none", c.name, got, plain.ChannelsLast(), want)
		}
		for _, batch := range []int{1, 5, 40} {
			in := batchOf(uint64(batch), append([]int{batch}, c.sample...)...)
			out, err := plain.Run(context.Background(), in)
			if err != nil {
				t.Fatal(err)
			}
			check := func(name string, got []float32) {
				if want := out[name].(*tensor.Dense).Float32s(); !slices.EqualFunc(got, want, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
					t.Errorf("%s, batch %d, %s: got %v, want %v", c.name, batch, name, got, want)
				}
			}
			check("y", run(t, m, in, "y"))
			for _, names := range [][]string{all, {want[0], all[len(all)-2]}} {
				seen := 0
				if err := m.ObserveNamed(context.Background(), in, names, func(name string, x []float32) error {
					seen++
					check(name, x)
					return nil
				}); err != nil || seen != len(names) {
					t.Errorf("%s: %d values observed, %v, want %d", c.name, seen, err, len(names))
				}
			}
		}
	}
}
