package exprgraph

import (
	"context"
	"fmt"

	"euryale/model"
	"euryale/qtensor"
)

// ReadBuild returns the graph of build as a float model of any batch size, and how its results compare with
// Gorgonia's. It calls build for two batch sizes: an axis whose size differs is the batch. Weights are
// copied, as float32.
//
// It reads the nodes that Outputs depend on, as in evaluation: Dropout does nothing, and BatchNorm normalizes
// by its Stats, which build has to set, since every BatchNorm makes its own. Batch normalizations and biases
// are folded into the layer before them. A layer has the name of its weight; any other node has that of its
// operation and a number, as in Relu_1. Constants that the graph fake-quantizes keep their quantized values.
//
// An op that package model does not have is an error, which lists all such nodes, or with AllowGorgonia a call
// of Gorgonia's op, which Report.Calls lists: the model then keeps build.
//
// The model is compared with Gorgonia's own ops, before and after folding, on the sample of WithSample, or
// else on seeded random values (Report.Seeded).
//
// Errors:
//
//   - ctx's; those of build, and a panic of build;
//   - qtensor.ErrParams for a nil ctx, build, option or sample;
//   - ErrUnsupported for a node that cannot be read, such as a value with two axes that differ, a BatchNorm
//     without statistics, and other weights at another batch size;
//   - ErrMismatch; ErrOp of a call; for a sample, those of model.Model.Run.
func ReadBuild(ctx context.Context, build Build, opts ...ReadOption) (*model.Model, *Report, error) {
	m, r, err := readBuild(ctx, build, opts)
	if err != nil {
		return nil, nil, fmt.Errorf("exprgraph: ReadBuild: %w", err)
	}
	return m, r, nil
}

func readBuild(ctx context.Context, build Build, opts []ReadOption) (*model.Model, *Report, error) {
	s, err := settingsFor(ctx, opts)
	switch {
	case err != nil:
		return nil, nil, err
	case build == nil:
		return nil, nil, fmt.Errorf("%w: got no build, want one", qtensor.ErrParams)
	case s.batchAxes != nil:
		return nil, nil, fmt.Errorf("%w: got a batch axis, want none: ReadBuild finds it", qtensor.ErrParams)
	}
	n, err := readNetwork(build, s.calls)
	if err != nil {
		return nil, nil, err
	}
	c, err := newComparison(n)
	if err != nil {
		return nil, nil, err
	}
	c.gorgonia = byBuild(build, n.folded)
	if c.report.Seeded = s.sample == nil; c.report.Seeded {
		s.sample = seeded(n.folded, seededBatch)
	}
	if _, err := c.with(ctx, s.sample); err != nil {
		return nil, nil, fmt.Errorf("compare: %w", err)
	}
	return c.folded, c.report, nil
}
