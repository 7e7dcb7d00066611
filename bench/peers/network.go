package main

import (
	"context"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"

	"euryale/bench/internal/workload"
	"euryale/bench/peers/duel"
	"euryale/internal/ir"
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

// layer is a dense layer or a convolution: its weights are quantized, [output][input…],
// with a scale for each output.
type layer struct {
	name, in     string // in is the value that it reads
	shape        []int
	q            []int8
	scales, bias []float32
}

const classes = 10

// newLayer returns a layer of random weights. The deviation of values stays about the same behind it.
func newLayer(rng *rand.Rand, n ir.Node, shape []int) *layer {
	outputs, depth := shape[0], tensor.Shape(shape[1:]).TotalSize()
	w := &layer{
		name: n.Name, in: n.Inputs[0], shape: shape,
		q: make([]int8, outputs*depth), scales: make([]float32, outputs), bias: make([]float32, outputs),
	}
	for i := range w.q {
		w.q[i] = int8(max(-127, min(127, math.Round(36*rng.NormFloat64()))))
	}
	for i := range w.scales {
		w.scales[i] = float32(math.Sqrt(2/float64(depth)) / 36)
		w.bias[i] = float32(0.1 * rng.NormFloat64())
	}
	return w
}

// newNetwork returns the network for a batch, the same at every call.
func newNetwork(d *design, batch int) (*network, error) {
	rng := rand.New(rand.NewPCG(8, 9))
	l := &network{
		batch: batch, sample: d.sample, images: make([]float32, batch*tensor.Shape(d.sample).TotalSize()),
		ranges: map[string]qtensor.Params{}, layers: map[string]*layer{},
	}
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
		w := newLayer(rng, n, shape)
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

// rounds reports whether the inputs of a node are quantized by themselves: those of
// layers, sums and averages.
func (l *network) rounds(n ir.Node) bool {
	return l.layers[n.Name] != nil || n.Op == "Add" || n.Op == "GlobalAveragePool"
}

// networks are tasks of three batches.
func networks(d *design, entrants ...entrant[*network]) func(workload.Options) iter.Seq[task] {
	return func(workload.Options) iter.Seq[task] {
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
