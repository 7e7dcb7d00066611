package model_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// network is a graph that grows from an input, with layers.
type network struct {
	ir.Network
	layers       map[string]model.Layer
	values       map[string][]int // shapes of a sample, by name
	names        []string         // of what was drawn
	rng          *rand.Rand
	weight, wide *qtensor.QTensor // that many layers share
}

func newNetwork(seed uint64) *network {
	return &network{
		Network: ir.Network{Constants: map[string]*ir.Constant{}},
		layers:  map[string]model.Layer{}, values: map[string][]int{}, rng: rand.New(rand.NewPCG(seed, 12)),
	}
}

// node adds a node, and returns the name of what it gives.
func (g *network) node(n ir.Node, shape ...int) string {
	n.Name = fmt.Sprintf("%s%d", n.Op, len(g.Nodes))
	n.Output = "y." + n.Name
	g.Nodes = append(g.Nodes, n)
	g.values[n.Output] = shape
	return n.Output
}

func (g *network) constant(t *ir.Constant) string {
	name := fmt.Sprintf("c%d", len(g.Constants))
	g.Constants[name] = t
	return name
}

// as returns a value in another shape.
func (g *network) as(x string, shape ...int) string {
	if slices.Equal(g.values[x], shape) {
		return x
	}
	return g.node(ir.Node{Op: "Reshape", Inputs: []string{x}, Shape: append([]int{-1}, shape...)}, shape...)
}

func (g *network) rows(x string) string { return g.as(x, tensor.Shape(g.values[x]).TotalSize()) }

// images returns a value as images of four channels.
func (g *network) images(x string) string {
	if s := g.values[x]; len(s) == 3 && s[0] == 4 {
		return x
	}
	return g.as(x, 4, tensor.Shape(g.values[x]).TotalSize()/4, 1)
}

func static(scheme qtensor.Scheme, scale float32, zero ...int32) model.Layer {
	return layerOf(qtensor.Params{Scheme: scheme, Scales: []float32{scale}, ZeroPoints: zero})
}

// computes are the ways to compute, and StaticInt8 of several parameters.
var computes = map[string]model.Layer{
	"":              {},
	"fixed24":       {Activations: model.Fixed24},
	"fixed16":       {Activations: model.Fixed16},
	"dynamic":       {Activations: model.DynamicInt8},
	"affine":        like(128),
	"affine, other": static(qtensor.Affine(8), 0.05, 100),
	"from 0":        like(0),
	"symmetric":     static(qtensor.Symmetric(8), 0.04),
	"uint4":         static(qtensor.UInt4(), 0.3, 7),
	"least scale":   static(qtensor.Affine(8), 0x1p-126, 3),
}

// schemes are those of weights whose results lie along an axis.
func schemes(axis int) []qtensor.Scheme {
	return []qtensor.Scheme{
		qtensor.PerChannelSymmetric(8, axis), qtensor.Symmetric(8), qtensor.Affine(8),
		qtensor.PerChannelAffine(8, axis), qtensor.Uniform(8), qtensor.PowerOfTwo(8),
		qtensor.Int4(), qtensor.Int4().PerGroup(axis, 4), qtensor.UInt4().PerGroup(axis, 4), qtensor.Float16(),
		qtensor.BFloat16(), qtensor.Float8E4M3FN(), qtensor.Float8E5M2().PerAxis(axis), qtensor.MXFP4().PerGroup(axis, 32),
	}
}

// layer gives the last node a weight of a scheme that is drawn.
func (g *network) layer(t *testing.T, axis int, compute string, weight string) {
	n := &g.Nodes[len(g.Nodes)-1]
	list := schemes(axis)
	scheme := list[g.rng.IntN(len(list))]
	if n.Op != "Gather" && g.rng.IntN(2) == 0 {
		scheme = list[0]
	}
	g.names = append(g.names, fmt.Sprint(n.Op, " ", n.Group, " ", scheme, " ", compute))
	q, err := qtensor.Quantize(tensorOf(g.Constants[weight]), scheme)
	if err != nil {
		t.Fatalf("%v: %v", g.names, err)
	}
	g.layers[n.Name] = with(q, computes[compute])
}

// kinds of layers add one from x to what they return.
var kinds = map[string]func(t *testing.T, g *network, x, compute string) string{
	"gemm": func(t *testing.T, g *network, x, compute string) string {
		x = g.rows(x)
		w, b := g.constant(random(g.rng, 0.1, g.values[x][0], 48)), g.constant(random(g.rng, 0.2, 48))
		y := g.node(ir.Node{Op: "Gemm", Inputs: []string{x, w, b}}, 48)
		g.layer(t, 1, compute, w)
		return y
	},
	"gemm transB": func(t *testing.T, g *network, x, compute string) string {
		x = g.rows(x)
		w := g.constant(random(g.rng, 0.1, 48, g.values[x][0]))
		y := g.node(ir.Node{Op: "Gemm", Inputs: []string{x, w}, TransB: true}, 48)
		g.layer(t, 0, compute, w)
		return y
	},
	"matmul of images": func(t *testing.T, g *network, x, compute string) string {
		s := slices.Clone(g.values[x])
		if len(s) == 1 {
			x = g.images(x)
			s = slices.Clone(g.values[x])
		}
		w := g.constant(random(g.rng, 0.3, s[len(s)-1], 3))
		s[len(s)-1] = 3
		y := g.node(ir.Node{Op: "MatMul", Inputs: []string{x, w}}, s...)
		g.layer(t, 1, compute, w)
		return y
	},
	"conv":                        convolution(ir.Node{}, true, 0.2, 4, 4, 1, 1),
	"conv 3x3":                    convolution(ir.Node{Pads: []int{1, 1, 1, 1}}, false, 0.2, 8, 4, 3, 3),
	"conv in groups":              convolution(ir.Node{Group: 2, Pads: []int{1, 1, 1, 1}}, false, 0.2, 8, 2, 3, 3),
	"depthwise":                   convolution(ir.Node{Group: 4, Pads: []int{1, 1, 1, 1}}, false, 0.3, 4, 1, 3, 3),
	"depthwise, two filters each": convolution(ir.Node{Group: 4}, false, 0.3, 8, 1, 1, 1),
	"embedding": func(t *testing.T, g *network, _, _ string) string {
		w := g.constant(random(g.rng, 1, 7, 48))
		y := g.node(ir.Node{Op: "Gather", Inputs: []string{w, "words"}}, 48)
		g.layer(t, 0, "", w)
		return y
	},
}

// convolution adds one that leaves the sides of images as they are, with a bias or without, of filters of a
// shape.
func convolution(n ir.Node, bias bool, deviation float64, filters ...int) func(*testing.T, *network, string, string) string {
	return func(t *testing.T, g *network, x, compute string) string {
		n, x := n, g.images(x)
		w := g.constant(random(g.rng, deviation, filters...))
		n.Op, n.Inputs = "Conv", []string{x, w}
		if bias {
			n.Inputs = append(n.Inputs, g.constant(random(g.rng, 0.2, filters[0])))
		}
		y := g.node(n, filters[0], g.values[x][1], g.values[x][2])
		g.layer(t, 0, compute, w)
		return y
	}
}

// unary adds an op on one value, which stays in shape.
func unary(n ir.Node) func(g *network, x string) string {
	return func(g *network, x string) string {
		n.Inputs = []string{x}
		return g.node(n, g.values[x]...)
	}
}

func fakeOf(scale float32, zero int32) func(g *network, x string) string {
	return unary(ir.Node{Op: "FakeQuantize", Scale: scale, ZeroPoint: zero, QuantMax: 255})
}

// pooled adds a pool of images.
func pooled(n ir.Node) func(g *network, x string) string {
	return func(g *network, x string) string {
		x = g.images(x)
		n.Inputs = []string{x}
		s := g.values[x]
		height, width := 1, 1
		if n.Kernel != nil {
			height, width = s[1]+n.Pads[0]+n.Pads[2]-n.Kernel[0]+1, s[2]+n.Pads[1]+n.Pads[3]-n.Kernel[1]+1
		}
		return g.node(n, 4, height, width)
	}
}

// resized adds images with each row twice and each column three times.
func resized(g *network, x string) string {
	x = g.images(x)
	s := g.values[x]
	return g.node(ir.Node{Op: "Resize", Inputs: []string{x}, Scales: []int{1, 1, 2, 3}}, s[0], 2*s[1], 3*s[2])
}

// after returns what adds one op behind the other.
func after(list ...func(g *network, x string) string) func(g *network, x string) string {
	return func(g *network, x string) string {
		for _, f := range list {
			x = f(g, x)
		}
		return x
	}
}

// typeOf returns the type of an input: indices are called words.
func typeOf(name string) ir.Type {
	if name == "words" {
		return ir.Int64
	}
	return ir.Float32
}

func twice(op string) func(g *network, x string) string {
	return func(g *network, x string) string {
		s := slices.Clone(g.values[x])
		n := ir.Node{Op: op, Inputs: []string{x, x}}
		if op == "Concat" {
			n.Axis = new(1)
			s[0] *= 2
		}
		return g.node(n, s...)
	}
}

// between are the ops between two layers.
var between = map[string]func(g *network, x string) string{
	"":             func(_ *network, x string) string { return x },
	"Relu":         unary(ir.Node{Op: "Relu"}),
	"LeakyRelu":    unary(ir.Node{Op: "LeakyRelu", Alpha: new(float32(0.1))}),
	"Clip":         unary(ir.Node{Op: "Clip", Min: new(float32(-1)), Max: new(float32(1))}),
	"Tanh":         unary(ir.Node{Op: "Tanh"}),
	"Softmax":      unary(ir.Node{Op: "Softmax", Axis: new(1)}),
	"FakeQuantize": fakeOf(fakeScale, 128), "FakeQuantize of its own": fakeOf(0.07, 11),
	"FakeQuantize, Relu": after(fakeOf(fakeScale, 0), unary(ir.Node{Op: "Relu"})),
	"MaxPool":            pooled(ir.Node{Op: "MaxPool", Kernel: []int{2, 1}, Pads: []int{1, 0, 1, 0}}),
	"AveragePool":        pooled(ir.Node{Op: "AveragePool", CountPad: true, Kernel: []int{2, 1}, Pads: []int{1, 0, 1, 0}}),
	"Identity":           unary(ir.Node{Op: "Identity"}), "Resize": resized,
	"FakeQuantize, Resize": after(fakeOf(fakeScale, 0), resized),
	"GlobalAveragePool":    pooled(ir.Node{Op: "GlobalAveragePool"}),
	"FakeQuantize, AveragePool": after(
		fakeOf(fakeScale, 128), pooled(ir.Node{Op: "AveragePool", CountPad: true, Kernel: []int{2, 1}, Pads: []int{0, 0, 0, 0}}),
	),
	"FakeQuantize, GlobalAveragePool": after(fakeOf(fakeScale, 0), pooled(ir.Node{Op: "GlobalAveragePool"})),
	"Add":                             twice("Add"), "FakeQuantize, Add": after(fakeOf(fakeScale, 128), twice("Add")),
	"Mul": twice("Mul"), "Concat": twice("Concat"), "Relu, Concat": after(unary(ir.Node{Op: "Relu"}), twice("Concat")),
	"Add of a constant": func(g *network, x string) string {
		return g.node(ir.Node{Op: "Add", Inputs: []string{x, g.constant(random(g.rng, 1, 1))}}, g.values[x]...)
	},
	"Reshape": func(g *network, x string) string {
		return g.as(x, 2, tensor.Shape(g.values[x]).TotalSize()/4, 2)
	},
	"Reshape of images": func(g *network, x string) string { return g.rows(g.images(x)) },
	"Transpose": func(g *network, x string) string {
		x = g.images(x)
		s := g.values[x]
		return g.node(ir.Node{Op: "Transpose", Inputs: []string{x}, Perm: []int{0, 1, 3, 2}}, s[0], s[2], s[1])
	},
	"Slice": func(g *network, x string) string {
		s := slices.Clone(g.values[x])
		s[0] /= 2
		return g.node(ir.Node{
			Op: "Slice", Inputs: []string{x}, Axes: []int{1}, Starts: []int{0},
			Ends: []int{2 * s[0]}, Steps: []int{2},
		}, s...)
	},
	"read by another": func(g *network, x string) string {
		g.Outputs = append(g.Outputs, ir.Value{Name: g.node(ir.Node{Op: "Sigmoid", Inputs: []string{x}}, g.values[x]...)})
		return x
	},
	"asked for": func(g *network, x string) string {
		if x != "x" && !slices.ContainsFunc(g.Outputs, func(v ir.Value) bool { return v.Name == x }) {
			g.Outputs = append(g.Outputs, ir.Value{Name: x})
		}
		return x
	},
}

// nodeByNode returns every value of the network, where each node is a model of its own.
func (g *network) nodeByNode(t *testing.T, in map[string]tensor.Tensor) map[string]tensor.Tensor {
	values := maps.Clone(in)
	for _, n := range g.Nodes {
		own := &ir.Network{Nodes: []ir.Node{n}, Outputs: []ir.Value{{Name: n.Output}}, Constants: map[string]*ir.Constant{}}
		feed := map[string]tensor.Tensor{}
		for _, name := range n.Inputs {
			if c := g.Constants[name]; c != nil {
				own.Constants[name] = c
			} else if feed[name] == nil {
				own.Inputs = append(own.Inputs, ir.Value{Name: name, Shape: append([]int{-1}, g.values[name]...), Type: typeOf(name)})
				feed[name] = values[name]
			}
		}
		layers := map[string]model.Layer{}
		if l, ok := g.layers[n.Name]; ok {
			layers[n.Name] = l
		}
		m, err := model.New(own, layers)
		if err != nil {
			t.Fatalf("%v: node %s by itself: %v", g.names, n.Name, err)
		}
		out, err := m.Run(context.Background(), feed)
		if err != nil {
			t.Fatalf("%v: node %s by itself: %v", g.names, n.Name, err)
		}
		values[n.Output] = out[n.Output]
	}
	return values
}

// feed returns a batch of inputs.
func (g *network) feed(batch int) map[string]tensor.Tensor {
	words := make([]int, batch)
	for i := range words {
		words[i] = (3*i + 1) % 7
	}
	return map[string]tensor.Tensor{
		"x":     tensorOf(random(rand.New(rand.NewPCG(uint64(batch), 4)), 1, batch, 4, 4, 3)),
		"words": tensor.New(tensor.WithShape(batch), tensor.WithBacking(words)),
	}
}

// check compares the network, and the same from a file, with its nodes one by one; false where New refuses
// it.
func (g *network) check(t *testing.T) (handed int, accepted bool) {
	m, err := model.New(&g.Network, g.layers)
	if err != nil {
		return 0, false
	}
	made := map[string]*model.Model{"New": m}
	if g.rng.IntN(3) == 0 { // what comes back from a file has tests of its own
		file := bytesOf(t, m)
		loaded, err := model.Read(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatalf("%v: Read: %v", g.names, err)
		}
		if !slices.Equal(loaded.QuantizedValues(), m.QuantizedValues()) {
			t.Errorf("%v: %v are kept quantized, and %v from a file", g.names, m.QuantizedValues(), loaded.QuantizedValues())
		}
		made["Read"] = loaded
	}
	for _, batch := range []int{1, 3} {
		in := g.feed(batch)
		want := g.nodeByNode(t, in)
		for how, m := range made {
			got, err := m.Run(context.Background(), in)
			if err != nil {
				t.Errorf("%v, batch %d: %s takes it, and Run does not: %v", g.names, batch, how, err)
				return 0, true
			}
			for name, y := range got {
				if i := differ(y, want[name]); i >= 0 {
					t.Errorf("%v, batch %d, %s: %s has other bits than node by node, at %d", g.names, batch, how, name, i)
				}
			}
		}
	}
	return len(m.QuantizedValues()), true
}

// differ returns the first place where two values have other bits, or −1.
func differ(a, b tensor.Tensor) int {
	x, y := a.(*tensor.Dense).Float32s(), b.(*tensor.Dense).Float32s()
	if !a.Shape().Eq(b.Shape()) {
		return 0
	}
	for i := range x {
		if math.Float32bits(x[i]) != math.Float32bits(y[i]) {
			return i
		}
	}
	return -1
}

// pair returns a layer, an op and another layer.
func pair(t *testing.T, seed uint64, first, compute, op, second, computeOfSecond string) *network {
	g := newNetwork(seed)
	g.Inputs = []ir.Value{{Name: "x", Shape: []int{-1, 4, 4, 3}}, {Name: "words", Shape: []int{-1}, Type: ir.Int64}}
	g.values["x"] = []int{4, 4, 3}
	g.names = []string{first, op, second}
	h := kinds[first](t, g, "x", compute)
	y := kinds[second](t, g, between[op](g, h), computeOfSecond)
	if g.rng.IntN(3) == 0 { // a third, so that the second gives quantized values too
		y = kinds["conv"](t, g, y, "affine")
	}
	g.Outputs = append(g.Outputs, ir.Value{Name: y})
	return g
}

// TestPairs has every kind of layer in front of every other, each in all ways to compute, with each op
// between them.
func TestPairs(t *testing.T) {
	t.Parallel()
	count, refused, handed := 0, 0, 0
	check := func(g *network) {
		if (raceEnabled || testing.Short()) && g.rng.IntN(20) > 0 { // each takes long
			return
		}
		n, ok := g.check(t)
		count, handed = count+1, handed+min(n, 1)
		if !ok {
			refused++
		}
	}
	seed := uint64(0)
	ops, ways := sortedKeys(between), sortedKeys(computes)
	for _, first := range sortedKeys(kinds) {
		for _, second := range sortedKeys(kinds) {
			if second == "embedding" { // which reads no value of a layer
				continue
			}
			for _, a := range ways {
				for _, b := range ways {
					if seed++; first == "embedding" && a != "" {
						continue
					}
					check(pair(t, seed, first, a, ops[seed%uint64(len(ops))], second, b))
				}
			}
			for _, op := range ops {
				seed++
				check(pair(t, seed, first, "affine", op, second, "affine"))
			}
			if t.Failed() {
				return
			}
		}
	}
	t.Logf("%d pairs, of which New refuses %d and %d hand over quantized values", count, refused, handed)
	if refused > count/3 || handed < 500 && !raceEnabled && !testing.Short() {
		t.Errorf("of %d pairs New refuses %d and %d hand over quantized values: too few", count, refused, handed)
	}
}

func sortedKeys[V any](m map[string]V) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
