package exprgraph

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestReadNorm: statistics that were set, learned, reset and never set, of batch normalizations of rows and
// of images.
func TestReadNorm(t *testing.T) {
	set := func(mean []float64, variance ...float64) func(*testing.T, *normal) {
		return func(t *testing.T, n *normal) { n.set(t, mean, variance) }
	}
	train := func(runs int) func(*testing.T, *normal) {
		return func(t *testing.T, n *normal) { n.train(t, runs) }
	}
	count := 0
	for _, c := range []struct {
		name string
		do   []func(*testing.T, *normal)
		says string // in the error, if it is one
	}{
		{"never set", nil, "never set: train in a machine"},
		{"set to zeros", []func(*testing.T, *normal){set([]float64{0, 0, 0}, 0, 0, 0)}, "never set"},
		{"set", []func(*testing.T, *normal){set([]float64{0.1, -0.2, 3}, 1, 2, 0.5)}, ""},
		{"set to means alone", []func(*testing.T, *normal){set([]float64{0.1, 0, 0}, 0, 0, 0)}, ""},
		{"set to one variance", []func(*testing.T, *normal){set([]float64{0, 0, 0}, 0, 2, 0)}, ""},
		{"set to leave it", []func(*testing.T, *normal){set([]float64{0, 0, 0}, 1, 1, 1)}, ""},
		{"learned in a run", []func(*testing.T, *normal){train(1)}, ""},
		{"learned in three", []func(*testing.T, *normal){train(3)}, ""},
		{"a machine without a run", []func(*testing.T, *normal){train(0)}, ""},
		{"learned, and reset by another machine", []func(*testing.T, *normal){train(2), train(0)}, "has reset"},
		{"learned, reset and learned", []func(*testing.T, *normal){train(2), train(1)}, ""},
		{"learned, reset and set", []func(*testing.T, *normal){train(2), train(0), set([]float64{0.1, 0.2, 0.3}, 1, 1, 1)}, ""},
		{"negative", []func(*testing.T, *normal){set([]float64{0, 0, 0}, 1, -1, 1)}, "in channel 1"},
		{"NaN", []func(*testing.T, *normal){set([]float64{0, 0, 0}, 1, 1, math.NaN())}, "in channel 2"},
		{"∞", []func(*testing.T, *normal){set([]float64{math.Inf(1), 0, 0}, 1, 1, 1)}, "in channel 0"},
	} {
		for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			for _, ones := range [][]int{nil, {1, 1}} {
				count++
				n := newNormal(t, dt, ones)
				for _, do := range c.do {
					do(t, n)
				}
				_, _, err := normalization(n.op)
				if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
					t.Errorf("%s, %v, %d axes: got error %v, want one that says %q", c.name, dt, 2+len(ones), err, c.says)
				}
			}
		}
	}
	t.Logf("%d cases", count)
}

// normal is a batch normalization of three channels, and a gradient for it.
type normal struct {
	dt      tensor.Dtype
	x, loss node
	op      *gorgonia.BatchNormOp
}

func newNormal(t *testing.T, dt tensor.Dtype, ones []int) *normal {
	t.Helper()
	z := zoo{dt: dt, weights: map[string]*tensor.Dense{}, g: gorgonia.NewGraph()}
	n := &normal{dt: dt, x: z.input("x", append([]int{5, 3}, ones...)...)}
	shape := append([]int{1, 3}, ones...)
	y, _, _, op, err := gorgonia.BatchNorm(n.x, z.weight("gamma", shape...), z.weight("beta", shape...), 0.9, 1e-5)
	if err != nil {
		t.Fatal(err)
	}
	n.op, n.loss = op, must(gorgonia.Mean(must(gorgonia.Square(y))))
	return n
}

// train makes a machine that trains, and has it run.
func (n *normal) train(t *testing.T, runs int) {
	t.Helper()
	machine := gorgonia.NewTapeMachine(n.x.Graph())
	for i := range runs {
		err := gorgonia.Let(n.x, drawnOf(n.dt, fmt.Sprint("run", i), n.x.Shape()...))
		if err == nil {
			err = machine.RunAll()
		}
		if err != nil {
			t.Fatal(err)
		}
		machine.Reset()
	}
}

func (n *normal) set(t *testing.T, mean, variance []float64) {
	t.Helper()
	of := func(x []float64) *tensor.Dense {
		if n.dt == tensor.Float64 {
			return tensor.New(tensor.WithShape(3), tensor.WithBacking(slices.Clone(x)))
		}
		return tensor.New(tensor.WithShape(3), tensor.WithBacking(rounded(x)))
	}
	if err := n.op.SetStats(of(mean), of(variance)); err != nil {
		t.Fatal(err)
	}
}
