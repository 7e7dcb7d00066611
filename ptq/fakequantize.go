package ptq

import (
	"math"
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

// roundedBy returns a FakeQuantize that does not change what a node gives, or nil: the node itself, or the one
// that has rounded all that it reads, where the node keeps such values as they are. Of values that different
// FakeQuantizes of the same parameters have rounded, it is another one, of the node's result.
func (n *network) roundedBy(node *ir.Node) *ir.Node {
	if node.Op == ir.OpFakeQuantize {
		p := paramsOf(node)
		if f := fakeQuantizeOf("", "", p); p.Scheme.Validate() != nil || !sameRounding(&f, node) {
			return nil // no scheme has the parameters
		}
		return node
	}
	var by *ir.Node
	alone := true
	for _, in := range node.Inputs {
		f := n.fakeQuantizes[in]
		if by == nil {
			by = f
		}
		alone = alone && (f == nil || f == by)
	}
	if by == nil || !keepsRounded(node, by) {
		return nil
	}
	for _, in := range node.Inputs {
		f, c := n.fakeQuantizes[in], n.Constants[in]
		outside := func(x float32) bool { return !isRounded(x, by) }
		if f != nil && !sameRounding(f, by) || f == nil && (c == nil || slices.ContainsFunc(c.Data, outside)) {
			return nil
		}
	}
	if alone {
		return by
	}
	f := *by
	f.Inputs = []string{node.Output}
	return &f
}

// keepsRounded reports whether a node gives what a FakeQuantize does not change of values that it does not
// change, and gives it as if its result were rounded in their place.
func keepsRounded(n, f *ir.Node) bool {
	low, high := f.Scale*float32(f.QuantMin-f.ZeroPoint), f.Scale*float32(f.QuantMax-f.ZeroPoint)
	switch n.Op {
	case ir.OpRelu: // every FakeQuantize represents zero
		return true
	case ir.OpClip:
		return (n.Min == nil || *n.Min <= low || isRounded(*n.Min, f)) && (n.Max == nil || *n.Max >= high || isRounded(*n.Max, f))
	}
	return n.MovesData()
}

// isRounded reports whether a FakeQuantize does not change a number.
func isRounded(x float32, f *ir.Node) bool {
	q := math.RoundToEven(float64(x / f.Scale))
	return q >= float64(f.QuantMin-f.ZeroPoint) && q <= float64(f.QuantMax-f.ZeroPoint) && float32(f.Scale*float32(q)) == x
}

// sameRounding reports whether two FakeQuantizes have the same parameters.
func sameRounding(a, b *ir.Node) bool {
	return a.Scale == b.Scale && a.ZeroPoint == b.ZeroPoint && a.QuantMin == b.QuantMin && a.QuantMax == b.QuantMax
}

// absorbed returns what each FakeQuantize reads, by what it gives, that nothing but quantized layers read,
// perhaps after what moves data, or after the same FakeQuantize again.
func (n *network) absorbed(layers map[string]model.Layer) map[string]string {
	reads := map[string]string{}
	elsewhere := map[string]bool{} // values that something else reads
	for i := range slices.Backward(n.Nodes) {
		node := &n.Nodes[i]
		alone := !elsewhere[node.Output] && !n.IsOutput(node.Output)
		again := n.fakeQuantizes[node.Inputs[0]]
		if node.Op == ir.OpFakeQuantize && alone && n.fakeQuantizes[node.Output] != nil {
			reads[node.Output] = node.Inputs[0]
			if again != nil && sameRounding(again, node) {
				continue
			}
		}
		if _, layer := layers[node.Name]; layer || alone && node.MovesData() && n.fakeQuantizes[node.Output] != nil {
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
			for instead[in] != "" {
				in = instead[in]
			}
			node.Inputs[i] = in
		}
		left.Nodes = append(left.Nodes, node)
	}
	return &left
}
