package main

import (
	"context"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"euryale/bench/internal/workload"
	"euryale/bench/peers/duel"
	"euryale/bench/peers/onnx"
	"euryale/internal/flow"
	"euryale/internal/kernel"
	"euryale/model"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// lenet is the network of examples/mnist with gaussian weights, and images for it: 5×5 to 16 channels, pool, 5×5 to 32, pool, 128, 10.
type lenet struct {
	batch  int
	images []float32
	graph  *flow.Graph
	ranges map[string]qtensor.Params // of what layers read, in 8 bits
	layers []denseLayer
}

// denseLayer is a layer of a lenet, dense or a convolution: its weights are [output][input…] codes with a scale for each output.
type denseLayer struct {
	name, in, out string // of the values that it reads and gives, its ReLU's
	shape         []int
	codes         []int8
	scales, bias  []float32
}

const classes = 10

// newLenet returns the network for a batch, the same at every call.
func newLenet(batch int) (*lenet, error) {
	rng := rand.New(rand.NewPCG(8, 9))
	l := &lenet{batch: batch, images: make([]float32, batch*28*28), ranges: map[string]qtensor.Params{}}
	for i := range l.images {
		l.images[i] = max(0, float32(rng.NormFloat64()))
	}
	l.graph = &flow.Graph{
		Inputs:  []flow.Value{{Name: "x", Shape: []int{-1, 1, 28, 28}}},
		Outputs: []flow.Value{{Name: "y"}},
		Nodes: []flow.Node{
			{Op: "Conv", Name: "conv1", Inputs: []string{"x", "conv1.w", "conv1.b"}, Output: "c1"},
			{Op: "Relu", Name: "relu1", Inputs: []string{"c1"}, Output: "r1"},
			{Op: "MaxPool", Name: "pool1", Inputs: []string{"r1"}, Output: "p1", Kernel: []int{2, 2}, Strides: []int{2, 2}},
			{Op: "Conv", Name: "conv2", Inputs: []string{"p1", "conv2.w", "conv2.b"}, Output: "c2"},
			{Op: "Relu", Name: "relu2", Inputs: []string{"c2"}, Output: "r2"},
			{Op: "MaxPool", Name: "pool2", Inputs: []string{"r2"}, Output: "p2", Kernel: []int{2, 2}, Strides: []int{2, 2}},
			{Op: "Reshape", Name: "flat", Inputs: []string{"p2"}, Output: "f", Shape: []int{-1, 512}},
			{Op: "Gemm", Name: "fc1", Inputs: []string{"f", "fc1.w", "fc1.b"}, Output: "h", TransB: true},
			{Op: "Relu", Name: "relu3", Inputs: []string{"h"}, Output: "r3"},
			{Op: "Gemm", Name: "fc2", Inputs: []string{"r3", "fc2.w", "fc2.b"}, Output: "y", TransB: true},
		},
		Constants: map[string]*flow.Tensor{},
	}
	for _, d := range []denseLayer{
		{name: "conv1", in: "x", out: "r1", shape: []int{16, 1, 5, 5}},
		{name: "conv2", in: "p1", out: "r2", shape: []int{32, 16, 5, 5}},
		{name: "fc1", in: "f", out: "r3", shape: []int{128, 512}},
		{name: "fc2", in: "r3", out: "y", shape: []int{classes, 128}},
	} {
		depth := tensor.Shape(d.shape[1:]).TotalSize()
		d.codes, d.scales, d.bias = make([]int8, d.shape[0]*depth), make([]float32, d.shape[0]), make([]float32, d.shape[0])
		for i := range d.codes {
			d.codes[i] = int8(max(-127, min(127, math.Round(36*rng.NormFloat64()))))
		}
		for i := range d.scales {
			d.scales[i] = float32(math.Sqrt(2/float64(depth)) / 36)
			d.bias[i] = float32(0.1 * rng.NormFloat64())
		}
		l.layers = append(l.layers, d)
		l.graph.Constants[d.name+".w"] = &flow.Tensor{Shape: d.shape, Data: d.numbers()}
		l.graph.Constants[d.name+".b"] = &flow.Tensor{Shape: []int{d.shape[0]}, Data: d.bias}
	}
	float, err := model.New(l.graph, nil)
	if err != nil {
		return nil, err
	}
	return l, float.Observe(context.Background(), l.inputs(), func(name string, x []float32) error {
		p, err := qtensor.NewParams(qtensor.Affine(8), []float32{min(0, slices.Min(x))}, []float32{slices.Max(x)})
		l.ranges[name] = p
		return err
	})
}

// numbers returns what the codes stand for.
func (d denseLayer) numbers() []float32 {
	w := make([]float32, len(d.codes))
	for i, q := range d.codes {
		w[i] = d.scales[i*len(d.scales)/len(w)] * float32(q)
	}
	return w
}

func (l *lenet) inputs() map[string]tensor.Tensor {
	return map[string]tensor.Tensor{"x": tensor.New(tensor.WithShape(l.batch, 1, 28, 28), tensor.WithBacking(l.images))}
}

// lenets are tasks of three batches.
func lenets(entrants ...entrant[*lenet]) func([]workload.Shape) iter.Seq[task] {
	return func([]workload.Shape) iter.Seq[task] {
		return func(yield func(task) bool) {
			for _, batch := range []int{1, 32, 64} {
				l, err := newLenet(batch)
				if err != nil {
					panic(fmt.Sprintf("peers: lenet: %v", err)) // its operands are made here
				}
				float, err := oursFloatLenet(l, 1)
				if err == nil {
					err = float.Run()
				}
				if err != nil {
					panic(fmt.Sprintf("peers: lenet: %v", err))
				}
				right := float.Output()
				truth := duel.Sample(batch*classes, batch*classes, func(at int) float64 { return float64(right[at]) })
				subject := duel.Subject{Name: fmt.Sprintf("batch %d", batch), Amount: float64(batch), Unit: "images/s", Mean: true}
				if !yield(newTask(subject, l, truth, entrants)) {
					return
				}
			}
		}
	}
}

// runLenet returns the contender of a model of ours.
func runLenet(name string, l *lenet, layers map[string]model.Layer) (duel.Contender, error) {
	m, err := model.New(l.graph, layers)
	if err != nil {
		return duel.Contender{}, err
	}
	in := l.inputs()
	shares, err := profile(m, in)
	if err != nil {
		return duel.Contender{}, err
	}
	var out map[string]tensor.Tensor
	return duel.Contender{
		Name: name, Kernel: kernel.Current().Tier.String() + ": " + shares, Aside: true,
		Run: func() (err error) {
			out, err = m.Run(context.Background(), in)
			return err
		},
		Output: func() []float32 { return out["y"].Data().([]float32) },
	}, nil
}

// profile returns what share of the time each node takes, over some runs behind one that does not count.
func profile(m *model.Model, in map[string]tensor.Tensor) (string, error) {
	const runs = 50
	var total time.Duration
	var nodes []string
	took := map[string]time.Duration{}
	for run := range runs + 1 {
		list, err := m.Time(context.Background(), in)
		if err != nil {
			return "", err
		}
		nodes = nodes[:0]
		for _, t := range list {
			nodes = append(nodes, t.Node)
			if run > 0 {
				took[t.Node] += t.Took
				total += t.Took
			}
		}
	}
	var shares []string
	for _, node := range nodes {
		shares = append(shares, fmt.Sprintf("%s %.0f%%", node, 100*took[node].Seconds()/total.Seconds()))
	}
	return strings.Join(shares, ", "), nil
}

func oursLenet(l *lenet, _ int) (duel.Contender, error) {
	layers := map[string]model.Layer{}
	for _, d := range l.layers {
		codes := tensor.New(tensor.WithShape(d.shape...), tensor.WithBacking(slices.Clone(d.codes)))
		w, err := qtensor.FromCodes(codes, qtensor.Params{Scheme: qtensor.PerChannelSymmetric(8, 0), Scales: d.scales})
		if err != nil {
			return duel.Contender{}, err
		}
		layers[d.name] = model.Layer{Weight: w, Compute: ops.StaticInt8(l.ranges[d.in])}
	}
	return runLenet("ours", l, layers)
}

func oursFloatLenet(l *lenet, _ int) (duel.Contender, error) { return runLenet("ours f32", l, nil) }

// ortLenet returns the contender of a model of the network.
func ortLenet(name string, build func(l *lenet) ([]onnx.Node, []onnx.Tensor)) entrant[*lenet] {
	return func(l *lenet, threads int) (duel.Contender, error) {
		nodes, constants := build(l)
		m := onnx.Model{
			Nodes:     nodes,
			Inputs:    []onnx.Tensor{{Name: "x", Type: onnx.Float, Dims: []int{l.batch, 1, 28, 28}}},
			Outputs:   []onnx.Tensor{{Name: "y", Type: onnx.Float, Dims: []int{l.batch, classes}}},
			Constants: constants,
		}
		return contender("ort "+name, threads, m, nil, l.images, itself, false)
	}
}

// between returns what the network has between its layers, from value to value.
func between(suffix string) []onnx.Node {
	pool := []onnx.Ints{{Name: "kernel_shape", Values: []int{2, 2}}, {Name: "strides", Values: []int{2, 2}}}
	return []onnx.Node{
		{Op: "MaxPool", Inputs: []string{"r1" + suffix}, Outputs: []string{"p1" + suffix}, Lists: pool},
		{Op: "MaxPool", Inputs: []string{"r2" + suffix}, Outputs: []string{"p2" + suffix}, Lists: pool},
		{Op: "Flatten", Inputs: []string{"p2" + suffix}, Outputs: []string{"f" + suffix}},
	}
}

// order puts nodes behind those that give their inputs.
func order(nodes []onnx.Node) []onnx.Node {
	var sorted []onnx.Node
	for len(nodes) > 0 {
		at := slices.IndexFunc(nodes, func(n onnx.Node) bool {
			return !slices.ContainsFunc(nodes, func(before onnx.Node) bool { return slices.Contains(n.Inputs, before.Outputs[0]) })
		})
		sorted = append(sorted, nodes[at])
		nodes = slices.Delete(nodes, at, at+1)
	}
	return sorted
}

// product returns the node of a layer on float32, without its ReLU.
func (d denseLayer) product(in, w, b, out string) onnx.Node {
	n := onnx.Node{Op: "Conv", Inputs: []string{in, w, b}, Outputs: []string{out}}
	if len(d.shape) == 2 {
		n.Op, n.Ints = "Gemm", []onnx.Int{{Name: "transB", Value: 1}}
	}
	return n
}

// floatLenet is the network on float32.
func floatLenet(l *lenet) ([]onnx.Node, []onnx.Tensor) {
	nodes := between("")
	var constants []onnx.Tensor
	for _, d := range l.layers {
		constants = append(constants, constant(d.name+".w", d.numbers(), d.shape...), constant(d.name+".b", d.bias, len(d.bias)))
		if d.out == "y" {
			nodes = append(nodes, d.product(d.in, d.name+".w", d.name+".b", "y"))
			continue
		}
		nodes = append(nodes, d.product(d.in, d.name+".w", d.name+".b", d.name+".sum"), onnx.Node{Op: "Relu", Inputs: []string{d.name + ".sum"}, Outputs: []string{d.out}})
	}
	return order(nodes), constants
}

// integers returns the bias of a layer in units of its sums.
func (l *lenet) integers(d denseLayer) []int32 {
	b := make([]int32, len(d.bias))
	for i, v := range d.bias {
		b[i] = int32(math.Round(float64(v) / (float64(l.ranges[d.in].Scales[0]) * float64(d.scales[i]))))
	}
	return b
}

// codes returns the constants of a layer on codes.
func (l *lenet) codes(d denseLayer) []onnx.Tensor {
	n := len(d.bias)
	return append(
		mappingOf(d.in, l.ranges[d.in]), constant(d.name+".w", d.codes, d.shape...), constant(d.name+".scales", d.scales, n),
		constant(d.name+".zeros", make([]int8, n), n), constant(d.name+".b", l.integers(d), n),
	)
}

// integerLenet is the network on codes: what comes out of a layer are those that the next one reads, and no ReLU is left to do.
func integerLenet(l *lenet) ([]onnx.Node, []onnx.Tensor) {
	nodes := append(between(".q"), onnx.Node{Op: "QuantizeLinear", Inputs: []string{"x", "x.scale", "x.zero"}, Outputs: []string{"x.q"}})
	var constants []onnx.Tensor
	next := map[string]string{"r1": "p1", "r2": "f", "r3": "r3"} // whose codes they become
	for _, d := range l.layers {
		constants = append(constants, l.codes(d)...)
		n := onnx.Node{Op: "QLinearConv", Inputs: []string{d.in + ".q", d.in + ".scale", d.in + ".zero", d.name + ".w", d.name + ".scales", d.name + ".zeros"}, Outputs: []string{d.out + ".q"}}
		var out []string
		if to := next[d.out]; to != "" {
			out = []string{to + ".scale", to + ".zero"}
		}
		if len(d.shape) == 4 {
			n.Inputs = append(append(n.Inputs, out...), d.name+".b")
		} else {
			n.Domain, n.Op, n.Ints = onnx.Microsoft, "QGemm", []onnx.Int{{Name: "transB", Value: 1}}
			n.Inputs = append(append(n.Inputs, d.name+".b"), out...)
		}
		if d.out == "y" {
			n.Outputs = []string{"y"} // float32, which the last QGemm gives
		}
		nodes = append(nodes, n)
	}
	return order(nodes), constants
}

// simulatedLenet is the network on float32 with codes in between, which ONNX Runtime turns into one on codes.
func simulatedLenet(l *lenet) ([]onnx.Node, []onnx.Tensor) {
	nodes := between("")
	var constants []onnx.Tensor
	for _, d := range l.layers {
		mapping := []string{d.in + ".scale", d.in + ".zero"}
		constants = append(constants, l.codes(d)...)
		constants = append(constants, scalarsOf(d.name+".b.scales", l, d))
		sum := d.name + ".sum"
		if d.out == "y" {
			sum = "y"
		} else {
			nodes = append(nodes, onnx.Node{Op: "Relu", Inputs: []string{sum}, Outputs: []string{d.out}})
		}
		axis := []onnx.Int{{Name: "axis", Value: 0}}
		nodes = append(
			nodes,
			onnx.Node{Op: "QuantizeLinear", Inputs: append([]string{d.in}, mapping...), Outputs: []string{d.in + ".q"}},
			onnx.Node{Op: "DequantizeLinear", Inputs: append([]string{d.in + ".q"}, mapping...), Outputs: []string{d.in + ".d"}},
			onnx.Node{Op: "DequantizeLinear", Inputs: []string{d.name + ".w", d.name + ".scales", d.name + ".zeros"}, Outputs: []string{d.name + ".w.d"}, Ints: axis},
			onnx.Node{Op: "DequantizeLinear", Inputs: []string{d.name + ".b", d.name + ".b.scales"}, Outputs: []string{d.name + ".b.d"}, Ints: axis},
			d.product(d.in+".d", d.name+".w.d", d.name+".b.d", sum),
		)
	}
	return order(nodes), constants
}

// scalarsOf returns the scales of the sums of a layer.
func scalarsOf(name string, l *lenet, d denseLayer) onnx.Tensor {
	scales := make([]float32, len(d.scales))
	for i, s := range d.scales {
		scales[i] = s * l.ranges[d.in].Scales[0]
	}
	return constant(name, scales, len(scales))
}
