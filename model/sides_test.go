package model_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/ir"
	"euryale/internal/isa"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// TestLongSides convolves and pools images of one row, and of one column, that are as long as a second of audio:
// each pixel is what it is in a piece of the image.
func TestLongSides(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	const kernel, pieces, width = 5, 64, 689
	const long = pieces*width + kernel - 1 // 44,100
	rng := rand.New(rand.NewPCG(44, 100))
	static := with(nil, like(128))
	for _, c := range []struct {
		name              string
		node              ir.Node
		channels, filters int
		scheme            qtensor.Scheme
		layer             *model.Layer
	}{
		{"float", ir.Node{Op: "Conv"}, 3, 5, qtensor.Scheme{}, nil},
		{"one channel", ir.Node{Op: "Conv"}, 1, 5, qtensor.PerChannelSymmetric(8, 0), &static},
		{"few channels", ir.Node{Op: "Conv"}, 3, 18, qtensor.PerChannelSymmetric(8, 0), &static},
		{"many channels", ir.Node{Op: "Conv"}, 8, 6, qtensor.PerChannelSymmetric(8, 0), &static},
		{"zero points", ir.Node{Op: "Conv"}, 8, 6, qtensor.PerChannelAffine(8, 0), &static},
		{"groups of scales", ir.Node{Op: "Conv"}, 4, 6, qtensor.Int4().PerGroup(0, 4), &static},
		{"groups of channels", ir.Node{Op: "Conv", Group: 2}, 4, 6, qtensor.PerChannelSymmetric(8, 0), &static},
		{"depthwise", ir.Node{Op: "Conv", Group: 8}, 8, 8, qtensor.PerChannelSymmetric(8, 0), &static},
		{"largest", ir.Node{Op: "MaxPool"}, 2, 2, qtensor.Scheme{}, nil},
		{"average", ir.Node{Op: "AveragePool"}, 2, 2, qtensor.Scheme{}, nil},
	} {
		for _, upright := range []bool{false, true} {
			sides := func(n int) []int {
				if upright {
					return []int{n, 1}
				}
				return []int{1, n}
			}
			w := random(rng, 0.5, append([]int{c.filters, c.channels / max(1, c.node.Group)}, sides(kernel)...)...)
			of := func(n int) *model.Model {
				node := c.node
				node.Name, node.Inputs, node.Output = "node", []string{"x"}, "y"
				g := &ir.Network{
					Inputs:  []ir.Value{{Name: "x", Shape: append([]int{-1, c.channels}, sides(n)...)}},
					Outputs: []ir.Value{{Name: "y"}}, Constants: map[string]*ir.Constant{},
				}
				if node.Op == "Conv" {
					node.Inputs, g.Constants["w"] = append(node.Inputs, "w"), w
				} else {
					node.Kernel = sides(kernel)
				}
				g.Nodes = []ir.Node{node}
				if c.layer == nil {
					return newModel(t, g, nil)
				}
				return newModel(t, g, map[string]model.Layer{"node": with(quantize(t, w, c.scheme), *c.layer)})
			}
			whole, part := of(long), of(width+kernel-1)
			x := random(rng, 1, append([]int{1, c.channels}, sides(long)...)...)
			cut := &ir.Constant{Shape: append([]int{pieces, c.channels}, sides(width+kernel-1)...)}
			for i := range pieces {
				for channel := range c.channels {
					cut.Data = append(cut.Data, x.Data[channel*long+i*width:][:width+kernel-1]...)
				}
			}
			for _, tier := range isa.All() {
				if !isa.Supported(tier) {
					continue
				}
				restore := isa.Use(tier)
				got := run(t, whole, map[string]tensor.Tensor{"x": tensorOf(x)}, "y")
				parts := run(t, part, map[string]tensor.Tensor{"x": tensorOf(cut)}, "y")
				restore()
				var want []float32
				for filter := range c.filters {
					for i := range pieces {
						want = append(want, parts[(i*c.filters+filter)*width:][:width]...)
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s, upright %t, %v: got other numbers than in pieces", c.name, upright, tier)
				}
			}
		}
	}
	for _, c := range []struct{ shape, pads []int }{{[]int{-1, 1, 1, 1 << 20}, []int{0, 0, 0, 1}}, {[]int{-1, 1, 1 << 14, 1 << 14}, []int{1, 0, 0, 0}}} {
		g := &ir.Network{
			Inputs: []ir.Value{{Name: "x", Shape: c.shape}}, Outputs: []ir.Value{{Name: "y"}},
			Nodes:     []ir.Node{{Op: "Conv", Name: "node", Inputs: []string{"x", "w"}, Output: "y", Strides: []int{1, 1 << 15}, Pads: c.pads}},
			Constants: map[string]*ir.Constant{"w": count(1, 1, 1, 1)},
		}
		_, err := model.New(g, map[string]model.Layer{"node": with(quantize(t, g.Constants["w"], qtensor.Symmetric(8)), static)})
		if name := fmt.Sprint(c.shape); (err == nil) != (c.pads[0] == 0) {
			t.Errorf("%s with pads of %v: got error %v", name, c.pads, err)
		}
	}
}
