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
	"euryale/internal/ir"
	"euryale/internal/kernel"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// network is a network of images with gaussian weights, and images for it.
type network struct {
	batch  int
	sample []int
	images []float32
	graph  *ir.Network
	ranges map[string]qtensor.Params // of values, in 8 bits
	layers map[string]*layer         // by the name of the node
}

// layer is a dense layer or a convolution: its weights are quantized, [output][input…], with a scale for each output.
type layer struct {
	name, in     string // in is the value that it reads
	shape        []int
	q            []int8
	scales, bias []float32
}

const classes = 10

// design is a network's nodes, whose weights are named after them, with their shapes.
type design struct {
	sample []int
	nodes  []ir.Node
	shapes map[string][]int
}

// add appends a node that gives the value of its name.
func (d *design) add(n ir.Node, in ...string) string {
	n.Output, n.Inputs = n.Name, in
	d.nodes = append(d.nodes, n)
	return n.Name
}

// product appends a layer, and a Relu if asked for.
func (d *design) product(n ir.Node, in string, relu bool, shape ...int) string {
	d.shapes[n.Name] = shape
	out := d.add(n, in, n.Name+".w", n.Name+".b")
	if relu {
		out = d.add(ir.Node{Op: "Relu", Name: n.Name + ".relu"}, out)
	}
	return out
}

// conv appends a convolution that pads.
func (d *design) conv(name, in string, relu bool, filters, channels, kernel, pad, stride int) string {
	n := ir.Node{Op: "Conv", Name: name, Pads: []int{pad, pad, pad, pad}, Strides: []int{stride, stride}}
	return d.product(n, in, relu, filters, channels, kernel, kernel)
}

func (d *design) dense(name, in string, relu bool, out, depth int) string {
	return d.product(ir.Node{Op: "Gemm", Name: name, TransB: true}, in, relu, out, depth)
}

func (d *design) pool(name, in string) string {
	return d.add(ir.Node{Op: "MaxPool", Name: name, Kernel: []int{2, 2}, Strides: []int{2, 2}}, in)
}

func (d *design) flatten(in string, length int) string {
	return d.add(ir.Node{Op: "Reshape", Name: "flat", Shape: []int{-1, length}}, in)
}

// block appends a residual block, with a convolution beside it where the image changes.
func (d *design) block(name, in string, filters, channels, stride int) string {
	a := d.conv(name+".a", in, true, filters, channels, 3, 1, stride)
	b := d.conv(name+".b", a, false, filters, filters, 3, 1, 1)
	if stride > 1 {
		in = d.conv(name+".side", in, false, filters, channels, 1, 0, stride)
	}
	return d.add(ir.Node{Op: "Relu", Name: name + ".relu"}, d.add(ir.Node{Op: "Add", Name: name + ".sum"}, b, in))
}

// lenet is the network of examples/mnist: 5×5 to 16 channels, pool, 5×5 to 32, pool, 128, 10.
func lenet() *design {
	d := &design{sample: []int{1, 28, 28}, shapes: map[string][]int{}}
	p := d.pool("pool1", d.conv("conv1", "x", true, 16, 1, 5, 0, 1))
	p = d.pool("pool2", d.conv("conv2", p, true, 32, 16, 5, 0, 1))
	d.dense("fc2", d.dense("fc1", d.flatten(p, 512), true, 128, 512), false, classes, 128)
	return d
}

// resnet8 is that of MLPerf Tiny: images of 3×32×32, three residual blocks of 16, 32 and 64 channels, a global average.
func resnet8() *design {
	d := &design{sample: []int{3, 32, 32}, shapes: map[string][]int{}}
	h := d.conv("stem", "x", true, 16, 3, 3, 1, 1)
	h = d.block("one", h, 16, 16, 1)
	h = d.block("two", h, 32, 16, 2)
	h = d.block("three", h, 64, 32, 2)
	h = d.add(ir.Node{Op: "GlobalAveragePool", Name: "average"}, h)
	d.dense("fc", d.flatten(h, 64), false, classes, 64)
	return d
}

// mobilenet is that of MLPerf Tiny for images of 3×96×96: a quarter of MobileNet's channels, each block a depthwise convolution and one
// of a pixel.
func mobilenet() *design {
	d := &design{sample: []int{3, 96, 96}, shapes: map[string][]int{}}
	h, channels := d.conv("stem", "x", true, 8, 3, 3, 1, 2), 8
	for i, b := range [][2]int{{16, 1}, {32, 2}, {32, 1}, {64, 2}, {64, 1}, {128, 2}, {128, 1}, {128, 1}, {128, 1}, {128, 1}, {128, 1}, {256, 2}, {256, 1}} {
		filters, stride := b[0], b[1]
		n := ir.Node{Op: "Conv", Name: fmt.Sprintf("depth%d", i+1), Pads: []int{1, 1, 1, 1}, Strides: []int{stride, stride}, Group: channels}
		h = d.product(n, h, true, channels, 1, 3, 3)
		h = d.conv(fmt.Sprintf("point%d", i+1), h, true, filters, channels, 1, 0, 1)
		channels = filters
	}
	h = d.add(ir.Node{Op: "GlobalAveragePool", Name: "average"}, h)
	d.dense("fc", d.flatten(h, channels), false, classes, channels)
	return d
}

// newNetwork returns the network for a batch, the same at every call.
func newNetwork(d *design, batch int) (*network, error) {
	rng := rand.New(rand.NewPCG(8, 9))
	l := &network{batch: batch, sample: d.sample, images: make([]float32, batch*tensor.Shape(d.sample).TotalSize()), ranges: map[string]qtensor.Params{}, layers: map[string]*layer{}}
	for i := range l.images {
		l.images[i] = max(0, float32(rng.NormFloat64()))
	}
	l.graph = &ir.Network{
		Inputs:    []ir.Value{{Name: "x", Shape: append([]int{-1}, d.sample...)}},
		Outputs:   []ir.Value{{Name: d.nodes[len(d.nodes)-1].Output}},
		Nodes:     d.nodes,
		Constants: map[string]*ir.Constant{},
	}
	for _, n := range d.nodes {
		shape := d.shapes[n.Name]
		if shape == nil {
			continue
		}
		depth := tensor.Shape(shape[1:]).TotalSize()
		w := &layer{n.Name, n.Inputs[0], shape, make([]int8, shape[0]*depth), make([]float32, shape[0]), make([]float32, shape[0])}
		for i := range w.q {
			w.q[i] = int8(max(-127, min(127, math.Round(36*rng.NormFloat64()))))
		}
		for i := range w.scales {
			w.scales[i] = float32(math.Sqrt(2/float64(depth)) / 36)
			w.bias[i] = float32(0.1 * rng.NormFloat64())
		}
		l.layers[n.Name] = w
		l.graph.Constants[n.Name+".w"] = &ir.Constant{Shape: shape, Data: w.dequantized()}
		l.graph.Constants[n.Name+".b"] = &ir.Constant{Shape: []int{shape[0]}, Data: w.bias}
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

// dequantized returns the weights as real values.
func (w *layer) dequantized() []float32 {
	x := make([]float32, len(w.q))
	for i, q := range w.q {
		x[i] = w.scales[i*len(w.scales)/len(x)] * float32(q)
	}
	return x
}

// output is the name of the result.
func (l *network) output() string { return l.graph.Outputs[0].Name }

func (l *network) inputs() map[string]tensor.Tensor {
	shape := append([]int{l.batch}, l.sample...)
	return map[string]tensor.Tensor{"x": tensor.New(tensor.WithShape(shape...), tensor.WithBacking(l.images))}
}

// rounds reports whether the inputs of a node are quantized by themselves: those of layers, sums and averages.
func (l *network) rounds(n ir.Node) bool {
	return l.layers[n.Name] != nil || n.Op == "Add" || n.Op == "GlobalAveragePool"
}

// networks are tasks of three batches.
func networks(d *design, entrants ...entrant[*network]) func([]workload.Shape) iter.Seq[task] {
	return func([]workload.Shape) iter.Seq[task] {
		return func(yield func(task) bool) {
			for _, batch := range []int{1, 32, 64} {
				l, err := newNetwork(d, batch)
				if err != nil {
					panic(fmt.Sprintf("peers: network: %v", err)) // its operands are made here
				}
				float, err := oursFloatNetwork(l, 1)
				if err == nil {
					err = float.Run()
				}
				if err != nil {
					panic(fmt.Sprintf("peers: network: %v", err))
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

// runNetwork returns the contender of a model of ours.
func runNetwork(name string, l *network, g *ir.Network, layers map[string]model.Layer) (duel.Contender, error) {
	m, err := model.New(g, layers)
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
		Output: func() []float32 { return out[l.output()].Data().([]float32) },
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
		if share := 100 * took[node].Seconds() / total.Seconds(); share >= 1 {
			shares = append(shares, fmt.Sprintf("%s %.0f%%", node, share))
		}
	}
	return strings.Join(shares, ", "), nil
}

// oursNetwork has static int8 in every layer, and quantizes the inputs of sums and averages.
func oursNetwork(l *network, _ int) (duel.Contender, error) {
	layers := map[string]model.Layer{}
	for name, w := range l.layers {
		values := tensor.New(tensor.WithShape(w.shape...), tensor.WithBacking(slices.Clone(w.q)))
		q, err := qtensor.FromCodes(values, qtensor.Params{Scheme: qtensor.PerChannelSymmetric(8, 0), Scales: w.scales})
		if err != nil {
			return duel.Contender{}, err
		}
		layers[name] = model.Layer{Weight: q, Activations: model.StaticInt8, Params: l.ranges[w.in]}
	}
	g := *l.graph
	g.Nodes = nil
	made := map[string]bool{}
	for _, n := range l.graph.Nodes {
		if l.rounds(n) && l.layers[n.Name] == nil {
			n.Inputs = slices.Clone(n.Inputs)
			for i, v := range n.Inputs {
				p := l.ranges[v]
				n.Inputs[i] = v + ".quantized"
				if !made[v] {
					made[v] = true
					g.Nodes = append(g.Nodes, ir.Node{Op: "FakeQuantize", Name: v + ".quantized", Inputs: []string{v}, Output: v + ".quantized", Scale: p.Scales[0], ZeroPoint: p.ZeroPoints[0], QuantMax: 255})
				}
			}
		}
		g.Nodes = append(g.Nodes, n)
	}
	return runNetwork("ours", l, &g, layers)
}

func oursFloatNetwork(l *network, _ int) (duel.Contender, error) {
	return runNetwork("ours f32", l, l.graph, nil)
}
