package ptq

import (
	"fmt"
	"maps"
	"math"
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
			n.Op = []string{ir.OpRelu, ir.OpClip, ir.OpTanh, ir.OpSoftplus}[rng.IntN(4)]
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
	cases := 1000
	if testing.Short() {
		cases = 100
	}
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
	rounded, absorbed := 0, 0
	for seed := range uint64(cases) {
		g, _, layers := randomNetwork(t, seed)
		rng := rand.New(rand.NewPCG(seed, 6))
		for i := range g.Nodes { // some become FakeQuantizes, and what moves data
			n := &g.Nodes[i]
			switch {
			case len(n.Inputs) == 1 && rng.IntN(2) > 0:
				n.Op = []string{ir.OpFakeQuantize, ir.OpFakeQuantize, ir.OpReshape, ir.OpSlice, ir.OpClip}[rng.IntN(5)]
			case n.Op == ir.OpTanh || n.Op == ir.OpSoftplus:
				n.Op = ir.OpRelu
			case n.Op == ir.OpAdd && rng.IntN(3) > 0:
				n.Op = []string{ir.OpConcat, ir.OpMax}[rng.IntN(2)]
			}
			switch n.Op {
			case ir.OpFakeQuantize:
				n.Scale, n.QuantMax, n.ZeroPoint = 0.25, 255, int32(rng.IntN(2))
			case ir.OpClip:
				n.Max = new([]float32{1, 1.1}[rng.IntN(2)])
			}
		}
		net := indexed(g)
		for i := range g.Nodes {
			n := &g.Nodes[i]
			got, want := net.fakeQuantizes[n.Output], roundedByLooking(g, n.Output)
			if (got != nil) != (want >= 0) || got != nil && got.ZeroPoint != want {
				t.Fatalf("seed %d: what %s gives is rounded by %v, want zero point %d", seed, n.Name, got, want)
			}
			if got != nil && n.Op != ir.OpFakeQuantize {
				rounded++
			}
		}
		want := map[string]string{}
		for i := range g.Nodes {
			if n := &g.Nodes[i]; n.Op == ir.OpFakeQuantize && quantizedByLooking(g, n, layers) {
				want[n.Output] = n.Inputs[0]
			}
		}
		got := net.absorbed(layers)
		if !maps.Equal(got, want) {
			t.Fatalf("seed %d: %v are absorbed, want %v", seed, got, want)
		}
		absorbed += len(got)
	}
	if rounded < cases/5 || absorbed < cases/5 {
		t.Errorf("%d values behind FakeQuantizes, %d absorbed, want more", rounded, absorbed)
	}
	t.Logf("%d networks with %d values behind FakeQuantizes, and %d that layers do", cases, rounded, absorbed)
}

// roundedByLooking returns the zero point of all FakeQuantizes that have rounded a value; −1 where it is not
// rounded, or by several.
func roundedByLooking(g *ir.Network, value string) int32 {
	for i := range g.Nodes {
		n := &g.Nodes[i]
		switch {
		case n.Output != value:
			continue
		case n.Op == ir.OpFakeQuantize:
			return n.ZeroPoint
		case n.Op != ir.OpRelu && !n.MovesData() && (n.Op != ir.OpClip || *n.Max != 1):
			return -1
		}
		zero := roundedByLooking(g, n.Inputs[0])
		for _, in := range n.Inputs {
			if roundedByLooking(g, in) != zero {
				return -1
			}
		}
		return zero
	}
	return -1
}

// quantizedByLooking reports whether nothing but layers read what a node gives, perhaps behind what moves data
// that is rounded alike, or rounds it again.
func quantizedByLooking(g *ir.Network, of *ir.Node, layers map[string]model.Layer) bool {
	if slices.ContainsFunc(g.Outputs, func(o ir.Value) bool { return o.Name == of.Output }) {
		return false
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if _, layer := layers[n.Name]; layer || !slices.Contains(n.Inputs, of.Output) {
			continue
		}
		same := roundedByLooking(g, n.Output) == roundedByLooking(g, of.Output)
		if !same || !n.MovesData() && n.Op != ir.OpFakeQuantize || !quantizedByLooking(g, n, layers) {
			return false
		}
	}
	return true
}

// TestRoundedBy has values that look rounded and are not, and constants that are.
func TestRoundedBy(t *testing.T) {
	fake := func(name, in string, low, zero, high int32) ir.Node {
		return ir.Node{Op: ir.OpFakeQuantize, Name: name, Inputs: []string{in}, Output: name, Scale: 0.1, QuantMin: low, ZeroPoint: zero, QuantMax: high}
	}
	concat := func(in ...string) ir.Node {
		return ir.Node{Op: ir.OpConcat, Name: "y", Inputs: in, Output: "y", Axis: new(1)}
	}
	clip := func(low, high float32) ir.Node {
		return ir.Node{Op: ir.OpClip, Name: "y", Inputs: []string{"f"}, Output: "y", Min: &low, Max: &high}
	}
	scale := float32(0.1)
	for _, c := range []struct {
		name  string
		nodes []ir.Node
		reads string // what the FakeQuantize of y reads; "" where there is none
	}{
		{"a scheme with a zero point", []ir.Node{fake("y", "x", 0, 90, 255)}, "x"},
		{"a symmetric scheme", []ir.Node{fake("y", "x", -127, 0, 127)}, "x"},
		{"a zero point among signed ones", []ir.Node{fake("y", "x", -127, 3, 127)}, ""},
		{"one more below zero", []ir.Node{fake("y", "x", -128, 0, 127)}, ""},
		{"from one", []ir.Node{fake("y", "x", 1, 1, 255)}, ""},
		{"one number", []ir.Node{fake("y", "x", 0, 0, 0)}, ""},
		{"up to no power of two", []ir.Node{fake("y", "x", 0, 0, 100)}, ""},
		{"moved", []ir.Node{fake("f", "x", 0, 90, 255), {Op: ir.OpSlice, Inputs: []string{"f"}, Output: "y"}}, "x"},
		{"zeros besides", []ir.Node{fake("f", "x", 0, 90, 255), concat("f", "zeros")}, "x"},
		{"steps besides", []ir.Node{fake("f", "x", 0, 90, 255), concat("steps", "f", "zeros")}, "x"},
		{"no steps besides", []ir.Node{fake("f", "x", 0, 90, 255), concat("f", "others")}, ""},
		{"steps beyond", []ir.Node{fake("f", "x", 0, 0, 255), concat("f", "steps")}, ""},
		{"NaN besides", []ir.Node{fake("f", "x", 0, 90, 255), concat("f", "none")}, ""},
		{"constants alone", []ir.Node{concat("zeros", "steps")}, ""},
		{"alike", []ir.Node{fake("f", "x", 0, 90, 255), fake("g", "x", 0, 90, 255), concat("f", "g")}, "y"},
		{"by another zero point", []ir.Node{fake("f", "x", 0, 90, 255), fake("g", "x", 0, 91, 255), concat("f", "g")}, ""},
		{"of fewer bits", []ir.Node{fake("f", "x", 0, 9, 255), fake("g", "x", 0, 9, 127), concat("f", "g")}, ""},
		{"clipped to steps", []ir.Node{fake("f", "x", 0, 90, 255), clip(-30*scale, 60*scale)}, "x"},
		{"clipped between steps", []ir.Node{fake("f", "x", 0, 90, 255), clip(-30*scale, 6.04)}, ""},
		{"clipped to above all", []ir.Node{fake("f", "x", 0, 90, 255), clip(16.7, 16.8)}, ""},
		{"clipped by bounds beyond all", []ir.Node{fake("f", "x", 0, 90, 255), clip(-9.07, 16.53)}, "x"},
	} {
		g := &ir.Network{Inputs: []ir.Value{{Name: "x"}}, Nodes: c.nodes, Constants: map[string]*ir.Constant{
			"zeros": {Data: []float32{0, float32(math.Copysign(0, -1))}}, "steps": {Data: []float32{0, -90 * scale, 165 * scale}},
			"others": {Data: []float32{0, 0.15}}, "none": {Data: []float32{float32(math.NaN())}},
		}}
		switch f := indexed(g).fakeQuantizes["y"]; {
		case (f != nil) != (c.reads != ""):
			t.Errorf("%s: got %v, want what reads %q", c.name, f, c.reads)
		case f != nil && f.Inputs[0] != c.reads:
			t.Errorf("%s: got what reads %s, want %s", c.name, f.Inputs[0], c.reads)
		}
	}
}
