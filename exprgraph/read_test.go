package exprgraph

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"euryale/internal/dense"
	"euryale/internal/ir"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// run returns what Gorgonia makes of the inputs, in evaluation.
func run(s Graph, inputs []*tensor.Dense) (outputs []*ir.Constant, err error) {
	for i, x := range s.Inputs {
		if err := gorgonia.Let(x, inputs[i]); err != nil {
			return nil, err
		}
	}
	values := make([]gorgonia.Value, len(s.Outputs))
	for i, y := range s.Outputs {
		gorgonia.Read(y, &values[i])
	}
	vm := gorgonia.NewTapeMachine(s.Outputs[0].Graph(), gorgonia.EvalMode())
	defer func() { err = errors.Join(err, vm.Close()) }()
	if err := vm.RunAll(); err != nil {
		return nil, err
	}
	for _, v := range values {
		data, err := elements(v)
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, &ir.Constant{Shape: v.Shape(), Data: slices.Clone(data)})
	}
	return outputs, nil
}

// readFolded returns the network as layers have it.
func readFolded(build func(batch int) (Graph, error)) (*ir.Network, error) {
	n, err := readNetwork(build, true)
	if err != nil {
		return nil, err
	}
	return n.folded, nil
}

// far returns how far got is from want, relative to the biggest element.
func far(got, want []float32) float64 {
	var most, biggest float64
	for i, w := range want {
		biggest = max(biggest, math.Abs(float64(w)))
		d := math.Abs(float64(got[i]) - float64(w))
		if math.IsNaN(d) {
			return d
		}
		most = max(most, d)
	}
	return most / max(biggest, 1e-3)
}

func TestReadIsTheNetwork(t *testing.T) {
	for _, c := range slices.Concat(networks, constants) {
		for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			t.Run(fmt.Sprintf("%s/%v", c.name, dt), func(t *testing.T) {
				z := zoo{dt: dt, weights: map[string]*tensor.Dense{}}
				n, err := readNetwork(z.build(c.net), false)
				if err != nil {
					t.Fatal(err)
				}
				before := map[string]*tensor.Dense{}
				for name, w := range z.weights {
					before[name] = w.Clone().(*tensor.Dense)
				}
				var ops []string
				for _, node := range n.folded.Nodes {
					ops = append(ops, node.Op)
				}
				if c.ops != nil && !slices.Equal(ops, c.ops) {
					t.Errorf("got ops %v, want %v", ops, c.ops)
				}
				for _, batch := range []int{1, 2, 3, 5} {
					compare(t, &z, c.net, n.read, batch)
					compare(t, &z, c.net, n.folded, batch)
				}
				if _, err := readNetwork(z.build(c.net), false); err != nil {
					t.Fatal(err)
				}
				for name, w := range z.weights {
					if !slices.Equal(bitsOf(t, w), bitsOf(t, before[name])) {
						t.Errorf("weight %q: got other values after Read, want the same", name)
					}
				}
			})
		}
	}
}

// TestReadLeavesTheGraphs: those that build makes have the same nodes after Read, and the same results.
func TestReadLeavesTheGraphs(t *testing.T) {
	for _, c := range networks {
		z := zoo{dt: tensor.Float32, weights: map[string]*tensor.Dense{}}
		build := z.build(c.net)
		made := map[int]Graph{}
		nodes := map[int]gorgonia.Nodes{}
		g, err := readFolded(func(batch int) (Graph, error) {
			s, err := build(batch)
			made[batch], nodes[batch] = s, slices.Clone(s.Outputs[0].Graph().AllNodes())
			return s, err
		})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for batch, s := range made {
			if after := s.Outputs[0].Graph().AllNodes(); !slices.Equal(after, nodes[batch]) {
				t.Errorf("%s, batch %d: got %d nodes after Read, want the %d before", c.name, batch, len(after), len(nodes[batch]))
			}
			compareSource(t, s, z.dt, g, batch)
		}
	}
}

func compare(t *testing.T, z *zoo, net func(*zoo) Graph, g *ir.Network, batch int) {
	t.Helper()
	s, err := z.build(net)(batch)
	if err != nil {
		t.Fatal(err)
	}
	compareSource(t, s, z.dt, g, batch)
}

func compareSource(t *testing.T, s Graph, dt tensor.Dtype, g *ir.Network, batch int) {
	t.Helper()
	var given []*tensor.Dense
	var inputs []*ir.Constant
	for i, x := range s.Inputs {
		value := drawnOf(dt, fmt.Sprint("input", i), x.Shape()...)
		if x.Dtype() == tensor.Int {
			whole := make([]int, x.Shape().TotalSize())
			for i := range whole {
				whole[i] = 7 * i % 5
			}
			given = append(given, tensor.New(tensor.WithShape(x.Shape()...), tensor.WithBacking(whole)))
			inputs = append(inputs, &ir.Constant{Shape: x.Shape()})
			for _, v := range whole {
				inputs[i].Data = append(inputs[i].Data, float32(v))
			}
			continue
		}
		data, err := elements(value)
		if err != nil {
			t.Fatal(err)
		}
		given, inputs = append(given, value), append(inputs, &ir.Constant{Shape: x.Shape(), Data: data})
	}
	want, err := run(s, given)
	if err != nil {
		t.Fatalf("batch %d: Gorgonia: %v", batch, err)
	}
	got, err := interpret(g, inputs...)
	if err != nil {
		t.Fatalf("batch %d: %v", batch, err)
	}
	for i := range want {
		if !slices.Equal(got[i].Shape, want[i].Shape) {
			t.Fatalf("batch %d, output %d: got shape %v, want %v", batch, i, got[i].Shape, want[i].Shape)
		}
		if d := far(got[i].Data, want[i].Data); !(d < 1e-5) {
			t.Errorf("batch %d, output %d: got %v of the largest value away from Gorgonia, want 1e-5", batch, i, d)
		}
	}
}

func bitsOf(t *testing.T, w *tensor.Dense) (bits []uint64) {
	t.Helper()
	if w.Dtype() == tensor.Float32 {
		data, err := dense.Slice[float32](w)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range data {
			bits = append(bits, uint64(math.Float32bits(x)))
		}
		return bits
	}
	data, err := dense.Slice[float64](w)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range data {
		bits = append(bits, math.Float64bits(x))
	}
	return bits
}
