package ptq

import (
	"fmt"

	"euryale/internal/ir"
)

// biasPlace is where the bias of a layer is, or can be put: an input of the layer's node, or of the Add of a
// constant that alone reads the result of a MatMul, which has no bias.
type biasPlace struct {
	node  string       // by name
	input int          // of the node; one more than it has for a bias to be put
	old   *ir.Constant // or nil
	name  string       // of the old constant, or one like it
	shape []int
}

// noPlace is why a MatMul stays as it is.
const noPlace = "a MatMul has no bias, and no Add of a constant follows"

// biasPlace returns the place of a bias of so many numbers, or why there is none.
func (n *network) biasPlace(layer *ir.Node, outputs int) (p biasPlace, reason string) {
	p = biasPlace{node: layer.Name, input: 2, name: layer.Name + ".bias", shape: []int{outputs}}
	at := layer
	if layer.Op == ir.OpMatMul {
		if at, p.input = n.addedConstant(layer.Output, outputs); at == nil {
			return p, noPlace
		}
		p.node = at.Name
	}
	if p.input >= len(at.Inputs) {
		return p, ""
	}
	p.name = at.Inputs[p.input]
	switch p.old = n.Constants[p.name]; {
	case p.old == nil:
		return p, fmt.Sprintf("its bias %q is computed", p.name)
	case p.old.Trained != nil:
		return p, "its bias was quantized in training"
	}
	p.shape = p.old.Shape
	return p, ""
}

// correctable returns a correction for each layer that has arithmetic, with the place of its bias, or why that
// stays as it is.
func (n *network) correctable(p *plan) map[string]*correction {
	list := map[string]*correction{}
	for _, l := range p.layers {
		if !l.layer() || l.embedding() {
			continue
		}
		c := &correction{reason: trainedSo}
		if l.weight.Trained == nil {
			c.place, c.reason = n.biasPlace(l.Node, l.outputs())
		}
		list[l.Name] = c
	}
	return list
}

// addedConstant returns the Add that alone reads a value, and adds a constant of n numbers along the last
// axis, and which input that is; or nil.
func (n *network) addedConstant(value string, outputs int) (add *ir.Node, input int) {
	add = n.OnlyConsumer(value)
	if add == nil || add.Op != ir.OpAdd {
		return nil, 0
	}
	if input = 1; add.Inputs[1] == value {
		input = 0
	}
	c := n.Constants[add.Inputs[input]]
	if c == nil || len(c.Data) != outputs || len(c.Shape) == 0 || c.Shape[len(c.Shape)-1] != outputs {
		return nil, 0
	}
	return add, input
}

// apply puts the corrected biases into g, whose nodes and constants are its own, by names that are not taken.
func (c corrections) apply(g *ir.Network, taken map[string]bool) {
	at := map[string]*correction{} // by the node that takes the bias
	for _, of := range c.layers {
		if of.reason == "" {
			at[of.place.node] = of
		}
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		of := at[n.Name]
		if of == nil {
			continue
		}
		name := of.place.name
		for taken[name] {
			name += "~corrected"
		}
		taken[name], g.Constants[name] = true, of.bias()
		if of.place.input == len(n.Inputs) {
			n.Inputs = append(n.Inputs, "")
		}
		n.Inputs[of.place.input] = name
	}
}

// bias returns the corrected bias.
func (c *correction) bias() *ir.Constant {
	b := &ir.Constant{Shape: c.place.shape, Data: make([]float32, len(c.shift))}
	for i, s := range c.shift {
		old := 0.0
		if c.place.old != nil {
			old = float64(c.place.old.Data[i])
		}
		b.Data[i] = float32(old + s)
	}
	return b
}
