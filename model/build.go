package model

import (
	"fmt"
	"maps"
	"slices"

	"euryale/internal/ir"
	"euryale/qtensor"
)

// New returns the model of a network, in which the layers, by the names of their nodes, have quantized
// weights in the place of the constants of Gemm, MatMul, Conv and Gather nodes. With nil layers it is a float
// model. Weight and bias of a layer have to be constants. A Relu that alone reads the result of a layer
// becomes part of it. The model keeps the Constants of g, which must not change after that, and copies all
// else.
//
// Errors, which name the node:
//
//   - qtensor.ErrShape for shapes that do not go together.
//   - qtensor.ErrDtype for integers where an operation takes real numbers, or the reverse.
//   - qtensor.ErrParams for a nil Network; for operations, attributes and names that do not exist; for a
//     network whose names are too long together for the header of a file, or with a constant called
//     __metadata__; for many large convolutions that share one small weight; for an option.
//   - qtensor.ErrScheme and qtensor.ErrValue for layers, as ops.Pack, ops.PackConv2d and the options of ops
//     return them.
//   - ErrMemory for a batch of one over the memory limit.
func New(g *Network, layers map[string]Layer, opts ...Option) (*Model, error) {
	m, err := configured(opts)
	if err == nil {
		err = m.build(copyNetwork(g), own(layers), nil)
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
// lists of the network and the layers become its own.
func (m *Model) build(g *ir.Network, layers map[string]layer, data map[string]func() ([]float32, error)) error {
	if err := g.Check(); err != nil {
		return fmt.Errorf("%w: %w", qtensor.ErrParams, err)
	}
	if err := checkDims(g); err != nil {
		return err
	}
	if err := checkSharing(g.Nodes, layers); err != nil {
		return err
	}
	m.layers, m.graph, m.constants = layers, *g, make(map[string]constant, len(g.Constants))
	for name, t := range g.Constants {
		if t == nil {
			continue // an error where it is read
		}
		c := constant{shape: t.Shape, elements: len(t.Data), data: data[name]}
		if c.data == nil {
			c.data = func() ([]float32, error) { return t.Data, nil }
		} else {
			c.elements = anyElements
		}
		m.constants[name] = c
	}
	var err error
	if m.plan, err = m.newPlan(m.sizes()); err != nil {
		return err
	}
	m.keepConstants()
	m.declareOutputs()
	return nil
}

// keepConstants drops the constants that nothing reads, and the elements of those that layers replace.
func (m *Model) keepConstants() {
	read := map[string]bool{}
	for i := range m.plan.values {
		if v := &m.plan.values[i]; v.data != nil {
			read[v.name] = true
		}
	}
	all := m.graph.Constants
	m.graph.Constants = make(map[string]*ir.Constant, len(read))
	for name, c := range m.constants {
		if c.data = nil; read[name] {
			m.graph.Constants[name] = all[name]
			continue
		}
		m.constants[name] = c
	}
}

// declareOutputs has the network declare what it gives, as far as that does not depend on sizes that a run
// chooses.
func (m *Model) declareOutputs() {
	if m.extraDims() > 0 {
		return
	}
	for i, id := range m.plan.outputs {
		declared := slices.Clone(m.plan.values[id].size)
		for axis, d := range declared {
			declared[axis] = max(d, ir.Batch)
		}
		m.graph.Outputs[i].Shape = declared
	}
}

// checkDims returns an error for a free dimension that no input has, and for dimensions that are not there.
func checkDims(g *ir.Network) error {
	sizes, seen := stated(g.Dims), make([]bool, max(1, len(g.Dims)))
	for _, v := range g.Inputs {
		if _, err := ir.Bind(v.Shape, sizes); err != nil {
			return fmt.Errorf("input %q: %w", v.Name, err)
		}
		for _, d := range v.Shape {
			if d < 0 {
				seen[ir.Batch-d] = true
			}
		}
	}
	for i := range sizes {
		if !seen[1+i] {
			return fmt.Errorf("%w: no input has the free dimension %q, want one for each", qtensor.ErrShape, g.Dims[1+i].Name)
		}
	}
	return nil
}

func copyNetwork(g *ir.Network) *ir.Network {
	if g == nil {
		return nil
	}
	own := *g
	own.Dims, own.Inputs, own.Outputs = slices.Clone(g.Dims), copyValues(g.Inputs), copyValues(g.Outputs)
	own.Nodes = make([]ir.Node, len(g.Nodes))
	for i := range g.Nodes {
		own.Nodes[i] = ir.CloneNode(&g.Nodes[i])
	}
	own.Constants = maps.Clone(g.Constants)
	return &own
}

func copyValues(list []ir.Value) []ir.Value {
	list = slices.Clone(list)
	for i := range list {
		list[i].Shape = slices.Clone(list[i].Shape)
	}
	return list
}
