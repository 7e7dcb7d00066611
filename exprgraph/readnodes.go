package exprgraph

import (
	"context"
	"fmt"
	"slices"

	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
)

// Read returns what nodes of a graph compute as a float model of any batch size, and how its results compare
// with Gorgonia's: the graph that was trained, at whatever batch it was built. It copies weights and
// statistics, as float32; what is trained later does not change the model. The graph is not changed.
//
// The first axis of every input is the batch; WithBatchAxis and WithoutBatch say otherwise. If all inputs are
// vectors, the graph is for one sample, and the model takes batches of them along an axis in front, which
// every output has too. Inputs without a name are called input, input_2 and so on.
//
// From the inputs, the batch is followed through the shape of every node between. It is never guessed from
// numbers that are equal. Where a Reshape could mean several things, position decides: (batch·5, 6) becomes
// (batch, 30), of five rows in each sample. A graph of a batch above 1 tells more: at 1, any axis of size 1
// could be the batch, and the rows that an input has for each sample are taken for as many samples. Constants
// that are shaped by the batch, such as zero states, columns of ones and biases of full shape, are broadcast
// if what they have along the batch is equal.
//
// Read takes the nodes that outputs depend on, as in evaluation: Dropout does nothing, and BatchNorm
// normalizes by the statistics that it has learned. Batch normalizations and biases are folded into the layer
// before them, and expressions of constants into one constant. A layer has the name of its weight; any other
// node has that of its operation and a number, as in Relu_1. Constants that the graph fake-quantizes keep
// their quantized values. An op that package model does not have is an error, which lists all such nodes, or
// with AllowGorgonia a call of Gorgonia's op, which Report.Calls lists. Comparisons that give bool
// give 1 and 0. A value that is an output twice has two names.
//
// The model is compared with Gorgonia's ops at the graph's own batch, before and after folding, and with
// itself at another batch: on the sample of WithSample, or else on seeded random values (Report.Seeded).
//
// Errors:
//
//   - ctx's; qtensor.ErrParams for a nil ctx, option or sample, and for an option that names no input;
//   - ErrUnsupported for what cannot be read, such as a sum over the batch, or a constant that is not the same
//     for all samples; ErrMismatch; ErrOp; for a sample, those of model.Model.Run.
func Read(ctx context.Context, inputs, outputs gorgonia.Nodes, opts ...ReadOption) (*model.Model, *Report, error) {
	m, r, err := readNodes(ctx, Graph{inputs, outputs}, opts)
	if err != nil {
		return nil, nil, fmt.Errorf("exprgraph: Read: %w", err)
	}
	return m, r, nil
}

func readNodes(ctx context.Context, g Graph, opts []ReadOption) (*model.Model, *Report, error) {
	s, err := settingsFor(ctx, opts)
	if err != nil {
		return nil, nil, err
	}
	n := &nodes{graph: g}
	net, err := n.read(s)
	if err != nil {
		return nil, nil, err
	}
	c, err := newComparison(net)
	if err != nil {
		return nil, nil, err
	}
	if err := n.compare(ctx, c, s.sample); err != nil {
		return nil, nil, fmt.Errorf("compare: %w", err)
	}
	return c.folded, c.report, nil
}

// nodes are those of one graph that are read.
type nodes struct {
	graph   Graph
	symbols *symbols
	lifted  bool // the graph is for one sample, and the model has a batch in front
}

// read returns the network of the nodes.
func (n *nodes) read(s readSettings) (*network, error) {
	inputs, err := pairs("inputs", n.graph.Inputs, n.graph.Inputs)
	if err != nil {
		return nil, err
	}
	outputs, err := pairs("outputs", n.graph.Outputs, n.graph.Outputs)
	if err != nil {
		return nil, err
	}
	list, err := order(n.graph)
	if err != nil {
		return nil, err
	}
	vectors := !slices.ContainsFunc(n.graph.Inputs, func(x *gorgonia.Node) bool { return x.Dims() > 1 })
	if n.lifted = s.batchAxes == nil && vectors; n.lifted {
		s.batchAxes = map[string]int{"": -1}
	}
	axes, err := s.axes(n.graph.Inputs)
	if err != nil {
		return nil, err
	}
	n.symbols = newSymbols(list, axes)
	for _, list := range [][]pair{inputs, outputs} {
		for i := range list {
			list[i].of = n.symbols
		}
	}
	r := newReader(s.calls)
	if err := r.readInputs(inputs); err != nil {
		return nil, err
	}
	if err := r.readOutputs(outputs); err != nil {
		return nil, err
	}
	if n.lifted {
		if err := r.lift(); err != nil {
			return nil, err
		}
	}
	return r.network()
}

// axes returns which axis of each input is the batch; −1 where none is.
func (s *readSettings) axes(inputs gorgonia.Nodes) (map[*gorgonia.Node]int, error) {
	axes, batch := map[*gorgonia.Node]int{}, 0
	var first *gorgonia.Node
	for name := range s.batchAxes {
		if name != "" && !slices.ContainsFunc(inputs, func(n *gorgonia.Node) bool { return nameOf(n) == name }) {
			return nil, fmt.Errorf("%w: got input %q for a batch axis, want one of the graph", qtensor.ErrParams, name)
		}
	}
	for _, n := range inputs {
		if n.Dims() != len(n.Shape()) {
			return nil, fmt.Errorf("%w: got shape %v of input %q, want one of %d axes", ErrUnsupported, n.Shape(), nameOf(n), n.Dims())
		}
		axis, ok := s.batchAxes[nameOf(n)]
		if !ok {
			axis = s.batchAxes[""] // of all inputs; else the first
		}
		if n.Dims() == 0 && !ok {
			axis = -1
		}
		if axis >= n.Dims() {
			return nil, fmt.Errorf("%w: got batch axis %d of input %q with shape %v, want one of its axes, or WithoutBatch",
				qtensor.ErrParams, axis, nameOf(n), n.Shape())
		}
		if axes[n] = axis; axis < 0 {
			continue
		}
		if size := n.Shape()[axis]; batch == 0 {
			batch, first = size, n
		} else if size != batch {
			return nil, fmt.Errorf("%w: got a batch of %d in input %q and of %d in %q, want the same: "+
				"WithBatchAxis says which axis it is, WithoutBatch that there is none",
				ErrUnsupported, batch, nameOf(first), size, nameOf(n))
		}
	}
	return axes, nil
}
