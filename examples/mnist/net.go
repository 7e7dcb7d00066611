package main

import (
	"math"
	"math/rand/v2"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// An architecture is a network without its values: what is trained, in order, and the graph of it.
type architecture struct {
	params []param
	// logits returns (batch, 10) for the graph's x of (batch, 784).
	logits func(g *graph) (*gorgonia.Node, error)
}

// param is a weight, or other values that are trained, such as a bias.
type param struct {
	name  string
	in    int // how many elements of the weight a sum has; 0 for what is no weight
	shape tensor.Shape
	start float32 // what the elements start from, of what is no weight
	seen  bool    // not trained, but what a normalization saw
}

var architectures = map[string]architecture{
	"mlp":      {mlpParams, mlp},
	"lenet":    {lenetParams(false), func(g *graph) (*gorgonia.Node, error) { return lenet(g, false) }},
	"lenet-bn": {lenetParams(true), func(g *graph) (*gorgonia.Node, error) { return lenet(g, true) }},
}

// output returns the axis of a weight that is a layer's outputs: filters come first, and columns last.
func (p param) output() int {
	if p.isFilters() {
		return 0
	}
	return 1
}

func (p param) isFilters() bool { return p.in > 0 && p.shape.Dims() == 4 }

// network is an architecture with its values.
type network struct {
	architecture
	values map[string]*tensor.Dense
	bits   int // of the weights in quantization-aware training, 0 for float
}

// newNetwork returns weights drawn from He's normal distribution (arXiv:1502.01852), and
// what the rest starts from.
func newNetwork(a architecture, seed uint64) network {
	r := rand.New(rand.NewPCG(seed, 0))
	net := network{architecture: a, values: map[string]*tensor.Dense{}}
	for _, p := range a.params {
		values := slices.Repeat([]float32{p.start}, p.shape.TotalSize())
		for j := range values {
			if p.in > 0 {
				values[j] = float32(r.NormFloat64() * math.Sqrt(2/float64(p.in)))
			}
		}
		net.values[p.name] = tensor.New(tensor.WithShape(p.shape...), tensor.WithBacking(values))
	}
	return net
}

// weights returns how many elements the weights have.
func (net network) weights() (n int) {
	for _, p := range net.params {
		if p.in > 0 {
			n += p.shape.TotalSize()
		}
	}
	return n
}

// hasFilters reports whether there are convolutions.
func (net network) hasFilters() bool { return slices.ContainsFunc(net.params, param.isFilters) }

// graph is a network as a Gorgonia graph for one batch size.
type graph struct {
	network
	g       *gorgonia.ExprGraph
	x, y    *gorgonia.Node
	nodes   map[string]*gorgonia.Node // what layers read, by name
	trained gorgonia.Nodes
	scales  gorgonia.Nodes // which are trained, too
	norms   map[string]*gorgonia.BatchNormOp
	machine gorgonia.VM
	out     gorgonia.Value
}

// graph returns the logits of the network. Its nodes share their values with net.
func (net network) graph(batch int) (*graph, error) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(batch, pixels), gorgonia.WithName("x"))
	made := &graph{network: net, g: g, x: x, nodes: map[string]*gorgonia.Node{}, norms: map[string]*gorgonia.BatchNormOp{}}
	for _, p := range net.params {
		if p.seen {
			continue
		}
		n := made.node(p.name, p.shape)
		made.trained, made.nodes[p.name] = append(made.trained, n), n
		if p.in > 0 && net.bits > 0 {
			var err error
			if made.nodes[p.name], err = made.rounded(p); err != nil {
				return nil, err
			}
		}
	}
	var err error
	made.y, err = net.logits(made)
	return made, err
}

// node returns a node with the values of the network by its name.
func (g *graph) node(name string, shape tensor.Shape) *gorgonia.Node {
	return gorgonia.NewTensor(g.g, tensor.Float32, len(shape), gorgonia.WithName(name), gorgonia.WithShape(shape...),
		gorgonia.WithValue(g.values[name]))
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
