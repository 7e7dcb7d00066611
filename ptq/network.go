package ptq

import (
	"euryale/internal/ir"
)

// network is a graph with what is asked of it for every node, found once.
type network struct {
	*ir.Network
	makers  map[string]*ir.Node   // of a value: the node that makes it
	readers map[string][]*ir.Node // of a value, in order, each as often as it reads it
	outputs map[string]bool
	varies  map[string]bool     // values that what flows in changes
	fakes   map[string]*ir.Node // of a value: the FakeQuantize that makes it, or what moves data makes it of
}

func indexed(g *ir.Network) *network {
	n := &network{
		Network: g, makers: map[string]*ir.Node{}, readers: map[string][]*ir.Node{},
		outputs: map[string]bool{}, varies: map[string]bool{}, fakes: map[string]*ir.Node{},
	}
	for _, v := range g.Inputs {
		n.varies[v.Name] = true
	}
	for i := range g.Nodes {
		node := &g.Nodes[i]
		n.makers[node.Output] = node
		for _, in := range node.Inputs {
			n.readers[in] = append(n.readers[in], node)
			n.varies[node.Output] = n.varies[node.Output] || n.varies[in]
		}
		switch {
		case node.Op == ir.OpFakeQuantize:
			n.fakes[node.Output] = node
		case node.MovesData():
			n.fakes[node.Output] = n.fakes[node.Inputs[0]]
		}
	}
	for _, v := range g.Outputs {
		n.outputs[v.Name] = true
	}
	return n
}

// taken reports whether a node or a value has the name.
func (n *network) taken() map[string]bool {
	names := map[string]bool{}
	for name := range n.Constants {
		names[name] = true
	}
	for _, v := range n.Inputs {
		names[v.Name] = true
	}
	for i := range n.Nodes {
		names[n.Nodes[i].Name], names[n.Nodes[i].Output] = true, true
	}
	return names
}
