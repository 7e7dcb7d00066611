package model_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// A kind is a node that may take long: its graph is x, the node n, and what reads it.
type kind struct {
	name    string
	sample  []int
	dtype   ir.Type
	node    ir.Node
	weights map[string][]int
	layer   qtensor.Scheme // of the second weight, or an embedding; with
	compute *model.Layer   // what becomes of activations; nil for no layer
	run     runs           // of code
	truth   bool           // that b is a value: whether x is x
	out     []int
}

// attributes is what ops want of a node.
var attributes = map[string]kind{
	"Gemm":   {sample: []int{64}, node: ir.Node{Inputs: []string{"x", "w"}}, weights: map[string][]int{"w": {64, 64}}},
	"MatMul": {sample: []int{8, 64}, node: ir.Node{Inputs: []string{"x", "w"}}, weights: map[string][]int{"w": {64, 64}}},
	"Conv": {
		sample: []int{4, 16, 16}, node: ir.Node{Inputs: []string{"x", "w"}},
		weights: map[string][]int{"w": {8, 4, 3, 3}},
	},
	"Gather": {
		sample: []int{16}, dtype: ir.Int64, node: ir.Node{Inputs: []string{"w", "x"}},
		weights: map[string][]int{"w": {100, 16}},
	},

	"BatchNormalization": {node: ir.Node{Inputs: []string{"x", "c", "c", "c", "c"}}, weights: map[string][]int{"c": {64}}},
	"MaxPool":            {sample: []int{4, 16, 16}, node: ir.Node{Kernel: []int{3, 3}}},
	"AveragePool":        {sample: []int{4, 16, 16}, node: ir.Node{Kernel: []int{3, 3}}},
	"GlobalAveragePool":  {sample: []int{4, 16, 16}},
	"Clip":               {node: ir.Node{Min: new(float32(0))}},
	"LeakyRelu":          {node: ir.Node{Alpha: new(float32(0.1))}},
	"Softmax":            {node: ir.Node{Axis: new(1)}},
	"LogSoftmax":         {node: ir.Node{Axis: new(1)}},
	"ReduceSum":          {node: ir.Node{Axes: []int{1}}},
	"ReduceMax":          {node: ir.Node{Axes: []int{1}}},
	"FakeQuantize":       {node: ir.Node{Scale: 0.1, ZeroPoint: 128, QuantMax: 255}},
	"Resize":             {sample: []int{4, 16, 16}, node: ir.Node{Scales: []int{1, 1, 2, 2}}},
	"Slice":              {node: ir.Node{Axes: []int{1}, Starts: []int{0}, Ends: []int{32}}},
	"Reshape":            {node: ir.Node{Shape: []int{-1, 8, 8}}},
	"Transpose":          {node: ir.Node{Perm: []int{1, 0}}},
	"Concat":             {node: ir.Node{Inputs: []string{"x", "x"}, Axis: new(1)}},
	"Expand":             {node: ir.Node{Shape: []int{3, -1, 64}}},
	"Not":                {node: ir.Node{Inputs: []string{"b"}}, truth: true},
	"Where":              {node: ir.Node{Inputs: []string{"b", "x", "x"}}, truth: true},
}

// nodeKinds is every op, and every way in which layers multiply.
func nodeKinds() (list []kind) {
	for _, d := range ir.Describe() {
		k := attributes[d.Name]
		k.name, k.node.Op = d.Name, d.Name
		if k.node.Inputs == nil {
			k.node.Inputs = slices.Repeat([]string{"x"}, d.Least)
		}
		if d.Name != ir.OpForeign {
			list = append(list, k)
		}
	}
	computes := map[string]*model.Layer{
		"fixed24": {Activations: model.Fixed24}, "fixed16": {Activations: model.Fixed16},
		"dynamic": {Activations: model.DynamicInt8},
		"static":  {Activations: model.StaticInt8, Params: qtensor.Params{Scheme: qtensor.Affine(8), Scales: []float32{6. / 255}, ZeroPoints: []int32{128}}},
	}
	for name, compute := range computes {
		for _, op := range []string{"Gemm", "MatMul", "Conv"} {
			for scheme, s := range map[string]qtensor.Scheme{
				"int8": qtensor.Symmetric(8), "int4": qtensor.Int4(),
				"float16": qtensor.Float16(),
			} {
				if s.IsFloat() && (op == "Conv" || name != "fixed24") {
					continue
				}
				k := attributes[op]
				k.name, k.node.Op, k.compute, k.layer = op+" "+scheme+" "+name, op, compute, s
				list = append(list, k)
			}
		}
		k := attributes["Conv"]
		k.name, k.node.Op, k.node.Group, k.compute, k.layer = "Conv of channels "+name, "Conv", 4, compute, qtensor.Symmetric(8)
		k.weights = map[string][]int{"w": {4, 1, 3, 3}}
		list = append(list, k)
	}
	embedding := attributes["Gather"]
	embedding.name, embedding.node.Op, embedding.layer = "Gather of quantized rows", "Gather", qtensor.Symmetric(8)
	embedding.compute = &model.Layer{}
	call := kind{
		name: "Foreign", node: ir.Node{Op: "Foreign"}, out: []int{-1, 64},
		run: func(_ context.Context, _ int, in []ir.Array) (ir.Array, error) {
			return ir.Array{Shape: in[0].Shape, Data: slices.Clone(in[0].Data)}, nil
		},
	}
	return append(list, embedding, call)
}

// model returns the network of a kind, with an input for it of any batch.
func (k kind) model(t *testing.T) (m *model.Model, input func(batch int) map[string]tensor.Tensor) {
	t.Helper()
	m, err := k.limited(t)
	if err != nil {
		t.Fatalf("%s: %v", k.name, err)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	return m, func(batch int) map[string]tensor.Tensor {
		shape := append([]int{batch}, k.of()...)
		if k.dtype != ir.Int64 {
			return map[string]tensor.Tensor{"x": tensorOf(random(rng, 1, shape...))}
		}
		list := make([]int, tensor.Shape(shape).TotalSize())
		for i := range list {
			list[i] = rng.IntN(100)
		}
		return map[string]tensor.Tensor{"x": tensor.New(tensor.WithShape(shape...), tensor.WithBacking(list))}
	}
}

// of returns the shape of a sample.
func (k kind) of() []int {
	if k.sample == nil {
		return []int{64}
	}
	return k.sample
}

// limited returns the network of a kind, made with options.
func (k kind) limited(t *testing.T, opts ...model.Option) (*model.Model, error) {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 5))
	shape := append([]int{-1}, k.of()...)
	g := &ir.Network{
		Inputs: []ir.Value{{Name: "x", Shape: shape, Type: k.dtype}}, Outputs: []ir.Value{{Name: "y"}},
		Constants: map[string]*ir.Constant{},
	}
	layers := map[string]model.Layer{}
	for name, shape := range k.weights {
		g.Constants[name] = random(rng, 0.1, shape...)
		if k.compute != nil {
			q, err := qtensor.Quantize(tensorOf(g.Constants[name]), k.layer)
			if err != nil {
				t.Fatal(err)
			}
			layers["n"] = with(q, *k.compute)
		}
	}
	n := k.node
	n.Name, n.Output = "n", "y"
	if n.Inputs == nil {
		n.Inputs = []string{"x"}
	}
	if k.run != nil {
		n.Foreign = code{"code", k.out, k.run}
	}
	if k.truth {
		g.Nodes = append(g.Nodes, ir.Node{Op: "Equal", Name: "equal", Inputs: []string{"x", "x"}, Output: "b"})
	}
	g.Nodes = append(g.Nodes, n)
	return model.New(g, layers, opts...)
}

// await yields until it is so; the deadline is for faults alone.
func await(t *testing.T, what string, there func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !there(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%s: waited in vain", what)
		}
	}
}

// scribble writes to all memory of a tensor.
func scribble(t tensor.Tensor) {
	switch x := t.Data().(type) {
	case []float32:
		negate(x)
	case []float64:
		negate(x)
	case []int:
		negate(x)
	case []int32:
		negate(x)
	case []int64:
		negate(x)
	}
}

func negate[T float32 | float64 | int | int32 | int64](x []T) {
	for i := range x {
		x[i] = -x[i]
	}
}

// TestCancel cancels runs of every kind of node while they are at it, which they stay until Run has returned:
// when they pack for the first time, and when they are long. The input is the caller's again, and the model
// gives the bits that it gave before.
func TestCancel(t *testing.T) {
	threads(t, 2)
	cases := 0
	for number, k := range nodeKinds() {
		if testing.Short() && number%2 > 0 {
			continue
		}
		m, input := k.model(t)
		first, in := input(3), input(3)
		cancelled(t, k.name+", first", m, in)
		want := run(t, newOf(t, k), first, "y")
		if got := run(t, m, first, "y"); !same(got, want) {
			t.Errorf("%s: other bits after the first run was cancelled", k.name)
		}
		batch := 1
		for !m.Long(batch, false) {
			batch *= 2
		}
		long := input(batch)
		want = run(t, m, long, "y")
		for range 2 {
			in := input(batch)
			cancelled(t, k.name+", long", m, in)
			if got := run(t, m, long, "y"); !same(got, want) {
				t.Errorf("%s: other bits after a run of %d was cancelled", k.name, batch)
			}
		}
		cases += 3
	}
	t.Logf("%d runs cancelled", cases)
}

// TestCancelSplit cancels runs of batches that are split: no part is begun afterwards, and the model gives
// the bits that it gave.
func TestCancelSplit(t *testing.T) {
	threads(t, 2)
	cases := 0
	for _, k := range nodeKinds() {
		m, input := k.model(t)
		few := input(3)
		want := run(t, m, few, "y")
		batch := 1
		for !m.Long(batch, false) {
			batch *= 2
		}
		if batch *= 4; m.Long(batch, true) {
			continue
		}
		ctx, cancel := context.WithCancel(context.Background())
		out := map[string]tensor.Tensor{}
		if err := m.RunWatched(ctx, input(batch), out, func(string) { cancel() }); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got error %v, want that of the context", k.name, err)
		}
		if got := run(t, m, few, "y"); !same(got, want) {
			t.Errorf("%s: other bits after a run was cancelled", k.name)
		}
		cases++
	}
	if t.Logf("%d runs cancelled", cases); cases == 0 {
		t.Error("no kind of node is split")
	}
}

// newOf returns another model of a kind.
func newOf(t *testing.T, k kind) *model.Model {
	m, _ := k.model(t)
	return m
}

// same compares bits; NaN is NaN.
func same(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return x == y || x != x && y != y })
}

// cancelled runs a model until it comes to a node, and has the node wait until Run has returned.
func cancelled(t *testing.T, name string, m *model.Model, in map[string]tensor.Tensor) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	release := make(chan struct{})
	var once sync.Once
	err := m.RunWatched(ctx, in, nil, func(string) {
		once.Do(cancel)
		<-release // a Run that waits for the node waits for ever
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%s: got error %v, want that of the context", name, err)
	}
	close(release)
	await(t, name, func() bool {
		scribble(in["x"])
		return m.Idle()
	})
}

// TestMuchOutput has results for which the runtime has no memory at once, in runs that their context may end.
func TestMuchOutput(t *testing.T) {
	g := &ir.Network{
		Inputs: []ir.Value{{Name: "x", Shape: []int{-1, 64}}}, Outputs: []ir.Value{{Name: "y"}},
		Nodes: []ir.Node{{Op: "Relu", Name: "n", Inputs: []string{"x"}, Output: "y"}},
	}
	m := newModel(t, g, nil)
	in := batchOf(1, 20_000, 64)
	want := in["x"].(*tensor.Dense).Float32s()
	for run := range 3 { // the first by a goroutine of its own
		ctx, cancel := context.WithCancel(t.Context())
		out, err := m.Run(ctx, in)
		if err != nil {
			t.Fatalf("run %d: %v", run, err)
		}
		for i, y := range out["y"].(*tensor.Dense).Float32s() {
			if y != max(want[i], 0) {
				t.Fatalf("run %d: got %v at %d, want %v", run, y, i, max(want[i], 0))
			}
		}
		cancel()
		if out, err := m.Run(ctx, in); !errors.Is(err, context.Canceled) || out != nil {
			t.Errorf("run %d: got %v and error %v after it was cancelled", run, out, err)
		}
	}
}
