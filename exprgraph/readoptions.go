package exprgraph

import (
	"context"
	"fmt"
	"slices"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// ReadOption changes how Read and ReadBuild read a graph.
type ReadOption func(*readSettings) error

type readSettings struct {
	sample    map[string]tensor.Tensor
	calls     bool
	batchAxes map[string]int // by the names of inputs; "" for all others; −1 for none
}

// WithSample makes Read and ReadBuild compare with Gorgonia on a sample, a batch of any size: values for the
// inputs by name, as model.Model.Run takes them. It is not changed.
func WithSample(sample map[string]tensor.Tensor) ReadOption {
	return func(s *readSettings) error {
		if sample == nil {
			return fmt.Errorf("%w: got a nil sample, want values for the inputs by name", qtensor.ErrParams)
		}
		s.sample = sample
		return nil
	}
}

// AllowGorgonia makes Read and ReadBuild keep ops that package model does not have, as calls of Gorgonia's op,
// which Report.Calls lists. A model with calls links Gorgonia, and cannot be saved (model.ErrForeign).
func AllowGorgonia() ReadOption {
	return func(s *readSettings) error {
		s.calls = true
		return nil
	}
}

// WithBatchAxis says that an axis of the inputs of the given names, or of all inputs if none is given, is the
// batch. It is for Read; ReadBuild finds the axis, and returns qtensor.ErrParams.
func WithBatchAxis(axis int, inputs ...string) ReadOption {
	return func(s *readSettings) error {
		if axis < 0 {
			return fmt.Errorf("%w: got batch axis %d, want one from 0", qtensor.ErrParams, axis)
		}
		return s.setAxis(axis, inputs)
	}
}

// WithoutBatch says that the inputs of the given names, or all inputs if none is given, have no batch axis:
// their shape is fixed. It is for Read, as WithBatchAxis is.
func WithoutBatch(inputs ...string) ReadOption {
	return func(s *readSettings) error { return s.setAxis(-1, inputs) }
}

func (s *readSettings) setAxis(axis int, inputs []string) error {
	if len(inputs) == 0 {
		inputs = []string{""}
	} else if slices.Contains(inputs, "") {
		return fmt.Errorf("%w: got an input without a name, want names, or none for all inputs", qtensor.ErrParams)
	}
	if s.batchAxes == nil {
		s.batchAxes = map[string]int{}
	}
	for _, name := range inputs {
		s.batchAxes[name] = axis
	}
	return nil
}

// settingsFor returns what options say, and errors of ctx.
func settingsFor(ctx context.Context, opts []ReadOption) (s readSettings, err error) {
	if ctx == nil {
		return s, fmt.Errorf("%w: got no ctx, want context.Background() or another", qtensor.ErrParams)
	}
	for _, o := range opts {
		if o == nil {
			return s, fmt.Errorf("%w: got a nil option, want one that a function made", qtensor.ErrParams)
		}
		if err := o(&s); err != nil {
			return s, err
		}
	}
	return s, ctx.Err()
}
