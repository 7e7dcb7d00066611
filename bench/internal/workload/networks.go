package workload

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Network is a network of images with gaussian weights, and images for it.
type Network struct {
	Batch  int
	Sample []int     // the shape of an image
	Images []float32 // a batch of them
	Graph  *ir.Network
	Ranges map[string]qtensor.Params // of values, in 8 bits
	Layers map[string]*Layer         // by the name of the node
}

// Layer is a dense layer or a convolution: its weights are quantized, [output][input…], with a scale for each
// output.
type Layer struct {
	Name, In     string // In is the value that it reads
	Shape        []int
	Q            []int8
	Scales, Bias []float32
}

// Classes is how many outputs a network has.
const Classes = 10

// newLayer returns a layer of random weights. The deviation of values stays about the same behind it.
func newLayer(rng *rand.Rand, n ir.Node, shape []int) *Layer {
	outputs, depth := shape[0], tensor.Shape(shape[1:]).TotalSize()
	w := &Layer{
		Name: n.Name, In: n.Inputs[0], Shape: shape,
		Q: make([]int8, outputs*depth), Scales: make([]float32, outputs), Bias: make([]float32, outputs),
	}
	for i := range w.Q {
		w.Q[i] = int8(max(-127, min(127, math.Round(36*rng.NormFloat64()))))
	}
	for i := range w.Scales {
		w.Scales[i] = float32(math.Sqrt(2/float64(depth)) / 36)
		w.Bias[i] = float32(0.1 * rng.NormFloat64())
	}
	return w
}

// NewNetwork returns the network of a design for a batch, the same at every call. Images, and with them
// weights and ranges, differ between batches.
func NewNetwork(d *Design, batch int) (*Network, error) {
	rng := rand.New(rand.NewPCG(8, 9))
	n := &Network{
		Batch: batch, Sample: d.sample, Images: make([]float32, batch*tensor.Shape(d.sample).TotalSize()),
		Ranges: map[string]qtensor.Params{}, Layers: map[string]*Layer{},
	}
	for i := range n.Images {
		n.Images[i] = max(0, float32(rng.NormFloat64()))
	}
	n.Graph = &ir.Network{
		Inputs:    []ir.Value{{Name: "x", Shape: append([]int{-1}, d.sample...)}},
		Outputs:   []ir.Value{{Name: d.nodes[len(d.nodes)-1].Output}},
		Nodes:     d.nodes,
		Constants: map[string]*ir.Constant{},
	}
	for _, node := range d.nodes {
		shape := d.shapes[node.Name]
		if shape == nil {
			continue
		}
		w := newLayer(rng, node, shape)
		n.Layers[node.Name] = w
		n.Graph.Constants[node.Name+".w"] = &ir.Constant{Shape: shape, Data: w.Dequantized()}
		n.Graph.Constants[node.Name+".b"] = &ir.Constant{Shape: []int{shape[0]}, Data: w.Bias}
	}
	float, err := n.Float()
	if err != nil {
		return nil, err
	}
	return n, float.Observe(context.Background(), n.Inputs(n.Images), func(name string, x []float32) error {
		p, err := params(x)
		n.Ranges[name] = p
		return err
	})
}

// Dequantized returns the weights as real values.
func (w *Layer) Dequantized() []float32 {
	x := make([]float32, len(w.Q))
	for i, q := range w.Q {
		x[i] = w.Scales[i*len(w.Scales)/len(x)] * float32(q)
	}
	return x
}

// Output returns the name of the result.
func (n *Network) Output() string { return n.Graph.Outputs[0].Name }

// Inputs returns what a model of the network takes, of whole images.
func (n *Network) Inputs(images []float32) map[string]tensor.Tensor {
	shape := append([]int{len(images) / tensor.Shape(n.Sample).TotalSize()}, n.Sample...)
	return map[string]tensor.Tensor{"x": tensor.New(tensor.WithShape(shape...), tensor.WithBacking(images))}
}

// Rounds reports whether the inputs of a node are quantized by themselves: those of layers, sums and averages.
func (n *Network) Rounds(node ir.Node) bool {
	return n.Layers[node.Name] != nil || node.Op == "Add" || node.Op == "GlobalAveragePool"
}

// Float returns the network as a model in float32.
func (n *Network) Float(opts ...model.Option) (*model.Model, error) {
	return model.New(n.Graph, nil, opts...)
}

// Static returns the network as a model with static int8 in every layer but those named as float, which
// quantizes the inputs of sums and averages.
func (n *Network) Static(float []string, opts ...model.Option) (*model.Model, error) {
	layers := map[string]model.Layer{}
	for name, w := range n.Layers {
		if slices.Contains(float, name) {
			continue
		}
		values := tensor.New(tensor.WithShape(w.Shape...), tensor.WithBacking(slices.Clone(w.Q)))
		q, err := qtensor.FromCodes(values, qtensor.Params{Scheme: qtensor.PerChannelSymmetric(8, 0), Scales: w.Scales})
		if err != nil {
			return nil, err
		}
		layers[name] = model.Layer{Weight: q, Activations: model.StaticInt8, Params: n.Ranges[w.In]}
	}
	g := *n.Graph
	g.Nodes = nil
	made := map[string]bool{}
	for _, node := range n.Graph.Nodes {
		if n.Rounds(node) && n.Layers[node.Name] == nil {
			node.Inputs = slices.Clone(node.Inputs)
			for i, v := range node.Inputs {
				p := n.Ranges[v]
				node.Inputs[i] = v + ".quantized"
				if !made[v] {
					made[v] = true
					g.Nodes = append(g.Nodes, ir.Node{
						Op: "FakeQuantize", Name: v + ".quantized", Inputs: []string{v},
						Output: v + ".quantized", Scale: p.Scales[0], ZeroPoint: p.ZeroPoints[0], QuantMax: 255,
					})
				}
			}
		}
		g.Nodes = append(g.Nodes, node)
	}
	return model.New(&g, layers, opts...)
}
