package model

import (
	"context"
	"io"
	"maps"
	"slices"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Tasks returns the number of tasks of a run of a batch.
func (m *Model) Tasks(batch int) int { return m.plan.tasks(batch) }

// Parts returns in how many parts the first node is shared for a batch.
func (m *Model) Parts(batch int) int {
	of := func(id int) array {
		size := m.plan.values[id].size
		a := array{x: make([]float32, size.At(batch)), shape: make([]int, len(size))}
		size.Put(a.shape, batch)
		return a
	}
	s, in := &m.plan.steps[0], []array{}
	for _, id := range s.in {
		in = append(in, of(id))
	}
	parts, _ := partsOf(s.node, of(s.out), in)
	return parts
}

// ChannelsLast returns the names of the values that are NHWC where nothing is observed.
func (m *Model) ChannelsLast() (names []string) {
	for _, v := range m.plan.values {
		if v.channelsLast {
			names = append(names, v.name)
		}
	}
	return names
}

// HeaderBound returns what a header has at most, and below what New does not look closer.
func (m *Model) HeaderBound() (bound, small int) { return m.headerBound(), smallHeader }

// Split returns the outputs for inputs whose batch is computed in so many tasks.
func (m *Model) Split(in map[string]tensor.Tensor, tasks int) ([][]float32, error) {
	e := &execution{m: m, y: make([][]float32, len(m.graph.Outputs))}
	if err := e.open(in); err != nil {
		return nil, err
	}
	x, err := e.read()
	if err != nil {
		return nil, err
	}
	for i, id := range e.p.outputs {
		e.y[i] = make([]float32, e.p.values[id].size.At(e.batch))
	}
	return e.y, e.split(x, tasks)
}

// ReadLater works like Load of a file that is mapped.
func ReadLater(r io.ReaderAt, size int64, opts ...Option) (*Model, error) {
	f, err := qtensor.Read(r, size)
	if err != nil {
		return nil, err
	}
	return load(f, true, opts)
}

// Prepare has every constant and every layer ready to run, as a run has.
func (m *Model) Prepare() error {
	for _, v := range m.plan.values {
		if v.data != nil {
			if _, err := v.data(); err != nil {
				return err
			}
		}
	}
	for _, s := range m.plan.steps {
		if s.layer != nil {
			if _, err := s.layer(); err != nil {
				return err
			}
		}
		if s.embedding != nil {
			if _, err := s.embedding(); err != nil {
				return err
			}
		}
	}
	return nil
}

// RunWatched is Run with a function that is called by the goroutine that computes when it comes to a node.
// Outputs, which let a batch be split, are computed where out is not nil.
func (m *Model) RunWatched(ctx context.Context, in, out map[string]tensor.Tensor, begin func(node string)) error {
	return m.run(ctx, in, observer{begin: func(s *step) { begin(s.node.Name) }}, out)
}

// Long reports whether a run of a batch is left when its context ends, with outputs or without.
func (m *Model) Long(batch int, outputs bool) bool { return m.plan.long(batch, outputs) }

// Idle reports that nothing uses the model.
func (m *Model) Idle() bool { return m.using.Load()&^closed == 0 }

// Memory returns how many bytes a run of a batch takes at most.
func (m *Model) Memory(batch int, observed bool) int64 { return int64(m.plan.memory(batch, observed)) }

// Resident returns the bytes of constants and weights.
func (m *Model) Resident() int64 { return int64(m.plan.resident) }

// Packing returns the bytes that packing a weight takes at most besides.
func (m *Model) Packing() int64 { return int64(m.plan.packing) }

// Ops returns the names of all ops, sorted.
func Ops() []string { return slices.Sorted(maps.Keys(evaluators)) }

// MaxAbandoned is maxAbandoned.
const MaxAbandoned = maxAbandoned

// MaxPlans is maxPlans.
const MaxPlans = maxPlans

// Plans returns how many plans the model keeps besides its first.
func (m *Model) Plans() int {
	m.plans.lock.Lock()
	defer m.plans.lock.Unlock()
	return len(m.plans.list)
}
