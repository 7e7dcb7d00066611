package model

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"euryale/internal/dense"
	"euryale/internal/flow"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// arena is the memory of one run, and is used again by others.
type arena struct {
	slots   []memory
	values  []array
	in      []array // of a step
	scratch scratch
	batch   int
	alone   bool // without help for layers
}

// memory is that of a slot: of the kind that the slot has.
type memory struct {
	x     []float32
	codes []uint8
}

// Run returns the outputs for the inputs, by name, float32 and the caller's own. The inputs are float32, or float64 which
// is rounded to it, of any layout, or int, int32 or int64 where Info says Integer; they are not changed. An axis of −1 in Inputs is the batch, which all inputs that have
// one agree on. Axes of size 1 that a slice dropped come back, in front.
//
// Float32s of an output's *tensor.Dense is its numbers. Its Data is too, while something else refers to the tensor: tensor v0.9.24
// loses sight of the memory for a moment, in which the garbage collector may free it.
//
// ctx is looked at between nodes. Errors: ctx's; qtensor.ErrNotFound for a name that is missing or that the model does not
// have, qtensor.ErrShape, qtensor.ErrDtype, qtensor.ErrLayout for what an input is, and qtensor.ErrValue for NaN and
// infinities that reach a layer; for a model that Load returned, those of reading a weight: qtensor.ErrFormat, and the file's.
func (m *Model) Run(ctx context.Context, in map[string]tensor.Tensor) (map[string]tensor.Tensor, error) {
	out := map[string]tensor.Tensor{}
	err := m.run(ctx, in, watch{}, out)
	if err != nil {
		return nil, fmt.Errorf("model: Run: %w", err)
	}
	return out, nil
}

// Observe runs the model and calls f with every input, and then with what every node gives as soon as it is there, by the
// name of the value, in the order of nodes. What a layer gives to a Relu that became part of it is not shown. x is for
// reading until f returns. An error of f ends the run. Errors: f's, and those of Run.
func (m *Model) Observe(ctx context.Context, in map[string]tensor.Tensor, f func(name string, x []float32) error) error {
	if err := m.run(ctx, in, watch{show: f}, nil); err != nil {
		return fmt.Errorf("model: Observe: %w", err)
	}
	return nil
}

// Timing is how long a node took.
type Timing struct {
	Node, Op string
	Took     time.Duration
}

// Time runs the model and returns how long each node took, in their order. A Relu that became part of a layer is not among them.
// Errors: those of Run.
func (m *Model) Time(ctx context.Context, in map[string]tensor.Tensor) ([]Timing, error) {
	var list []Timing
	took := func(s *step, d time.Duration) { list = append(list, Timing{s.node.Name, s.node.Op, d}) }
	if err := m.run(ctx, in, watch{took: took}, nil); err != nil {
		return nil, fmt.Errorf("model: Time: %w", err)
	}
	return list, nil
}

// watch is who looks on while a model runs; either may be nil.
type watch struct {
	show func(name string, x []float32) error
	took func(s *step, d time.Duration)
}

func (m *Model) run(ctx context.Context, in map[string]tensor.Tensor, w watch, out map[string]tensor.Tensor) error {
	x, batch, err := m.read(in)
	if err != nil {
		return err
	}
	if err := m.fits(batch); err != nil {
		return err
	}
	y := make([][]float32, len(m.outputs))
	if out == nil {
		return m.pass(ctx, x, batch, w, y, false)
	}
	for i, id := range m.outputs {
		y[i] = make([]float32, m.values[id].size.at(batch))
	}
	if parts := m.parts(batch); parts < 2 || m.split(ctx, x, batch, parts, y) != nil {
		// An error of a part may name places in it.
		if err := m.pass(ctx, x, batch, w, y, false); err != nil {
			return err
		}
	}
	for i, id := range m.outputs {
		shape := make(tensor.Shape, len(m.values[id].size))
		m.values[id].size.put(shape, batch)
		out[m.values[id].name] = dense.New(y[i], shape)
	}
	return nil
}

// pass computes the outputs y for the inputs x of a batch, where they are not nil.
func (m *Model) pass(ctx context.Context, x [][]float32, batch int, w watch, y [][]float32, alone bool) error {
	a, _ := m.arenas.Get().(*arena)
	if a == nil {
		a = &arena{slots: make([]memory, len(m.slots)), values: make([]array, len(m.values))}
		for i, v := range m.values {
			a.values[i].shape = make([]int, len(v.size))
			if v.data == nil {
				continue
			}
			var err error
			if a.values[i].x, err = v.data(); err != nil {
				return fmt.Errorf("constant %q: %w", v.name, err)
			}
		}
	}
	defer func() {
		for i := range m.values {
			if root := m.root(i); root.slot < 0 && root.data == nil {
				a.values[i].x = nil // the caller's
			}
		}
		m.arenas.Put(a)
	}()
	for i, id := range m.inputs {
		a.values[id].x = x[i]
	}
	m.makeRoom(a, batch, w.show != nil)
	a.batch, a.alone = batch, alone
	if w.show != nil {
		for _, id := range m.inputs {
			if err := w.show(m.values[id].name, a.values[id].x); err != nil {
				return fmt.Errorf("input %q: %w", m.values[id].name, err)
			}
		}
	}
	for i := range m.steps {
		s := &m.steps[i]
		err := ctx.Err()
		var begin time.Time
		if w.took != nil {
			begin = time.Now()
		}
		if err == nil {
			err = m.do(ctx, a, s)
		}
		if w.took != nil {
			w.took(s, time.Since(begin))
		}
		if err == nil && w.show != nil {
			err = w.show(m.values[s.out].name, a.values[s.out].x)
		}
		if err != nil {
			return fmt.Errorf("node %q (%s): %w", s.node.Name, s.node.Op, err)
		}
	}
	for i, id := range m.outputs {
		copy(y[i], a.values[id].x)
	}
	return ctx.Err()
}

// read returns the inputs, in order, and the batch.
func (m *Model) read(in map[string]tensor.Tensor) ([][]float32, int, error) {
	list := make([][]float32, len(m.inputs))
	batch, from := 0, ""
	for i, id := range m.inputs {
		v := m.values[id]
		t, ok := in[v.name]
		if !ok {
			return nil, 0, fmt.Errorf("%w: got no input %q", qtensor.ErrNotFound, v.name)
		}
		numbers := dense.Float32s
		if v.integer {
			numbers = whole
		}
		x, err := numbers(t)
		if err != nil {
			return nil, 0, fmt.Errorf("input %q: %w", v.name, err)
		}
		shape := t.Shape().Clone()
		for len(shape) < len(v.size) {
			shape = append(tensor.Shape{1}, shape...)
		}
		fit := len(shape) == len(v.size)
		for i := 0; fit && i < len(shape); i++ {
			switch d := v.size[i]; {
			case d > 0:
				fit = shape[i] == d
			case shape[i] < 1:
				fit = false
			case batch == 0:
				batch, from = shape[i], v.name
			case batch != shape[i]:
				return nil, 0, fmt.Errorf("input %q: %w: got a batch of %d, want the %d of %q", v.name, qtensor.ErrShape, shape[i], batch, from)
			}
		}
		if !fit {
			return nil, 0, fmt.Errorf("input %q: %w: got %v, want %v with any batch for -1", v.name, qtensor.ErrShape, t.Shape(), []int(v.size))
		}
		list[i] = x
	}
	if len(in) != len(m.inputs) {
		return nil, 0, fmt.Errorf("%w: got inputs %q, want %v", qtensor.ErrNotFound, slices.Sorted(maps.Keys(in)), m.Inputs())
	}
	return list, max(batch, 1), nil
}

// mostWhole is the largest whole number such that a float32 holds all up to it.
const mostWhole = 1 << 24

// whole returns integers as float32.
func whole(t tensor.Tensor) ([]float32, error) {
	switch d, _ := t.(*tensor.Dense); {
	case d == nil:
		_, err := dense.Slice[int](t)
		return nil, err
	case d.Dtype() == tensor.Int:
		return wholeOf[int](t)
	case d.Dtype() == tensor.Int64:
		return wholeOf[int64](t)
	case d.Dtype() == tensor.Int32:
		return wholeOf[int32](t)
	default:
		return nil, fmt.Errorf("%w: got %s, want int, int32 or int64", qtensor.ErrDtype, dense.TypeName(d.Dtype()))
	}
}

func wholeOf[T int | int32 | int64](t tensor.Tensor) ([]float32, error) {
	list, err := dense.Slice[T](t)
	if err != nil {
		return nil, err
	}
	x := make([]float32, len(list))
	for i, v := range list {
		if v < -mostWhole || v > mostWhole {
			return nil, fmt.Errorf("%w: got %d at %d, want at most %d", qtensor.ErrValue, v, i, mostWhole)
		}
		x[i] = float32(v)
	}
	return x, nil
}

// fits returns an error for a batch that is too big.
func (m *Model) fits(batch int) error {
	for _, s := range m.slots {
		if !fits(s.perBatch, batch) {
			return fmt.Errorf("%w: got a batch of %d, want at most %d", qtensor.ErrShape, batch, maxRunElements/s.perBatch)
		}
	}
	return nil
}

// makeRoom gives every value its shape and memory for a batch. Values that are kept as codes are float32 too where all are shown.
func (m *Model) makeRoom(a *arena, batch int, shown bool) {
	for i, s := range m.slots {
		if s.codes {
			a.slots[i].codes = grow(a.slots[i].codes, s.at(batch))
		} else {
			a.slots[i].x = grow(a.slots[i].x, s.at(batch))
		}
	}
	for i, v := range m.values {
		y := &a.values[i]
		v.size.put(y.shape, batch)
		y.coded = v.coded
		switch n := v.size.at(batch); {
		case v.from >= 0:
			y.x, y.codes = a.values[v.from].x, a.values[v.from].codes
			if v.apart && shown {
				y.x = make([]float32, n)
			}
		case v.slot < 0: // the caller's, or a constant
		case v.coded == nil:
			y.x = a.slots[v.slot].x[:n]
		default:
			y.x, y.codes = nil, a.slots[v.slot].codes[:n]
			if shown {
				y.x = make([]float32, n)
			}
		}
	}
}

// do computes a step: as float32, as codes, or both.
func (m *Model) do(ctx context.Context, a *arena, s *step) error {
	y := a.values[s.out]
	switch {
	case s.layer != nil:
		return m.doLayer(y, a.values[s.in[0]], s, a.alone)
	case s.table != nil:
		return doLookup(y, a.values[s.in[0]], s, &a.scratch)
	case s.call != nil:
		return m.doCall(ctx, a, y, s)
	}
	a.in = a.in[:0]
	for _, id := range s.in {
		a.in = append(a.in, a.values[id])
	}
	floats := a.in[0].x != nil // which there are of codes too where all are shown
	if y.x != nil && floats && s.op.kernel != nil {
		s.op.kernel(s.node, y, a.in, &a.scratch)
	}
	if (y.codes != nil || !floats) && s.op.codes.kernel != nil {
		s.op.codes.kernel(s.node, y, a.in, &a.scratch)
	}
	err := a.scratch.err
	a.scratch.err = nil
	return err
}

// doCall runs code on the inputs.
func (m *Model) doCall(ctx context.Context, a *arena, y array, s *step) error {
	in := make([]flow.Tensor, len(s.in))
	for i, id := range s.in {
		in[i] = flow.Tensor{Shape: a.values[id].shape, Data: a.values[id].x}
	}
	out, err := s.call.Run(ctx, a.batch, in)
	if err != nil {
		return fmt.Errorf("%s: %w", s.call.What, err)
	}
	if len(out.Data) != len(y.x) {
		return fmt.Errorf("%s: %w: got shape %v, want %v", s.call.What, qtensor.ErrShape, out.Shape, y.shape)
	}
	copy(y.x, out.Data)
	return nil
}

func (m *Model) doLayer(y, x array, s *step, alone bool) error {
	layer, err := s.layer()
	if err != nil {
		return err
	}
	p := layer.shared
	if alone {
		p = layer.alone
	}
	from, samples := ops.Samples{Float: x.x}, len(x.x)/layer.sample
	if x.codes != nil {
		from, samples = ops.Samples{Codes: x.codes, Map: m.values[s.in[0]].coded.codes}, len(x.codes)/layer.sample
	}
	if y.x != nil {
		if err := p.RunSamples(ops.Samples{Float: y.x}, from, samples); err != nil {
			return err
		}
	}
	if y.codes == nil {
		return nil
	}
	return p.RunSamples(ops.Samples{Codes: y.codes, Map: m.values[s.out].coded.codes}, from, samples)
}
