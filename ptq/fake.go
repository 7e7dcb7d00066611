package ptq

import (
	"maps"
	"math/bits"
	"slices"

	"euryale/internal/flow"
	"euryale/model"
	"euryale/qtensor"
)

// A graph that was trained through fake quantization says itself how layers are quantized: its weights are codes, and a
// FakeQuantize stands where activations become codes.

// codesOf returns those that a weight was trained as, or nil.
func (j *job) codesOf(weight string) (*qtensor.QTensor, error) {
	c, ok := j.codes[weight].(interface {
		QTensor() (*qtensor.QTensor, error)
	})
	if !ok {
		return nil, nil
	}
	return c.QTensor()
}

// movers are ops that give the codes of what they are given codes of, in another order, or the largest of some.
var movers = []string{"Reshape", "Transpose", "MaxPool"}

// fake returns the FakeQuantize that a layer does itself under Static, or nil: that of its input, behind nothing but movers.
func (j *job) fake(layer *flow.Node) *flow.Node {
	value := layer.Inputs[0]
	for _, n := range slices.Backward(j.graph.Nodes) {
		switch {
		case n.Output != value:
		case n.Op == "FakeQuantize":
			return &n
		case slices.Contains(movers, n.Op):
			value = n.Inputs[0]
		default:
			return nil
		}
	}
	return nil
}

// input returns the value that becomes codes in a layer.
func (j *job) input(layer *flow.Node) string {
	if f := j.fake(layer); f != nil {
		return f.Inputs[0]
	}
	return layer.Inputs[0]
}

// paramsOf returns the parameters of a FakeQuantize.
func paramsOf(f *flow.Node) qtensor.Params {
	p := qtensor.Params{Scales: []float32{f.Scale}}
	if f.Low < 0 {
		p.Scheme = qtensor.Symmetric(bits.Len32(uint32(f.High)) + 1)
	} else {
		p.Scheme, p.ZeroPoints = qtensor.Affine(bits.Len32(uint32(f.High))), []int32{f.Zero}
	}
	p.Min, p.Max = []float32{f.Scale * float32(f.Low-f.Zero)}, []float32{f.Scale * float32(f.High-f.Zero)}
	return p
}

// absorbed returns what each FakeQuantize reads, by what it gives, that nothing but quantized layers read, behind movers.
func (j *job) absorbed(layers map[string]model.Layer) map[string]string {
	reads := map[string]string{}
	for _, n := range j.graph.Nodes {
		if n.Op == "FakeQuantize" && j.becomesCodes(n.Output, layers) {
			reads[n.Output] = n.Inputs[0]
		}
	}
	return reads
}

// without returns a graph without the nodes that give the keys of instead, whose values are read in their place.
func without(g *flow.Graph, instead map[string]string) *flow.Graph {
	left := *g
	left.Nodes = nil
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

// becomesCodes reports whether nothing but quantized layers read a value, perhaps behind movers.
func (j *job) becomesCodes(value string, layers map[string]model.Layer) bool {
	if slices.ContainsFunc(j.graph.Outputs, func(o flow.Value) bool { return o.Name == value }) {
		return false
	}
	for _, n := range j.graph.Nodes {
		if _, layer := layers[n.Name]; layer || !slices.Contains(n.Inputs, value) {
			continue
		}
		if !slices.Contains(movers, n.Op) || !j.becomesCodes(n.Output, layers) {
			return false
		}
	}
	return true
}

// keptCodes returns the names of constants that are codes and no weight of a quantized layer, sorted.
func (j *job) keptCodes(layers map[string]model.Layer) (kept []string) {
	for _, name := range slices.Sorted(maps.Keys(j.codes)) {
		if !slices.ContainsFunc(j.graph.Nodes, func(n flow.Node) bool {
			_, layer := layers[n.Name]
			return layer && weightOf(&n) == name
		}) {
			kept = append(kept, name)
		}
	}
	return kept
}
