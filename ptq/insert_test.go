package ptq

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"euryale/calib"
	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// randomNetwork is a network of images that a seed chooses, what was seen of its values, and what its layers
// are.
func randomNetwork(t *testing.T, seed uint64) (*ir.Network, *calib.Profile, map[string]model.Layer) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 5))
	weight, err := qtensor.Quantize(tensor.New(tensor.WithShape(2, 2, 1, 1),
		tensor.WithBacking([]float32{1, -2, 3, 4})), qtensor.Symmetric(8))
	if err != nil {
		t.Fatal(err)
	}
	g := &ir.Network{
		Inputs:    []ir.Value{{Name: "x", Shape: []int{ir.Batch, 2, 2, 2}}},
		Constants: map[string]*ir.Constant{"w": {Shape: []int{2, 2, 1, 1}, Data: []float32{1, -2, 3, 4}}},
	}
	seen := new(calib.Profile)
	observe := func(v string) {
		x := tensor.New(tensor.WithShape(3), tensor.WithBacking([]float32{-1, 1, float32(1 + rng.IntN(3))}))
		if err := seen.Observe(v, x); err != nil {
			t.Fatal(err)
		}
	}
	params := func(v string) qtensor.Params {
		p, err := collected{profile: seen}.params(v, calib.MinMax())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	observe("x")
	values, layers := []string{"x"}, map[string]model.Layer{}
	pick := func() string { // one of the last, so that networks are deep
		return values[max(0, len(values)-1-rng.IntN(4))]
	}
	for i := range 4 + rng.IntN(30) {
		n := ir.Node{Name: fmt.Sprint("n", i), Output: fmt.Sprint("v", i), Inputs: []string{pick()}}
		switch k := rng.IntN(20); {
		case k < 8:
			n.Op, n.Inputs = ir.OpConv, append(n.Inputs, "w")
			if k > 0 {
				layers[n.Name] = model.Layer{Weight: weight, Activations: model.DynamicInt8}
			}
			if k > 1 {
				layers[n.Name] = model.Layer{Weight: weight, Activations: model.StaticInt8, Params: params(n.Inputs[0])}
			}
		case k < 14:
			n.Op, n.Inputs = ir.OpAdd, append(n.Inputs, pick())
		case k < 17:
			n.Op = ir.OpRelu
		default:
			n.Op, n.Kernel, n.Strides = []string{ir.OpMaxPool, ir.OpAveragePool, ir.OpAveragePool}[k-17], []int{1, 1}, []int{1, 1}
		}
		values = append(values, n.Output)
		observe(n.Output)
		g.Nodes = append(g.Nodes, n)
	}
	for i := range 1 + rng.IntN(2) {
		g.Outputs = append(g.Outputs, ir.Value{Name: values[len(values)-1-i]})
	}
	// Half of them end in a layer, so that sums in front of it may stay quantized.
	if rng.IntN(2) > 0 {
		g.Nodes = append(g.Nodes, ir.Node{Op: ir.OpConv, Name: "last", Output: "y", Inputs: []string{values[len(values)-1], "w"}})
		layers["last"] = model.Layer{Weight: weight, Activations: model.StaticInt8, Params: params(values[len(values)-1])}
		g.Outputs = []ir.Value{{Name: "y"}}
	}
	return g, seen, layers
}

// sumsOf returns the sums of a network, and the parameters of what they read.
func sumsOf(t *testing.T, g *ir.Network, seen *calib.Profile) (sums, map[string]qtensor.Params) {
	t.Helper()
	s := selection{sums: indexed(g).sums(true), estimator: calib.MinMax()}
	p, err := rangePlanner{}.plan(s, collected{profile: seen})
	if err != nil {
		t.Fatal(err)
	}
	return s.sums, p.inputs
}

// oneByOne is sums.quantized with a model made anew for each sum that leaves float32, and the number of
// models.
func oneByOne(
	t *testing.T, g *ir.Network, layers map[string]model.Layer, s sums, inputs map[string]qtensor.Params,
) (with *ir.Network, models int) {
	t.Helper()
	fakes := s.fakeQuantizes(inputs)
	for {
		models++
		with := s.insert(g, fakes)
		m, err := model.New(with, layers)
		if err != nil {
			t.Fatal(err)
		}
		left := s.leftFloat(fakes, setOf(m.QuantizedValues()))
		if len(left) == 0 {
			return with, models
		}
		for _, v := range left {
			delete(fakes, v)
		}
	}
}

// TestInsert has FakeQuantizes inserted into random networks where making models over and over says so too.
func TestInsert(t *testing.T) {
	const cases = 1000
	some, most := 0, 0
	for seed := range uint64(cases) {
		g, seen, layers := randomNetwork(t, seed)
		s, inputs := sumsOf(t, g, seen)
		want, models := oneByOne(t, g, layers, s, inputs)
		_, got, err := s.quantized(g, layers, inputs)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: got %+v, want %+v", seed, got.Nodes, want.Nodes)
		}
		most = max(most, models)
		if len(got.Nodes) > len(g.Nodes) {
			some++
		}
	}
	if some < cases/20 || most < 4 {
		t.Errorf("%d of %d networks have some, and one took %d models, want more", some, cases, most)
	}
	t.Logf("%d networks, of which %d have some; one by one, %d models at most", cases, some, most)
}

// TestIndexed holds what is found once for a network to what looking through all of its nodes finds.
func TestIndexed(t *testing.T) {
	const cases = 500
	for seed := range uint64(cases) {
		g, _, layers := randomNetwork(t, seed)
		rng := rand.New(rand.NewPCG(seed, 6))
		for i := range g.Nodes { // some become FakeQuantizes, and what moves data
			if n := &g.Nodes[i]; len(n.Inputs) == 1 && rng.IntN(2) > 0 {
				n.Op = []string{ir.OpFakeQuantize, ir.OpReshape, ir.OpTranspose}[rng.IntN(3)]
			}
		}
		net := indexed(g)
		for i := range g.Nodes {
			n := &g.Nodes[i]
			if got, want := net.fakeQuantizes[n.Inputs[0]], fakeByLooking(g, n.Inputs[0]); got != want {
				t.Fatalf("seed %d: %s reads what %v quantizes, want %v", seed, n.Name, got, want)
			}
		}
		want := map[string]string{}
		for _, n := range g.Nodes {
			if n.Op == ir.OpFakeQuantize && quantizedByLooking(g, n.Output, layers) {
				want[n.Output] = n.Inputs[0]
			}
		}
		if got := net.absorbed(layers); !maps.Equal(got, want) {
			t.Fatalf("seed %d: %v are absorbed, want %v", seed, got, want)
		}
	}
	t.Logf("%d networks", cases)
}

// fakeByLooking returns the FakeQuantize that makes a value, behind nothing but what moves data, or nil.
func fakeByLooking(g *ir.Network, value string) *ir.Node {
	for i := range g.Nodes {
		switch n := &g.Nodes[i]; {
		case n.Output != value:
		case n.Op == ir.OpFakeQuantize:
			return n
		case n.MovesData():
			return fakeByLooking(g, n.Inputs[0])
		}
	}
	return nil
}

// quantizedByLooking reports whether nothing but layers read a value, perhaps behind what moves data.
func quantizedByLooking(g *ir.Network, value string, layers map[string]model.Layer) bool {
	if slices.ContainsFunc(g.Outputs, func(o ir.Value) bool { return o.Name == value }) {
		return false
	}
	for _, n := range g.Nodes {
		if _, layer := layers[n.Name]; layer || !slices.Contains(n.Inputs, value) {
			continue
		}
		if !n.MovesData() || !quantizedByLooking(g, n.Output, layers) {
			return false
		}
	}
	return true
}
