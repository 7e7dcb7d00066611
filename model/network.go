package model

import (
	"fmt"

	"euryale/internal/ir"
	"euryale/qtensor"
)

type (
	// Network is a network as data, from which New makes a model: inputs and outputs, nodes in an order in
	// which they can be computed, and constants by name.
	Network = ir.Network
	// Node is an operation, by ONNX's name with ONNX's attributes.
	Node = ir.Node
	// Value is an input or an output with its shape, of which −1 is the batch.
	Value = ir.Value
	// Constant is a tensor of float32, row-major and dense; Trained, where it is not nil, is how it was
	// quantized in training.
	Constant = ir.Constant
	// Dim is a free dimension: a size of which a run has another. All but the batch state one.
	Dim = ir.Dim
	// Op is an operation that is code and not data: what an Op of Foreign does. A model that has one does not
	// go into a file.
	Op = ir.Op
	// Array is the elements of a value in a run of an Op, float32, row-major and dense.
	Array = ir.Array
)

// Network returns the network of a float model, with all that its constants hold, for a program that makes
// another model of it. Its lists are the caller's; what constants hold is the model's, and for reading.
// Errors: qtensor.ErrParams for a model with quantized layers, whose float weights are gone; os.ErrClosed
// after Close; for a model that Load returned, those of reading a constant.
func (m *Model) Network() (*Network, error) {
	var g *Network
	err := m.use(func() (err error) {
		g, err = m.network()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("model: Network: %w", err)
	}
	return g, nil
}

func (m *Model) network() (*Network, error) {
	if len(m.layers) > 0 {
		return nil, fmt.Errorf("%w: got a model with %d quantized layers, want a float model", qtensor.ErrParams, len(m.layers))
	}
	g := copyNetwork(&m.graph)
	for name, t := range g.Constants {
		data, err := m.constants[name].data()
		if err != nil {
			return nil, fmt.Errorf("constant %q: %w", name, err)
		}
		own := *t
		own.Data = data
		g.Constants[name] = &own
	}
	return g, nil
}
