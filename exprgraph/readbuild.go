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

// WithSample makes ReadBuild compare with Gorgonia on a sample: values for the inputs by name, for
// any batch size, float32 or float64, or int, int32 or int64 where the input is int. It is not changed.
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

// ReadBuild returns the network that build makes as a float model, with the batch size free, and how it
// compares with Gorgonia. It builds at two batch sizes and takes as the batch what differs. Weights must not
// differ; they are copied, as float32, and the graphs are left as they are.
//
// It reads what Outputs need, in evaluation: Dropout does nothing, and BatchNorm normalizes by its Stats,
// which build sets, since every BatchNorm makes its own. Normalizations and biases are folded into the layer
// before them. A layer has the name of its weight, any other node that of its operation and a number, as in
// Relu_1. Constants that the graph fake-quantizes keep how they were quantized. What the model has no
// operation for is a call of Gorgonia's op, in a graph that build makes for the batch: such a model keeps
// build, and Save refuses it; Report.Calls lists them.
//
// The network is compared with Gorgonia's own ops, before and after folding: on the sample of
// WithSample, else on seeded random values; Report.Seeded says which. Gorgonia's ops run one after the
// other, on copies, in the caller's goroutine.
//
// Errors: ctx's; those of build, of which a panic is one; qtensor.ErrParams for a nil ctx, build or option,
// and a nil sample; ErrUnsupported for what of the graph is not understood (a value of two free axes, a batch
// normalization without statistics, other weights at another batch size); ErrMismatch; for a sample, those of
// model.Run.
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
