package model

import (
	"fmt"
	"maps"
	"slices"

	"euryale/internal/ir"
	"euryale/qtensor"
)

// builder makes a plan.
type builder struct {
	*plan
	sizes []int // of the free dimensions but the batch
	index *ir.Index
	ids   map[string]int  // of values, by name
	fused map[string]bool // the results of products by constants that have the Relu behind them
}

// newPlan returns the plan for sizes of the free dimensions but the batch.
func (m *Model) newPlan(sizes []int) (*plan, error) {
	n := len(m.graph.Nodes) // about as many values and steps
	p := &plan{m: m, values: make([]value, 0, n), steps: make([]step, 0, n)}
	b := builder{plan: p, sizes: sizes, index: ir.IndexOf(&m.graph), ids: make(map[string]int, n), fused: map[string]bool{}}
	for _, add := range []func() error{b.addInputs, b.addNodes, b.addOutputs} {
		if err := add(); err != nil {
			return nil, err
		}
	}
	b.pack()
	b.placeChannels()
	b.addFloatLayers()
	b.keepPacked()
	p.sample = p.workOfSample()
	if err := p.planMemory(); err != nil {
		return nil, err
	}
	p.sampleBytes = p.bytesOfSample()
	p.measureWork()
	return p, p.measureMemory()
}

func (b *builder) add(v value) int {
	id := len(b.values)
	b.values = append(b.values, v)
	b.ids[v.name] = id
	return id
}

func (b *builder) addInputs() error {
	for _, v := range b.m.graph.Inputs {
		s, err := ir.InputSize(v, b.sizes)
		if err != nil {
			return fmt.Errorf("input %q: %w", v.Name, err)
		}
		if v.Type != ir.Float32 && v.Type != ir.Int64 {
			return fmt.Errorf("input %q: %w: got %v, want float32 or int64", v.Name, qtensor.ErrDtype, v.Type)
		}
		b.inputs = append(b.inputs, b.add(value{name: v.Name, size: s, dtype: v.Type, from: -1, buffer: -1}))
	}
	return nil
}

// value returns a value that is read as floats; a constant becomes one when it is read first.
func (b *builder) value(name string) (int, error) {
	if id, ok := b.ids[name]; ok {
		return id, nil
	}
	c, ok := b.m.constants[name]
	if !ok {
		return 0, fmt.Errorf("%w: got nil for constant %q, want a tensor", qtensor.ErrParams, name)
	}
	s, err := ir.FixedSize(c.shape)
	if err == nil && name == reservedName {
		err = fmt.Errorf("%w: files have something else of that name, want another", qtensor.ErrParams)
	}
	if err != nil {
		return 0, fmt.Errorf("constant %q: %w", name, err)
	}
	if c.elements != anyElements && c.elements != s.Elements() {
		return 0, fmt.Errorf("constant %q: %w: got %d elements, want those of %v, "+
			"which only a weight whose readers all have a layer may lack", name, qtensor.ErrShape, c.elements, s)
	}
	return b.add(value{name: name, size: s, data: c.data, from: -1, buffer: -1}), nil
}

// operands returns the values that a node reads.
func (b *builder) operands(names []string) (ids []int, in []ir.Operand, err error) {
	for _, name := range names {
		id, err := b.value(name)
		if err != nil {
			return nil, nil, err
		}
		ids, in = append(ids, id), append(in, b.values[id].operand())
	}
	return ids, in, nil
}

func (b *builder) addNodes() error {
	used := 0
	for i := range b.m.graph.Nodes {
		n := &b.m.graph.Nodes[i]
		if _, done := b.ids[n.Output]; done { // a Relu that a layer has
			continue
		}
		var err error
		if l, ok := b.m.layers[n.Name]; ok {
			used++
			err = b.addLayer(n, l)
		} else {
			err = b.addNode(n)
		}
		if err != nil {
			return fmt.Errorf("node %q (%.40s): %w", n.Name, n.Op, err)
		}
	}
	if used != len(b.m.layers) {
		return b.unused()
	}
	return nil
}

// unused returns an error that names a layer of no node, or of a Relu that became part of another.
func (b *builder) unused() error {
	ops := map[string]string{}
	for _, n := range b.m.graph.Nodes {
		ops[n.Name] = n.Op
	}
	for _, name := range slices.Sorted(maps.Keys(b.m.layers)) {
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

func (b *builder) addNode(n *ir.Node) error {
	ids, in, err := b.operands(n.Inputs)
	if err != nil {
		return err
	}
	r, out, err := ir.Resolve(n, in)
	if err != nil {
		return err
	}
	s := step{node: r, op: evaluators[n.Op], in: ids}
	v := value{name: n.Output, size: out.Size, dtype: out.Type, from: -1}
	if s.done = n.Op == ir.OpRelu && b.fused[n.Inputs[0]]; s.done || n.Foreign == nil && s.op.kernel == nil {
		v.from = ids[0]
	}
	s.out = b.add(v)
	b.fuse(&s)
	b.steps = append(b.steps, s)
	return nil
}

// addLayer adds a node with a quantized weight.
func (b *builder) addLayer(n *ir.Node, l layer) error {
	op := evaluators[n.Op]
	switch {
	case op.layer == nil && !isEmbedding(n):
		return fmt.Errorf("%w: got a layer, want one for Gemm, MatMul, Conv or Gather alone", qtensor.ErrParams)
	case l.weight == nil:
		return fmt.Errorf("%w: got a layer without a weight, want a QTensor of the constant's shape", qtensor.ErrParams)
	}
	ids, in, err := b.layerOperands(n, l)
	if err != nil {
		return err
	}
	r, out, err := ir.Resolve(n, in)
	if err != nil {
		return err
	}
	s := step{node: r, op: op, in: ids[:1]}
	if isEmbedding(n) {
		return b.addEmbedding(s, out, l)
	}
	return b.addProduct(s, ids, in, out, l)
}

// layerOperands returns the values that a layer reads but its weight, and all operands.
func (b *builder) layerOperands(n *ir.Node, l layer) (ids []int, in []ir.Operand, err error) {
	for i, name := range n.Inputs {
		if name == n.Weight() && (i == 0) == isEmbedding(n) && i < 2 {
			s, err := b.replaced(name, l)
			if err != nil {
				return nil, nil, err
			}
			in = append(in, ir.Operand{Size: s, Constant: true})
			continue
		}
		if _, ok := b.m.constants[name]; i == 2 && !ok {
			return nil, nil, fmt.Errorf("%w: bias %q is no constant, want one: add what is computed by an Add after the node",
				qtensor.ErrParams, name)
		}
		id, err := b.value(name)
		if err != nil {
			return nil, nil, err
		}
		ids, in = append(ids, id), append(in, b.values[id].operand())
	}
	return ids, in, nil
}

// replaced returns the size of the constant that a layer replaces.
func (b *builder) replaced(name string, l layer) (ir.Size, error) {
	c, ok := b.m.constants[name]
	if !ok {
		return nil, fmt.Errorf("%w: weight %q is no constant, want one where there is a layer", qtensor.ErrShape, name)
	}
	if !slices.Equal(c.shape, l.weight.shape) {
		return nil, fmt.Errorf("%w: got a quantized weight %v, want the shape of the constant %q, %v", qtensor.ErrShape,
			l.weight.shape, name, c.shape)
	}
	return ir.FixedSize(c.shape)
}

// addProduct adds a step that multiplies by a quantized weight, and the Relu that is the only consumer of its
// result.
func (b *builder) addProduct(s step, ids []int, in []ir.Operand, out ir.Operand, l layer) (err error) {
	n := s.node
	s.quantized = &quantizedLayer{layer: l, x: in[0].Size, weight: in[1].Size, packed: &b.m.packed, groups: n.Groups, pads: n.Windows.Pads}
	if len(ids) == 2 {
		if s.quantized.bias, err = b.values[ids[1]].data(); err != nil {
			return err
		}
	}
	if err := s.quantized.check(n); err != nil {
		return err
	}
	name := n.Output
	if next := b.index.OnlyConsumer(name); next != nil && next.Op == ir.OpRelu {
		if _, _, err := ir.Resolve(next, []ir.Operand{out}); err != nil {
			return fmt.Errorf("node %q (%s): %w", next.Name, next.Op, err)
		}
		s.quantized.relu, name = true, next.Output
	}
	s.out = b.add(value{name: name, size: out.Size, from: -1})
	b.steps = append(b.steps, s)
	return nil
}

func (b *builder) addOutputs() error {
	seen := map[string]bool{}
	for _, v := range b.m.graph.Outputs {
		id, err := b.value(v.Name)
		if err == nil {
			err = b.checkOutput(v, &b.values[id])
		}
		if err != nil {
			return fmt.Errorf("output %q: %w", v.Name, err)
		}
		if seen[v.Name] {
			return fmt.Errorf("%w: got output %q twice, want each once", qtensor.ErrParams, v.Name)
		}
		seen[v.Name] = true
		b.outputs = append(b.outputs, id)
	}
	return nil
}

// checkOutput returns an error for an output that is not as the network declares it, where it does: Batch
// stands for any multiple of the batch.
func (b *builder) checkOutput(v ir.Value, have *value) error {
	if v.Type != ir.Float32 {
		return fmt.Errorf("%w: got %v, want float32", qtensor.ErrDtype, v.Type)
	}
	if v.Shape == nil {
		return nil
	}
	shape, err := ir.Bind(v.Shape, b.sizes)
	if err != nil {
		return err
	}
	same := func(declared, size int) bool { return declared == size || declared == ir.Batch && size < 0 }
	if !slices.EqualFunc(shape, have.size, same) {
		return fmt.Errorf("%w: got %v, want %v", qtensor.ErrShape, v.Shape, have.size)
	}
	return nil
}
