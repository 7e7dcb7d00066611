package ir

// Index tells of every value which node gives it, and which nodes read it.
type Index struct {
	network   *Network
	producers map[string]int // numbers of nodes
	consumers map[string][]int
	outputs   map[string]bool
}

// IndexOf returns the index of a network, which must not change while it is used.
func IndexOf(g *Network) *Index {
	x := &Index{
		network: g, producers: make(map[string]int, len(g.Nodes)), consumers: make(map[string][]int, len(g.Nodes)),
		outputs: make(map[string]bool, len(g.Outputs)),
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		x.producers[n.Output] = i
		for _, in := range n.Inputs {
			x.consumers[in] = append(x.consumers[in], i)
		}
	}
	for _, v := range g.Outputs {
		x.outputs[v.Name] = true
	}
	return x
}

// Producer returns the node that gives a value; nil for an input, a constant and no value.
func (x *Index) Producer(value string) *Node {
	if i, ok := x.producers[value]; ok {
		return &x.network.Nodes[i]
	}
	return nil
}

// Consumers returns the nodes that read a value, in order, each as often as it reads it.
func (x *Index) Consumers(value string) []*Node {
	list := make([]*Node, len(x.consumers[value]))
	for i, at := range x.consumers[value] {
		list[i] = &x.network.Nodes[at]
	}
	return list
}

// OnlyConsumer returns the node that alone reads a value, once, where the value is no output; else nil.
func (x *Index) OnlyConsumer(value string) *Node {
	if list := x.consumers[value]; len(list) == 1 && !x.outputs[value] {
		return &x.network.Nodes[list[0]]
	}
	return nil
}

// IsOutput reports whether a value is an output of the network.
func (x *Index) IsOutput(value string) bool { return x.outputs[value] }
