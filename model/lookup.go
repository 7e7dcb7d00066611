package model

import (
	"fmt"
	"slices"

	"euryale/internal/flow"
	"euryale/qtensor"
)

// A lookup is a Gather with a Layer: its table stays codes, of which a run dequantizes the rows that it takes.

// isLookup reports whether a node with a layer has a table in place of a weight to multiply by.
func isLookup(n *flow.Node) bool { return n.Op == "Gather" }

// weightOf returns the name of the constant that a layer of the node replaces; "" where it has no such input.
func weightOf(n *flow.Node) string {
	switch {
	case isLookup(n) && len(n.Inputs) > 0:
		return n.Inputs[0]
	case !isLookup(n) && len(n.Inputs) > 1:
		return n.Inputs[1]
	}
	return ""
}

// lookupsOf returns the names of the nodes that are lookups if they have a layer.
func lookupsOf(nodes []flow.Node) map[string]bool {
	names := map[string]bool{}
	for i := range nodes {
		if isLookup(&nodes[i]) {
			names[nodes[i].Name] = true
		}
	}
	return names
}

// addLookup adds a node with a quantized table.
func (b *builder) addLookup(n *node, op operation, l layer) error {
	if l.activations != Default || len(l.params.Scales) > 0 {
		return fmt.Errorf("%w: got activations %v, want none: an embedding has no arithmetic", qtensor.ErrParams, l.activations)
	}
	table, err := b.replaced(n.Node, l)
	if err != nil {
		return err
	}
	indices, err := b.constant(n.Inputs[1])
	if err != nil {
		return err
	}
	out, err := op.shape(n, []size{table, b.values[indices].size})
	if err == nil {
		err = out.check()
	}
	if err != nil {
		return err
	}
	s := step{node: n, op: op, in: []int{indices}, out: b.add(value{name: n.Output, size: out, from: -1})}
	s.table = once(b.packed, packing{weight: l.weight}, func(w *qtensor.QTensor) (*qtensor.QTensor, error) { return w, nil })
	b.steps = append(b.steps, s)
	return nil
}

// replaced returns the size of the constant that a layer replaces.
func (b *builder) replaced(n *flow.Node, l layer) (size, error) {
	name := weightOf(n)
	w := b.from.Constants[name]
	if w == nil {
		return nil, fmt.Errorf("%w: weight %q is no constant, want one where there is a layer", qtensor.ErrShape, name)
	}
	if !slices.Equal(w.Shape, l.weight.shape) {
		return nil, fmt.Errorf("%w: got a quantized weight %v, want the shape of the constant %q, %v", qtensor.ErrShape,
			l.weight.shape, name, w.Shape)
	}
	return given(w.Shape, false)
}

// doLookup sets y to rows of a table.
func doLookup(y, indices array, s *step, scratch *scratch) error {
	table, err := s.table()
	if err != nil {
		return err
	}
	rows, err := scratch.rowsOf(indices.x, table.Shape()[0])
	if err != nil {
		return err
	}
	return table.DequantizeRows(y.x, rows)
}

// rowsOf returns numbers as those of rows, of which there are so many, in memory that is used again.
func (s *scratch) rowsOf(x []float32, count int) ([]int, error) {
	s.offsets = grow(s.offsets, len(x))
	for i, v := range x {
		row := int(v)
		if row < 0 || row >= count || float32(row) != v {
			return nil, fmt.Errorf("%w: got row %v at %d, want a whole number from 0 to %d", qtensor.ErrValue, v, i, count-1)
		}
		s.offsets[i] = row
	}
	return s.offsets, nil
}
