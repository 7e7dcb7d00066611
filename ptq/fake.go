package ptq

import (
	"maps"
	"math/bits"
	"slices"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"
)

// A graph that was trained through fake quantization says itself how layers are quantized: its weights are
// codes, and a FakeQuantize stands where activations become codes.

// trained returns a weight as it was quantized in training, or nil.
func (j *job) trained(weight string) (*qtensor.QTensor, error) {
	if t := j.graph.Constants[weight].Trained; t != nil {
		return t.Tensor, t.Err
	}
	return nil, nil
}

// fake returns the FakeQuantize that a layer does itself under StaticInt8, or nil: that of its input, behind
// nothing but what moves data.
func (n *network) fake(layer *ir.Node) *ir.Node { return n.fakes[layer.Inputs[0]] }

// input returns the value that becomes codes in a layer.
func (n *network) input(layer *ir.Node) string {
	if f := n.fake(layer); f != nil {
		return f.Inputs[0]
	}
	return layer.Inputs[0]
}

// paramsOf returns the parameters of a FakeQuantize.
func paramsOf(f *ir.Node) qtensor.Params {
	p := qtensor.Params{Scales: []float32{f.Scale}}
	if f.QuantMin < 0 {
		p.Scheme = qtensor.Symmetric(bits.Len32(uint32(f.QuantMax)) + 1)
	} else {
		p.Scheme, p.ZeroPoints = qtensor.Affine(bits.Len32(uint32(f.QuantMax))), []int32{f.ZeroPoint}
	}
	p.Min, p.Max = []float32{f.Scale * float32(f.QuantMin-f.ZeroPoint)}, []float32{f.Scale * float32(f.QuantMax-f.ZeroPoint)}
	return p
}

// absorbed returns what each FakeQuantize reads, by what it gives, that nothing but quantized layers read,
// perhaps behind what moves data.
func (n *network) absorbed(layers map[string]model.Layer) map[string]string {
	reads := map[string]string{}
	elsewhere := maps.Clone(n.outputs) // values that something else reads
	for i := range slices.Backward(n.Nodes) {
		node := &n.Nodes[i]
		if node.Op == ir.OpFakeQuantize && !elsewhere[node.Output] {
			reads[node.Output] = node.Inputs[0]
		}
		_, layer := layers[node.Name]
		if layer || node.MovesData() && !elsewhere[node.Output] {
			continue
		}
		for _, in := range node.Inputs {
			elsewhere[in] = true
		}
	}
	return reads
}

// without returns a graph without the nodes that give the keys of instead, whose values are read in their
// place. Its constants are float32 alone: what was trained is in layers, or stays float.
func without(g *ir.Network, instead map[string]string) *ir.Network {
	left := *g
	left.Nodes, left.Constants = nil, make(map[string]*ir.Constant, len(g.Constants))
	for name, c := range g.Constants {
		left.Constants[name] = &ir.Constant{Shape: c.Shape, Data: c.Data}
	}
	for _, n := range g.Nodes {
		if instead[n.Output] != "" {
			continue
		}
		n.Inputs = slices.Clone(n.Inputs)
		for i, in := range n.Inputs {
			if other := instead[in]; other != "" {
				n.Inputs[i] = other
			}
		}
		left.Nodes = append(left.Nodes, n)
	}
	return &left
}

// keptCodes returns the names of constants that are codes and no weight of a quantized layer, sorted.
func (j *job) keptCodes() (kept []string) {
	weights := map[string]bool{}
	for _, p := range j.products {
		weights[p.Weight()] = weights[p.Weight()] || p.layer()
	}
	for _, name := range slices.Sorted(maps.Keys(j.graph.Constants)) {
		if j.graph.Constants[name].Trained != nil && !weights[name] {
			kept = append(kept, name)
		}
	}
	return kept
}
