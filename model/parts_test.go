package model_test

import (
	"runtime"
	"slices"
	"testing"

	"euryale/internal/ir"
)

// TestParts compares kernels that threads share with the same of one thread.
func TestParts(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for _, c := range []struct {
		node   ir.Node
		sample []int
		other  []int // the shape of a constant
		parts  bool  // of a batch of one
	}{
		{ir.Node{Op: "Relu"}, []int{60, 80, 100}, nil, true},
		{ir.Node{Op: "Sin"}, []int{1, 7, 1001}, nil, true},
		{ir.Node{Op: "Add"}, []int{60, 41, 100}, []int{60, 41, 100}, true},
		{ir.Node{Op: "Mul"}, []int{60, 81, 100}, []int{60, 1, 1}, true},
		{ir.Node{Op: "Less"}, []int{60, 81, 100}, []int{100}, true},
		{ir.Node{Op: "Min"}, []int{1, 81, 5000}, []int{1, 81, 1}, true},
		{ir.Node{Op: "MaxPool", Kernel: []int{3, 3}, Pads: []int{1, 1, 1, 1}, Strides: []int{2, 2}}, []int{30, 61, 50}, nil, true},
		{ir.Node{Op: "GlobalAveragePool"}, []int{60, 81, 100}, nil, true},
		{ir.Node{Op: "Softmax"}, []int{30, 41, 50}, nil, true},
		{ir.Node{Op: "LogSoftmax", Axis: new(2)}, []int{30, 41, 50}, nil, true},
		{ir.Node{Op: "ReduceSum", Axes: []int{2, 3}, KeepDims: new(false)}, []int{60, 241, 60}, nil, true},
		{ir.Node{Op: "ReduceMax", Axes: []int{2}}, []int{60, 241, 60}, nil, true},
		{ir.Node{Op: "Softmax", Axis: new(1)}, []int{60, 41, 50}, nil, false},
		{ir.Node{Op: "BatchNormalization"}, []int{60, 241, 60}, []int{60}, false},
		{ir.Node{Op: "Relu"}, []int{30}, nil, false},
	} {
		c.node.Name, c.node.Output, c.node.Inputs = "n", "y", []string{"x"}
		g := &ir.Network{
			Inputs:    []ir.Value{{Name: "x", Shape: append([]int{-1}, c.sample...)}},
			Outputs:   []ir.Value{{Name: "y"}},
			Constants: map[string]*ir.Constant{},
		}
		if c.other != nil {
			g.Constants["c"] = count(c.other...)
			c.node.Inputs = append(c.node.Inputs, "c")
			if c.node.Op == "BatchNormalization" {
				c.node.Inputs = []string{"x", "c", "c", "c", "c"}
			}
		}
		g.Nodes = []ir.Node{c.node}
		m := newModel(t, g, nil)
		for _, batch := range []int{1, 5} {
			in := batchOf(3, append([]int{batch}, c.sample...)...)
			runtime.GOMAXPROCS(1)
			want := run(t, m, in, "y")
			runtime.GOMAXPROCS(4)
			if parts := m.Parts(batch); parts > 1 != (c.parts || batch > 1 && len(c.sample) > 1) {
				t.Errorf("%s of %d × %v is in %d parts", c.node.Op, batch, c.sample, parts)
			}
			if got := run(t, m, in, "y"); !slices.Equal(got, want) {
				t.Errorf("%s of %d × %v: other bits in parts", c.node.Op, batch, c.sample)
			}
		}
	}
}
