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

// randomJob is a job on a network of images that a seed chooses, calibrated, with what its layers are.
func randomJob(t *testing.T, seed uint64) (*job, map[string]model.Layer) {
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
	j := &job{cfg: Config{Activations: model.StaticInt8}, graph: g, seen: map[string]*calib.Histogram{}}
	seen := func(v string) {
		j.seen[v] = &calib.Histogram{}
		j.seen[v].Observe([]float32{-1, 1, float32(1 + rng.IntN(3))})
	}
	seen("x")
	values, layers := []string{"x"}, map[string]model.Layer{}
	pick := func() string { // one of the last, so that networks are deep
		return values[max(0, len(values)-1-rng.IntN(4))]
	}
	for i := range 4 + rng.IntN(30) {
		n := ir.Node{Name: fmt.Sprint("n", i), Output: fmt.Sprint("v", i), Inputs: []string{pick()}}
		switch k := rng.IntN(20); {
		case k < 8:
			n.Op, n.Inputs = "Conv", append(n.Inputs, "w")
			if k > 0 {
				layers[n.Name] = model.Layer{Weight: weight, Activations: model.DynamicInt8}
			}
			if k > 1 {
				p, err := j.params(j.seen[n.Inputs[0]])
				if err != nil {
					t.Fatal(err)
				}
				layers[n.Name] = model.Layer{Weight: weight, Activations: model.StaticInt8, Params: p}
			}
		case k < 14:
			n.Op, n.Inputs = "Add", append(n.Inputs, pick())
		case k < 17:
			n.Op = "Relu"
		default:
			n.Op, n.Kernel, n.Strides = []string{"MaxPool", "AveragePool", "AveragePool"}[k-17], []int{1, 1}, []int{1, 1}
		}
		values = append(values, n.Output)
		seen(n.Output)
		g.Nodes = append(g.Nodes, n)
	}
	for i := range 1 + rng.IntN(2) {
		g.Outputs = append(g.Outputs, ir.Value{Name: values[len(values)-1-i]})
	}
	// Half of them end in a layer, so that sums in front of it may stay codes.
	if rng.IntN(2) > 0 {
		g.Nodes = append(g.Nodes, ir.Node{Op: "Conv", Name: "last", Output: "y", Inputs: []string{values[len(values)-1], "w"}})
		p, err := j.params(j.seen[values[len(values)-1]])
		if err != nil {
			t.Fatal(err)
		}
		layers["last"] = model.Layer{Weight: weight, Activations: model.StaticInt8, Params: p}
		g.Outputs = []ir.Value{{Name: "y"}}
	}
	j.net = indexed(g)
	return j, layers
}

// oneByOne is build with a model made anew for each sum that leaves float32, and the number of models.
func oneByOne(t *testing.T, j *job, layers map[string]model.Layer) (rounded *ir.Network, models int) {
	t.Helper()
	r, fakes := j.rounding(), map[string]ir.Node{}
	for _, v := range r.values {
		p, err := j.params(j.seen[v])
		if err != nil {
			t.Fatal(err)
		}
		fakes[v] = fakeOf(v+"~codes", v, p)
	}
	for {
		models++
		rounded := r.in(j.graph, fakes)
		m, err := model.New(rounded, layers)
		if err != nil {
			t.Fatal(err)
		}
		left := r.left(fakes, setOf(m.QuantizedValues()))
		if len(left) == 0 {
			return rounded, models
		}
		for _, v := range left {
			delete(fakes, v)
		}
	}
}

// TestSpread has random networks be rounded where making models over and over says so too.
func TestSpread(t *testing.T) {
	const cases = 1000
	some, most := 0, 0
	for seed := range uint64(cases) {
		j, layers := randomJob(t, seed)
		want, models := oneByOne(t, j, layers)
		_, got, err := j.build(j.graph, layers)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: got %+v, want %+v", seed, got.Nodes, want.Nodes)
		}
		most = max(most, models)
		if len(got.Nodes) > len(j.graph.Nodes) {
			some++
		}
	}
	if some < cases/20 || most < 4 {
		t.Errorf("%d of %d networks are rounded somewhere, and one took %d models, want more", some, cases, most)
	}
	t.Logf("%d networks, of which %d are rounded somewhere; one by one, %d models at most", cases, some, most)
}

// TestIndexed holds what is found once for a network to what looking through all of its nodes finds.
func TestIndexed(t *testing.T) {
	const cases = 500
	for seed := range uint64(cases) {
		j, layers := randomJob(t, seed)
		rng := rand.New(rand.NewPCG(seed, 6))
		for i := range j.graph.Nodes { // some become what fakes are, and what moves data
			if n := &j.graph.Nodes[i]; len(n.Inputs) == 1 && rng.IntN(2) > 0 {
				n.Op = []string{"FakeQuantize", "Reshape", "Transpose"}[rng.IntN(3)]
			}
		}
		j.net = indexed(j.graph)
		for i := range j.graph.Nodes {
			n := &j.graph.Nodes[i]
			if got, want := j.net.fake(n), fakeByLooking(j.graph, n.Inputs[0]); got != want {
				t.Fatalf("seed %d: %s reads the rounded of %v, want %v", seed, n.Name, got, want)
			}
		}
		want := map[string]string{}
		for _, n := range j.graph.Nodes {
			if n.Op == "FakeQuantize" && codesByLooking(j.graph, n.Output, layers) {
				want[n.Output] = n.Inputs[0]
			}
		}
		if got := j.net.absorbed(layers); !maps.Equal(got, want) {
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
		case n.Op == "FakeQuantize":
			return n
		case n.MovesData():
			return fakeByLooking(g, n.Inputs[0])
		}
	}
	return nil
}

// codesByLooking reports whether nothing but layers read a value, perhaps behind what moves data.
func codesByLooking(g *ir.Network, value string, layers map[string]model.Layer) bool {
	if slices.ContainsFunc(g.Outputs, func(o ir.Value) bool { return o.Name == value }) {
		return false
	}
	for _, n := range g.Nodes {
		if _, layer := layers[n.Name]; layer || !slices.Contains(n.Inputs, value) {
			continue
		}
		if !n.MovesData() || !codesByLooking(g, n.Output, layers) {
			return false
		}
	}
	return true
}
