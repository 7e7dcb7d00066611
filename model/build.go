package model

import (
	"fmt"
	"maps"
	"slices"

	"euryale/internal/ir"
	"euryale/qtensor"
)

// New returns the model of a graph. The layers, by node, replace the weights of Gemm, MatMul and Conv nodes,
// and the embeddings of Gather nodes. The weights and biases of such nodes are constants; Data of a constant
// that every reader replaces may be nil. A product or a convolution takes in the Relu that is the only
// consumer of its result. The model keeps the graph's data, which must not change. The first run that comes
// to a node packs its weight; embeddings are not packed.
//
// Errors, which name the node: qtensor.ErrShape for shapes that do not go together; qtensor.ErrParams for
// ops, attributes and names that do not exist, and for models that no file holds: with names that are not
// UTF-8 or too long together for its header, or with a constant called __metadata__; qtensor.ErrParams for
// many large convolutions that share one small weight; qtensor.ErrScheme and qtensor.ErrValue as of Pack,
// PackConv2d and the options of ops; ErrMemory for a batch of one over the memory limit.
func New(g *ir.Network, layers map[string]Layer, opts ...Option) (*Model, error) {
	m, err := configured(opts)
	if err == nil {
		err = m.build(copyGraph(g), own(layers), nil)
	}
	if err == nil {
		err = m.checkHeader()
	}
	if err != nil {
		return nil, fmt.Errorf("model: New: %w", err)
	}
	return m, nil
}

// build makes a model that reads data, where a constant has such, and weights when they are needed first. The
// lists of the graph and the layers become its own.
func (m *Model) build(g *ir.Network, layers map[string]layer, data map[string]func() ([]float32, error)) error {
	if g == nil {
		return fmt.Errorf("%w: got no graph, want one", qtensor.ErrParams)
	}
	if err := g.Check(); err != nil {
		return fmt.Errorf("%w: %w", qtensor.ErrParams, err)
	}
	if err := checkSharing(g.Nodes, layers); err != nil {
		return err
	}
	m.layers = layers
	m.graph = ir.Network{Inputs: g.Inputs, Outputs: g.Outputs, Nodes: g.Nodes, Constants: map[string]*ir.Constant{}, Calls: g.Calls}
	n := len(g.Nodes) // as many values and steps, which do not grow by copies
	m.values, m.steps = make([]value, 0, n), make([]step, 0, n)
	b := builder{Model: m, from: g, data: data, ids: make(map[string]int, n), packed: map[packKey]any{}}
	for _, add := range []func() error{b.addInputs, b.addNodes, b.addOutputs} {
		if err := add(); err != nil {
			return err
		}
	}
	b.pack()
	m.sample = m.workOfSample()
	if err := m.planMemory(); err != nil {
		return err
	}
	m.measureWork()
	return m.measureMemory(b.packed)
}

func copyGraph(g *ir.Network) *ir.Network {
	if g == nil {
		return nil
	}
	own := *g
	own.Inputs, own.Outputs, own.Nodes = copyValues(g.Inputs), copyValues(g.Outputs), copyNodes(g.Nodes)
	return &own
}

func copyValues(list []ir.Value) []ir.Value {
	list = slices.Clone(list)
	for i := range list {
		list[i].Shape = slices.Clone(list[i].Shape)
	}
	return list
}

// lists are the attributes of a node that are lists.
func lists(n *ir.Node) []*[]int {
	return []*[]int{&n.Kernel, &n.Strides, &n.Pads, &n.Dilations, &n.Perm, &n.Shape, &n.Axes, &n.Starts, &n.Ends, &n.Steps}
}

func copyNodes(list []ir.Node) []ir.Node {
	list = slices.Clone(list)
	for i := range list {
		n := &list[i]
		for _, s := range lists(n) {
			*s = slices.Clone(*s)
			if len(*s) == 0 {
				*s = nil // as a file has it
			}
		}
		n.Inputs = slices.Clone(n.Inputs)
		if n.Alpha == 0 {
			n.Alpha = 0 // and not −0, which a file does not have
		}
	}
	return list
}

// builder makes a model.
type builder struct {
	*Model
	from      *ir.Network
	ids       map[string]int                       // of values, by name
	consumers map[string]consumers                 // of values
	data      map[string]func() ([]float32, error) // of constants that have no Data
	packed    map[packKey]any
}

// consumers is how often nodes and outputs read a value, and the last node that does, or nil.
type consumers struct {
	times int
	by    *ir.Node
}

func (b *builder) add(v value) int {
	id := len(b.values)
	b.values = append(b.values, v)
	b.ids[v.name] = id
	return id
}

func (b *builder) addInputs() error {
	b.consumers = map[string]consumers{}
	for i := range b.graph.Nodes {
		for _, in := range b.graph.Nodes[i].Inputs {
			b.consumers[in] = consumers{b.consumers[in].times + 1, &b.graph.Nodes[i]}
		}
	}
	for _, v := range b.graph.Outputs {
		b.consumers[v.Name] = consumers{b.consumers[v.Name].times + 1, nil}
	}
	for _, v := range b.graph.Inputs {
		s, err := given(v.Shape, true)
		if err != nil {
			return fmt.Errorf("input %q: %w", v.Name, err)
		}
		b.inputs = append(b.inputs, b.add(value{name: v.Name, size: s, from: -1, buffer: -1, integer: v.Integer}))
	}
	return nil
}

// constant returns the value of a constant that is read as floats.
func (b *builder) constant(name string) (int, error) {
	if id, ok := b.ids[name]; ok {
		return id, nil
	}
	t := b.from.Constants[name]
	if t == nil {
		return 0, fmt.Errorf("%w: got nil for constant %q, want a tensor", qtensor.ErrParams, name)
	}
	s, err := given(t.Shape, false)
	if err == nil && name == reservedName {
		err = fmt.Errorf("%w: files have something else of that name, want another", qtensor.ErrParams)
	}
	if err != nil {
		return 0, fmt.Errorf("constant %q: %w", name, err)
	}
	data := b.data[name]
	if data == nil {
		if len(t.Data) != s.elements() {
			return 0, fmt.Errorf("constant %q: %w: got %d elements, want those of %v, "+
				"which only a weight whose readers all have a layer may lack", name, qtensor.ErrShape, len(t.Data), s)
		}
		data = func() ([]float32, error) { return t.Data, nil }
	}
	b.graph.Constants[name] = t
	return b.add(value{name: name, size: s, data: data, from: -1, buffer: -1}), nil
}

func (b *builder) addNodes() error {
	used := 0
	for i := range b.graph.Nodes {
		n := &b.graph.Nodes[i]
		if _, done := b.ids[n.Output]; done { // a Relu that a layer has
			continue
		}
		var err error
		l, quantized := b.layers[n.Name]
		call := b.from.Calls[n.Name]
		switch {
		case quantized:
			used++
			err = b.addLayer(n, l)
		case call != nil:
			err = b.addCall(n, call)
		default:
			err = b.addNode(n)
		}
		if err != nil {
			return fmt.Errorf("node %q (%.40s): %w", n.Name, n.Op, err)
		}
	}
	if used != len(b.layers) {
		return b.unused()
	}
	return nil
}

// unused returns an error that names a layer of no node, or of a Relu that became part of another.
func (b *builder) unused() error {
	ops := map[string]string{}
	for _, n := range b.graph.Nodes {
		ops[n.Name] = n.Op
	}
	for _, name := range slices.Sorted(maps.Keys(b.layers)) {
		switch op, ok := ops[name]; {
		case !ok:
			return fmt.Errorf("%w: got a layer for %q, want the name of a node", qtensor.ErrParams, name)
		case op == ir.OpRelu:
			return fmt.Errorf("node %q: %w: got a layer for a Relu, want one for Gemm, MatMul, Conv or Gather", name,
				qtensor.ErrParams)
		}
	}
	return fmt.Errorf("%w: got layers that no node has taken", qtensor.ErrParams)
}

// operands returns the values that a node reads, and their sizes.
func (b *builder) operands(n *ir.Node) (in []int, sizes []size, err error) {
	for _, name := range n.Inputs {
		id, err := b.constant(name)
		if err != nil {
			return nil, nil, err
		}
		in, sizes = append(in, id), append(sizes, b.values[id].size)
	}
	return in, sizes, nil
}

// addCall adds a node that is code.
func (b *builder) addCall(n *ir.Node, c *ir.Call) error {
	in, _, err := b.operands(n)
	if err != nil {
		return err
	}
	if c.Run == nil || n.Op != ir.OpCall || len(in) == 0 {
		return fmt.Errorf("%w: got %d inputs and code %t, want a Call with inputs and code", qtensor.ErrParams, len(in),
			c.Run != nil)
	}
	out, err := given(c.Shape, true)
	if err != nil {
		return err
	}
	b.steps = append(b.steps, step{node: &node{Node: n}, call: c, in: in, out: b.add(value{name: n.Output, size: out, from: -1})})
	return nil
}

func (b *builder) addNode(n *ir.Node) error {
	op, err := find(n)
	if err != nil {
		return err
	}
	s := step{node: &node{Node: n}, op: op}
	var sizes []size
	if s.in, sizes, err = b.operands(n); err != nil {
		return err
	}
	out, err := op.shape(s.node, sizes)
	if err == nil {
		err = out.check()
	}
	if err != nil {
		return err
	}
	v := value{name: n.Output, size: out, from: -1}
	if op.kernel == nil {
		v.from = s.in[0]
	}
	s.out = b.add(v)
	b.steps = append(b.steps, s)
	return nil
}

// addLayer adds a node with quantized weights, and the Relu that is the only consumer of its result.
func (b *builder) addLayer(given *ir.Node, l layer) error {
	n := &node{Node: given}
	op, err := find(given)
	if err != nil {
		return err
	}
	if op.layer == nil && !isEmbedding(given) {
		return fmt.Errorf("%w: got a layer, want one for Gemm, MatMul, Conv or Gather alone", qtensor.ErrParams)
	}
	if l.weight == nil {
		return fmt.Errorf("%w: got a layer without a weight, want a QTensor of the constant's shape", qtensor.ErrParams)
	}
	if isEmbedding(given) {
		return b.addEmbedding(n, op, l)
	}
	x, err := b.constant(n.Inputs[0])
	if err != nil {
		return err
	}
	weight, err := b.replaced(given, l)
	if err != nil {
		return err
	}
	q := &quantizedLayer{layer: l, sizes: []size{b.values[x].size, weight}, epilogue: epilogue{packed: b.packed}}
	bias := -1
	if len(n.Inputs) == 3 {
		if b.from.Constants[n.Inputs[2]] == nil {
			return fmt.Errorf("%w: bias %q is no constant, want one: add what is computed by an Add behind the node",
				qtensor.ErrParams, n.Inputs[2])
		}
		if bias, err = b.constant(n.Inputs[2]); err != nil {
			return err
		}
		q.sizes = append(q.sizes, b.values[bias].size)
	}
	out, err := op.shape(n, q.sizes)
	if err == nil {
		err = out.check()
	}
	if err == nil && bias >= 0 {
		q.epilogue.bias, err = b.values[bias].data()
	}
	if err != nil {
		return err
	}
	if n.Op == ir.OpConv {
		q.groups, q.pad = groupsOf(n), n.Pads
	}
	if err := q.check(n); err != nil {
		return err
	}
	name := n.Output
	if r := b.consumers[name]; r.times == 1 && r.by != nil && r.by.Op == ir.OpRelu && len(r.by.Inputs) == 1 {
		if _, err := find(r.by); err != nil {
			return err
		}
		q.epilogue.relu, name = true, r.by.Output
	}
	b.steps = append(b.steps, step{node: n, op: op, in: []int{x}, out: b.add(value{name: name, size: out, from: -1}), quantized: q})
	return nil
}

// declared reports whether an axis of an output has the size that the graph declares: Batch stands for any
// multiple of the batch.
func declared(axis, size int) bool { return axis == size || axis == ir.Batch && size < 0 }

func (b *builder) addOutputs() error {
	seen := map[string]bool{}
	for i, v := range b.graph.Outputs {
		id, err := b.constant(v.Name)
		if err != nil {
			return fmt.Errorf("output %q: %w", v.Name, err)
		}
		if seen[v.Name] {
			return fmt.Errorf("%w: got output %q twice, want each once", qtensor.ErrParams, v.Name)
		}
		seen[v.Name] = true
		if v.Shape != nil && !slices.EqualFunc(v.Shape, b.values[id].size, declared) {
			return fmt.Errorf("output %q: %w: got %v, want %v", v.Name, qtensor.ErrShape, v.Shape, b.values[id].size)
		}
		b.graph.Outputs[i].Shape = slices.Clone(b.values[id].size)
		b.outputs = append(b.outputs, id)
	}
	return nil
}
