package exprgraph

import (
	"context"
	"fmt"

	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// ReadOption changes how ReadBuild reads a graph.
type ReadOption func(*readSettings) error

type readSettings struct {
	sample map[string]tensor.Tensor
}

// WithSample makes ReadBuild compare with Gorgonia on a sample, a batch of any size: values for the inputs by
// name, as model.Model.Run takes them. It is not changed.
func WithSample(sample map[string]tensor.Tensor) ReadOption {
	return func(s *readSettings) error {
		if sample == nil {
			return fmt.Errorf("%w: got a nil sample, want values for the inputs by name", qtensor.ErrParams)
		}
		s.sample = sample
		return nil
	}
}

func readSettingsOf(opts []ReadOption) (s readSettings, err error) {
	for _, o := range opts {
		if o == nil {
			return s, fmt.Errorf("%w: got a nil option, want one that a function made", qtensor.ErrParams)
		}
		if err := o(&s); err != nil {
			return s, err
		}
	}
	return s, nil
}

// ReadBuild returns the graph of build as a float model of any batch size, and how its results compare with
// Gorgonia's. It calls build for two batch sizes: an axis whose size differs is the batch. Weights are
// copied, as float32.
//
// It reads the nodes that Outputs depend on, as in evaluation: Dropout does nothing, and BatchNorm normalizes
// by its Stats, which build has to set, since every BatchNorm makes its own. Batch normalizations and biases
// are folded into the layer before them. A layer has the name of its weight; any other node has that of its
// operation and a number, as in Relu_1. Constants that the graph fake-quantizes keep their quantized values.
//
// An op that package model does not have becomes a call of Gorgonia's op, which Report.Calls lists. A model
// with calls keeps build, and cannot be saved (model.ErrForeign).
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
	switch {
	case ctx == nil:
		return nil, nil, fmt.Errorf("%w: got no ctx, want context.Background() or another", qtensor.ErrParams)
	case build == nil:
		return nil, nil, fmt.Errorf("%w: got no build, want one", qtensor.ErrParams)
	}
	s, err := readSettingsOf(opts)
	if err != nil {
		return nil, nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	n, err := readNetwork(build)
	if err != nil {
		return nil, nil, err
	}
	read, err := model.New(n.read, nil)
	if err != nil {
		return nil, nil, err
	}
	folded, err := model.New(n.folded, nil)
	if err != nil {
		return nil, nil, err
	}
	c := &comparison{build, read, folded, n.folded, newReport(n.folded)}
	if c.report.Seeded = s.sample == nil; c.report.Seeded {
		s.sample = seeded(n.folded)
	}
	if err := c.with(ctx, s.sample); err != nil {
		return nil, nil, fmt.Errorf("compare: %w", err)
	}
	return folded, c.report, nil
}
