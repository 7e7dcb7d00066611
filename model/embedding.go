package model

import (
	"fmt"

	"euryale/internal/ir"
	"euryale/qtensor"
)

// An embedding is a Gather along axis 0 with a Layer. Its weight stays quantized, and a run dequantizes the
// rows that it takes.

// isEmbedding reports whether the layer of a node is an embedding.
func isEmbedding(n *ir.Node) bool { return n.Op == ir.OpGather && n.ChannelAxis() >= 0 }

// embeddingsOf returns the names of the nodes that are embeddings if they have a layer.
func embeddingsOf(nodes []ir.Node) map[string]bool {
	names := map[string]bool{}
	for i := range nodes {
		if isEmbedding(&nodes[i]) {
			names[nodes[i].Name] = true
		}
	}
	return names
}

// addEmbedding adds a step that takes rows of a quantized embedding.
func (b *builder) addEmbedding(s step, out ir.Operand, l layer) error {
	if l.activations != Default || len(l.params.Scales) > 0 {
		return fmt.Errorf("%w: got activations %v, want none: an embedding has no arithmetic", qtensor.ErrParams, l.activations)
	}
	s.embedding = once(&b.m.packed, packKey{weight: l.weight}, l.weight.read)
	s.out = b.add(value{name: s.node.Output, size: out.Size, from: -1})
	b.steps = append(b.steps, s)
	return nil
}

// doEmbedding sets y to rows of an embedding.
func doEmbedding(y, indices array, s *step, scratch *scratch) error {
	weight, err := s.embedding()
	if err != nil {
		return err
	}
	rows, err := scratch.rowsOf(indices.x, weight.Shape()[0])
	if err != nil {
		return err
	}
	return weight.DequantizeRows(y.x, rows)
}

// rowsOf returns x as numbers of rows, from 0 to count − 1. The result is valid until the next call.
func (s *scratch) rowsOf(x []float32, count int) ([]int, error) {
	s.offsets = grow(s.offsets, len(x))
	for i, v := range x {
		row := int(v)
		if row < 0 || row >= count || float32(row) != v {
			return nil, fmt.Errorf("%w: got row %v at %d, want an integer from 0 to %d", qtensor.ErrValue, v, i, count-1)
		}
		s.offsets[i] = row
	}
	return s.offsets, nil
}
