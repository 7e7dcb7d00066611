package ptq

import (
	"math/bits"
	"slices"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"
)

// A network that was trained through fake quantization says itself how layers are quantized: its weights have
// quantized values, and a FakeQuantize stands where activations are quantized.

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

// fakeQuantizeOf returns a FakeQuantize of parameters for a value.
func fakeQuantizeOf(name, in string, p qtensor.Params) ir.Node {
	low, high := p.Scheme.CodeRange()
	f := ir.Node{
		Op: ir.OpFakeQuantize, Name: name, Inputs: []string{in}, Output: name,
		Scale: p.Scales[0], QuantMin: low, QuantMax: high,
	}
	if p.Scheme.HasZeroPoint() {
		f.ZeroPoint = p.ZeroPoints[0]
	}
	return f
}

// absorbed returns what each FakeQuantize reads, by what it gives, that nothing but quantized layers read,
// perhaps after what moves data.
func (n *network) absorbed(layers map[string]model.Layer) map[string]string {
	reads := map[string]string{}
	elsewhere := map[string]bool{} // values that something else reads
	for i := range slices.Backward(n.Nodes) {
		node := &n.Nodes[i]
		alone := !elsewhere[node.Output] && !n.IsOutput(node.Output)
		if node.Op == ir.OpFakeQuantize && alone {
			reads[node.Output] = node.Inputs[0]
		}
		if _, layer := layers[node.Name]; layer || node.MovesData() && alone {
			continue
		}
		for _, in := range node.Inputs {
			elsewhere[in] = true
		}
	}
	return reads
}

// without returns the network less the nodes that give the keys of instead, whose values are read in their
// place. Its constants are float32 alone: what was trained is in layers, or stays float.
func (n *network) without(instead map[string]string) *ir.Network {
	left := *n.Network
	left.Nodes, left.Constants = nil, make(map[string]*ir.Constant, len(n.Constants))
	for name, c := range n.Constants {
		left.Constants[name] = &ir.Constant{Shape: c.Shape, Data: c.Data}
	}
	for _, node := range n.Nodes {
		if instead[node.Output] != "" {
			continue
		}
		node.Inputs = slices.Clone(node.Inputs)
		for i, in := range node.Inputs {
			if other := instead[in]; other != "" {
				node.Inputs[i] = other
			}
		}
		left.Nodes = append(left.Nodes, node)
	}
	return &left
}
