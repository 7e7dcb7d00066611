package ptq

import "euryale/internal/ir"

// network is a float network with an index of its values, built once.
type network struct {
	*ir.Network
	*ir.Index
	variable      map[string]bool     // values that depend on inputs
	fakeQuantizes map[string]*ir.Node // of a value: a FakeQuantize that does not change it any more
}

// indexed returns a network with its index, in one pass over its nodes.
func indexed(g *ir.Network) *network {
	n := &network{g, ir.IndexOf(g), map[string]bool{}, map[string]*ir.Node{}}
	for _, v := range g.Inputs {
		n.variable[v.Name] = true
	}
	for i := range g.Nodes {
		node := &g.Nodes[i]
		for _, in := range node.Inputs {
			n.variable[node.Output] = n.variable[node.Output] || n.variable[in]
		}
		if f := n.roundedBy(node); f != nil {
			n.fakeQuantizes[node.Output] = f
		}
	}
	return n
}

// activations returns the names of inputs and of results of nodes: what model.Model.Observe shows.
func (n *network) activations() map[string]bool {
	names := map[string]bool{}
	for _, v := range n.Inputs {
		names[v.Name] = true
	}
	for i := range n.Nodes {
		names[n.Nodes[i].Output] = true
	}
	return names
}

// taken returns the names that nodes and values have.
func (n *network) taken() map[string]bool {
	names := n.activations()
	for name := range n.Constants {
		names[name] = true
	}
	for i := range n.Nodes {
		names[n.Nodes[i].Name] = true
	}
	return names
}

// setOf returns the names as a set.
func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}
