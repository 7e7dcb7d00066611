package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// layer is y = x·weight + bias, for x of shape (batch, in), weight (in, out) and bias (out).
type layer struct{ weight, bias *tensor.Dense }

// network is layers with a ReLU after all but the last.
type network []layer

// sizes of the multilayer perceptron.
var sizes = []int{pixels, 512, 256, labels}

// newNetwork returns weights drawn from He's normal distribution (arXiv:1502.01852), and biases of zero.
func newNetwork(seed uint64) network {
	r := rand.New(rand.NewPCG(seed, 0))
	var net network
	for i, in := range sizes[:len(sizes)-1] {
		out := sizes[i+1]
		w := make([]float32, in*out)
		for j := range w {
			w[j] = float32(r.NormFloat64() * math.Sqrt(2/float64(in)))
		}
		net = append(net, layer{
			tensor.New(tensor.WithShape(in, out), tensor.WithBacking(w)),
			tensor.New(tensor.WithShape(out), tensor.Of(tensor.Float32)),
		})
	}
	return net
}

// weightName and biasName are the names in files, and weightName + ".in" the key of what goes into a layer.
func weightName(i int) string { return fmt.Sprintf("layer%d", i+1) }
func biasName(i int) string   { return fmt.Sprintf("layer%d.bias", i+1) }
func inputKey(i int) string   { return weightName(i) + ".in" }

// graph is a network as a Gorgonia graph for one batch size.
type graph struct {
	g       *gorgonia.ExprGraph
	x, y    *gorgonia.Node
	inputs  []*gorgonia.Node // what goes into each layer
	params  gorgonia.Nodes   // weights and biases, if the graph trains
	machine gorgonia.VM
	out     gorgonia.Value
}

// input returns a graph that has its input only.
func input(batch int) *graph {
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(batch, pixels), gorgonia.WithName("x"))
	return &graph{g: g, x: x, y: x}
}

// floatGraph returns the logits of a float network. Its nodes share their values with net.
func floatGraph(net network, batch int) (*graph, error) {
	g := input(batch)
	for i, l := range net {
		g.inputs = append(g.inputs, g.y)
		w := gorgonia.NewMatrix(g.g, tensor.Float32, gorgonia.WithName(weightName(i)), gorgonia.WithShape(l.weight.Shape()...), gorgonia.WithValue(l.weight))
		b := gorgonia.NewVector(g.g, tensor.Float32, gorgonia.WithName(biasName(i)), gorgonia.WithShape(l.bias.Shape()...), gorgonia.WithValue(l.bias))
		g.params = append(g.params, w, b)
		var err error
		if g.y, err = gorgonia.Mul(g.y, w); err != nil {
			return nil, err
		}
		if g.y, err = gorgonia.BroadcastAdd(g.y, b, nil, []byte{0}); err != nil {
			return nil, err
		}
		if i == len(net)-1 {
			break
		}
		if g.y, err = gorgonia.Rectify(g.y); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// quantizedLayer is a layer with packed weights.
type quantizedLayer struct {
	weight  *ops.Weight
	bias    *tensor.Dense
	compute ops.Compute
}

// packed returns the layers of a quantized network, with the activations going as compute says for each.
func packed(b qtensor.Bundle, compute func(i int) (ops.Compute, error)) ([]quantizedLayer, error) {
	var net []quantizedLayer
	for i := range len(b.Quantized) {
		w, err := ops.Pack(b.Quantized[weightName(i)])
		if err != nil {
			return nil, err
		}
		c, err := compute(i)
		if err != nil {
			return nil, err
		}
		net = append(net, quantizedLayer{w, b.Float[biasName(i)], c})
	}
	return net, nil
}

// quantizedGraph returns the logits of a quantized network.
func quantizedGraph(net []quantizedLayer, batch int) (*graph, error) {
	g := input(batch)
	for i, l := range net {
		options := []ops.Option{ops.WithBias(l.bias), ops.WithCompute(l.compute)}
		if i < len(net)-1 {
			options = append(options, ops.WithReLU())
		}
		var err error
		if g.y, err = ops.Linear(g.y, l.weight, options...); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// start makes the machine that run uses. Nothing is added to the graph after it.
func (g *graph) start(options ...gorgonia.VMOpt) {
	gorgonia.Read(g.y, &g.out)
	g.machine = gorgonia.NewTapeMachine(g.g, options...)
}

// run computes the logits, (batch, 10), of a batch of the graph's size.
func (g *graph) run(x *tensor.Dense) ([]float32, error) {
	defer g.machine.Reset()
	if err := gorgonia.Let(g.x, x); err != nil {
		return nil, err
	}
	if err := g.machine.RunAll(); err != nil {
		return nil, err
	}
	return g.out.Data().([]float32), nil
}
