package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// An architecture is a network without its numbers: the shapes of what is trained, in order, and the graph of it.
type architecture struct {
	params []param
	// logits returns (batch, 10) for x of (batch, 784) and the nodes of params, by name.
	logits func(x *gorgonia.Node, p map[string]*gorgonia.Node) (*gorgonia.Node, error)
}

// param is a weight, or a bias where it feeds on nothing.
type param struct {
	name  string
	in    int // how many numbers a sum has, 0 for a bias
	shape tensor.Shape
}

var architectures = map[string]architecture{
	"mlp": {
		params: []param{
			{"layer1", pixels, tensor.Shape{pixels, 512}},
			{"layer1.bias", 0, tensor.Shape{512}},
			{"layer2", 512, tensor.Shape{512, 256}},
			{"layer2.bias", 0, tensor.Shape{256}},
			{"layer3", 256, tensor.Shape{256, labels}},
			{"layer3.bias", 0, tensor.Shape{labels}},
		},
		logits: mlp,
	},
	"lenet": {
		params: []param{
			{"conv1", 25, tensor.Shape{16, 1, 5, 5}},
			{"conv1.bias", 0, tensor.Shape{1, 16, 1, 1}},
			{"conv2", 400, tensor.Shape{32, 16, 5, 5}},
			{"conv2.bias", 0, tensor.Shape{1, 32, 1, 1}},
			{"dense1", 512, tensor.Shape{512, 128}},
			{"dense1.bias", 0, tensor.Shape{128}},
			{"dense2", 128, tensor.Shape{128, labels}},
			{"dense2.bias", 0, tensor.Shape{labels}},
		},
		logits: lenet,
	},
}

// dense returns x·w + b, through a ReLU if asked.
func dense(x *gorgonia.Node, p map[string]*gorgonia.Node, name string, relu bool) (*gorgonia.Node, error) {
	y, err := gorgonia.Mul(x, p[name])
	if err == nil {
		y, err = gorgonia.BroadcastAdd(y, p[name+".bias"], nil, []byte{0})
	}
	if err == nil && relu {
		y, err = gorgonia.Rectify(y)
	}
	return y, err
}

func mlp(x *gorgonia.Node, p map[string]*gorgonia.Node) (y *gorgonia.Node, err error) {
	y = x
	for i := range 3 {
		if y, err = dense(y, p, fmt.Sprintf("layer%d", i+1), i < 2); err != nil {
			return nil, err
		}
	}
	return y, nil
}

// lenet is two convolutions of 5×5, each with a ReLU and a pooling of 2×2, and two dense layers.
func lenet(x *gorgonia.Node, p map[string]*gorgonia.Node) (*gorgonia.Node, error) {
	batch := x.Shape()[0]
	y, err := gorgonia.Reshape(x, tensor.Shape{batch, 1, side, side})
	for _, name := range []string{"conv1", "conv2"} {
		if err == nil {
			y, err = gorgonia.Conv2d(y, p[name], tensor.Shape{5, 5}, []int{0, 0}, []int{1, 1}, []int{1, 1})
		}
		if err == nil {
			y, err = gorgonia.BroadcastAdd(y, p[name+".bias"], nil, []byte{0, 2, 3})
		}
		if err == nil {
			y, err = gorgonia.Rectify(y)
		}
		if err == nil {
			y, err = gorgonia.MaxPool2D(y, tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2})
		}
	}
	if err == nil {
		y, err = gorgonia.Reshape(y, tensor.Shape{batch, 512})
	}
	if err == nil {
		y, err = dense(y, p, "dense1", true)
	}
	if err == nil {
		y, err = dense(y, p, "dense2", false)
	}
	return y, err
}

// network is an architecture with its numbers.
type network struct {
	architecture
	values map[string]*tensor.Dense
}

// newNetwork returns weights drawn from He's normal distribution (arXiv:1502.01852), and biases of zero.
func newNetwork(a architecture, seed uint64) network {
	r := rand.New(rand.NewPCG(seed, 0))
	net := network{a, map[string]*tensor.Dense{}}
	for _, p := range a.params {
		numbers := make([]float32, p.shape.TotalSize())
		for j := range numbers {
			if p.in > 0 {
				numbers[j] = float32(r.NormFloat64() * math.Sqrt(2/float64(p.in)))
			}
		}
		net.values[p.name] = tensor.New(tensor.WithShape(p.shape...), tensor.WithBacking(numbers))
	}
	return net
}

// weights returns how many numbers the layers multiply by.
func (net network) weights() (n int) {
	for _, p := range net.params {
		if p.in > 0 {
			n += p.shape.TotalSize()
		}
	}
	return n
}

// graph is a network as a Gorgonia graph for one batch size.
type graph struct {
	g       *gorgonia.ExprGraph
	x, y    *gorgonia.Node
	params  gorgonia.Nodes // in order
	machine gorgonia.VM
	out     gorgonia.Value
}

// graph returns the logits of the network. Its nodes share their values with net.
func (net network) graph(batch int) (*graph, error) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(batch, pixels), gorgonia.WithName("x"))
	made, byName := &graph{g: g, x: x}, map[string]*gorgonia.Node{}
	for _, p := range net.params {
		n := gorgonia.NewTensor(g, tensor.Float32, len(p.shape), gorgonia.WithName(p.name), gorgonia.WithShape(p.shape...), gorgonia.WithValue(net.values[p.name]))
		made.params, byName[p.name] = append(made.params, n), n
	}
	var err error
	made.y, err = net.logits(x, byName)
	return made, err
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
