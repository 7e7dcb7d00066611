package ptq

import (
	"slices"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"
)

// Between layers under StaticInt8, the inputs of a sum are fake-quantized to 8 bits where the model then
// keeps it quantized, and the sum too; likewise the input of an average, and that of a function of one value.
// So a residual block, the pool after it, and an activation take and give a byte for each number.

// sums are the nodes between layers that may read quantized values.
type sums struct {
	net       *network
	nodes     map[*ir.Node]bool   // sums of two values, and averages
	functions map[string]string   // of values that are functions of one other: that other
	read      map[string][]string // of what functions read: those of the functions that others read
	values    []string            // that sums and functions read, in the order in which they are computed
}

// sums returns the sums of two values, the averages and the functions; none where no layer is static, or
// where the network says itself what is fake-quantized.
func (n *network) sums(static bool) sums {
	s := sums{net: n, nodes: map[*ir.Node]bool{}}
	if !static || len(n.fakeQuantizes) > 0 {
		return s
	}
	s.functions = n.Functions()
	s.read = n.readFunctions(s.functions)
	read := map[string]bool{}
	for i := range n.Nodes {
		node := &n.Nodes[i]
		given := func(in string) bool { return n.Producer(in) == nil }
		var reads []string
		switch argument, function := s.functions[node.Output]; {
		case function && s.read[argument] != nil:
			reads = []string{argument}
		case function:
		case (node.Op == ir.OpAdd || isAverage(node)) && !slices.ContainsFunc(node.Inputs, given):
			s.nodes[node], reads = true, node.Inputs
		}
		for _, in := range reads {
			if !read[in] {
				read[in] = true
				s.values = append(s.values, in)
			}
		}
	}
	return s
}

// readFunctions returns, by the value that they are functions of, those of the functions that others read.
// Values are left out that are not between what may give and what may take quantized values, and those that
// are only clamped, which takes no FakeQuantize.
func (n *network) readFunctions(of map[string]string) map[string][]string {
	read, float := map[string][]string{}, map[string]bool{}
	for i := range n.Nodes {
		node := &n.Nodes[i]
		argument, ok := of[node.Output]
		if !ok {
			continue
		}
		others := slices.DeleteFunc(n.Consumers(node.Output), func(c *ir.Node) bool { return of[c.Output] == argument })
		takes := func(c *ir.Node) bool { return quantizable(c) && (c.Weight() == "" || c.Inputs[0] == node.Output) }
		switch from := n.origin(argument); {
		case from == nil || !quantizable(from) || n.IsOutput(node.Output) || !allOf(others, takes):
			float[argument] = true
		case len(others) > 0 && ir.Clamps(node) && node.Inputs[0] == argument:
			float[argument] = true
		case len(others) > 0:
			read[argument] = append(read[argument], node.Output)
		}
	}
	for argument := range float {
		delete(read, argument)
	}
	return read
}

// origin returns the node that gives a value, before it was reshaped; nil for an input of the network.
func (n *network) origin(value string) *ir.Node {
	from := n.Producer(value)
	for from != nil && from.Op == ir.OpReshape {
		from = n.Producer(from.Inputs[0])
	}
	return from
}

func allOf(nodes []*ir.Node, is func(*ir.Node) bool) bool {
	return !slices.ContainsFunc(nodes, func(n *ir.Node) bool { return !is(n) })
}

// quantizable reports whether a node may read and give quantized values, other than as a function.
func quantizable(n *ir.Node) bool {
	switch n.Op {
	case ir.OpGemm, ir.OpMatMul, ir.OpConv, ir.OpConcat, ir.OpAdd:
		return true
	}
	return n.MovesData() || ir.Clamps(n) || isAverage(n)
}

func isAverage(n *ir.Node) bool {
	return n.Op == ir.OpAveragePool || n.Op == ir.OpGlobalAveragePool
}

// quantized returns the model of g, and the network that it runs: with as many FakeQuantizes of the
// parameters, which are by value, as leave quantized values between layers.
func (s sums) quantized(
	g *ir.Network, layers map[string]model.Layer, inputs map[string]qtensor.Params,
) (*model.Model, *ir.Network, error) {
	fakes, float := s.fakeQuantizes(inputs), map[string]bool{}
	for {
		with := s.insert(g, fakes)
		m, err := model.New(with, layers)
		if err != nil {
			return nil, nil, err
		}
		left := s.leftFloat(fakes, setOf(m.QuantizedValues()))
		if len(left) == 0 {
			return m, with, nil
		}
		s.propagateFloat(left, float, layers)
		for v := range float {
			delete(fakes, v)
		}
	}
}

// fakeQuantizes returns a FakeQuantize for each value that has parameters, by the value.
func (s sums) fakeQuantizes(inputs map[string]qtensor.Params) map[string]ir.Node {
	fakes, taken := map[string]ir.Node{}, s.net.taken()
	for _, v := range s.values {
		p, ok := inputs[v]
		if !ok {
			continue
		}
		name := v + "~quantized"
		for taken[name] {
			name += "~"
		}
		taken[name] = true
		fakes[v] = fakeQuantizeOf(name, v, p)
	}
	return fakes
}

// insert returns g with the FakeQuantizes after the values that they read, for functions, and for those of the
// sums all of whose inputs have one.
func (s sums) insert(g *ir.Network, fakes map[string]ir.Node) *ir.Network {
	names := map[string]bool{}
	for n := range s.nodes {
		names[n.Name] = true
	}
	with := *g
	with.Nodes = nil
	for _, n := range g.Nodes {
		none := func(v string) bool { return fakes[v].Op == "" }
		argument, ok := s.functions[n.Output]
		if of := ok && s.read[argument] != nil; of || names[n.Name] && !slices.ContainsFunc(n.Inputs, none) {
			n.Inputs = slices.Clone(n.Inputs)
			for i, v := range n.Inputs {
				if !none(v) && (!of || v == argument) {
					n.Inputs[i] = fakes[v].Output
				}
			}
		}
		with.Nodes = append(with.Nodes, n)
		if f, ok := fakes[n.Output]; ok {
			with.Nodes = append(with.Nodes, f)
		}
	}
	return &with
}

// leftFloat returns the values whose FakeQuantize reads or makes float32: the model does not keep quantized the
// value, or what the FakeQuantize gives, or a sum or a function that reads it.
func (s sums) leftFloat(fakes map[string]ir.Node, quantized map[string]bool) (values []string) {
	floatSum := func(n *ir.Node) bool { return s.nodes[n] && !isAverage(n) && !quantized[n.Output] }
	float := func(v string) bool { return !quantized[v] }
	for v, f := range fakes {
		if float(v) || float(f.Output) || slices.ContainsFunc(s.net.Consumers(v), floatSum) || slices.ContainsFunc(s.read[v], float) {
			values = append(values, v)
		}
	}
	return values
}

// propagateFloat adds values to float, and those that are not kept quantized then either, by all but layers:
// what is made of one, and what one is made of but by an average, which gives float32 of quantized values
// too. Models made over and over would tell the same, one sum further each time.
func (s sums) propagateFloat(values []string, float map[string]bool, layers map[string]model.Layer) {
	isLayer := func(n *ir.Node) bool {
		_, ok := layers[n.Name]
		return ok
	}
	for len(values) > 0 {
		v := values[len(values)-1]
		values = values[:len(values)-1]
		if float[v] {
			continue
		}
		float[v] = true
		for _, n := range s.net.Consumers(v) {
			if !isLayer(n) {
				values = append(values, n.Output)
			}
		}
		if n := s.net.Producer(v); n != nil && !isLayer(n) && !isAverage(n) {
			values = append(values, n.Inputs...)
		}
	}
}
