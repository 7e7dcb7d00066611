package ptq

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"euryale/model"
)

// run is a model that runs on a sample, up to the value that it was last asked for: no value of it is kept
// that is not needed later.
type run struct {
	next  func() (name string, x []float32, ok bool)
	stop  func() // ends the run
	err   error
	early map[string][]float32 // values that were computed before one that was asked for first
}

var errRunStopped = errors.New("the run was stopped")

// newRun begins a run that gives the values whose names are wanted.
func newRun(ctx context.Context, m *model.Model, s Sample, wanted []string) *run {
	r := &run{early: map[string][]float32{}}
	r.next, r.stop = iter.Pull2(func(yield func(string, []float32) bool) {
		r.err = m.ObserveNamed(ctx, s, wanted, func(name string, x []float32) error {
			if !yield(name, x) {
				return errRunStopped
			}
			return nil
		})
	})
	return r
}

// value returns a wanted value, each once. It is valid until the next call.
func (r *run) value(name string) ([]float32, error) {
	if x, ok := r.early[name]; ok {
		delete(r.early, name)
		return x, nil
	}
	for {
		given, x, ok := r.next()
		switch {
		case !ok && r.err != nil:
			return nil, r.err
		case !ok:
			return nil, fmt.Errorf("the quantized model has no value %q", name) // a bug in here
		case given == name:
			return x, nil
		}
		r.early[given] = slices.Clone(x)
	}
}
