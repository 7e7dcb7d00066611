package model

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Observe runs the model and calls f with the name and the elements of every input, and then of the result of
// every node, in the order of nodes. To calibrate, f calls ObserveFloat32 of a calib.Calibrator. A layer that
// a Relu became part of gives the values after the Relu alone, under the name of the Relu's result. The
// caller's goroutine calls f, which may read x until it returns. An error of f ends the run. Errors: f's,
// qtensor.ErrParams for a nil f, and those of Run.
func (m *Model) Observe(ctx context.Context, in map[string]tensor.Tensor, f func(name string, x []float32) error) error {
	return m.observe(ctx, "Observe", in, nil, f)
}

// ObserveNamed is Observe that calls f for the values of these names alone, with the same elements and in the
// same order. It takes less time: what is kept quantized between layers becomes float32 only where a named
// value is computed of it. Constants are not given, and what a layer gives before a Relu that became part of
// it is not. Errors, besides those of Observe: qtensor.ErrNotFound for the name of no value.
func (m *Model) ObserveNamed(
	ctx context.Context, in map[string]tensor.Tensor, names []string, f func(name string, x []float32) error,
) error {
	return m.observe(ctx, "ObserveNamed", in, append([]string{}, names...), f)
}

func (m *Model) observe(
	ctx context.Context, method string, in map[string]tensor.Tensor, names []string, f func(name string, x []float32) error,
) error {
	err := fmt.Errorf("%w: got no function, want one to call", qtensor.ErrParams)
	if f != nil {
		err = m.run(ctx, in, observer{observe: f, names: names}, nil)
	}
	if err != nil {
		return fmt.Errorf("model: %s: %w", method, err)
	}
	return nil
}

// shown says what an observed run shows.
type shown struct {
	values []bool  // that are observed
	floats []bool  // values that they, where they are kept quantized, are computed of in float32
	ends   [][]int // by step: the values whose float32 of addFloat it is the last to read
}

// showing returns what a run shows that is observed for some names, or for all where names is nil.
func (p *plan) showing(names []string) (*shown, error) {
	of := &shown{values: make([]bool, len(p.values)), floats: make([]bool, len(p.values))}
	named := make(map[string]bool, len(names))
	for _, name := range names {
		named[name] = true
	}
	show := func(id int) {
		if name := p.values[id].name; names == nil || named[name] {
			of.values[id], of.floats[id] = true, true
			delete(named, name)
		}
	}
	for _, id := range p.inputs {
		show(id)
	}
	for i := range p.steps {
		show(p.steps[i].out)
	}
	if err := p.m.checkValues(named); err != nil {
		return nil, err
	}
	last := make([]int, len(p.values)) // by the value whose float32 it is, the step
	read := func(id, step int) { last[p.values[id].floats] = max(last[p.values[id].floats], step) }
	for i, s := range slices.Backward(p.steps) {
		read(s.out, i)
		if s.layer != nil {
			continue
		}
		for _, id := range s.in {
			read(id, i)
		}
		for _, id := range s.operands() {
			read(id, i)
			of.floats[id] = of.floats[id] || of.floats[s.out] && p.withoutFloat(s.out)
		}
	}
	of.ends = make([][]int, len(p.steps))
	for id, v := range p.values {
		if of.floats[id] && p.withoutFloat(id) {
			of.ends[last[v.floats]] = append(of.ends[last[v.floats]], id)
		}
	}
	return of, nil
}

// withoutFloat reports whether a value is quantized, or not computed, where nothing is observed.
func (p *plan) withoutFloat(id int) bool {
	return p.values[id].unread || p.values[id].quantization != nil
}

// checkValues reports the first, by name, that is no value of the network.
func (m *Model) checkValues(names map[string]bool) error {
	if len(names) == 0 {
		return nil
	}
	known := make(map[string]bool, len(m.graph.Nodes))
	for i := range m.graph.Nodes {
		known[m.graph.Nodes[i].Output] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if _, constant := m.constants[name]; !constant && !known[name] {
			return fmt.Errorf("%w: got name %q, want those of values of the model", qtensor.ErrNotFound, name)
		}
	}
	return nil
}

// show has a value observed.
func (e *execution) show(ws *workspace, id int) error {
	if e.shown == nil || !e.shown.values[id] {
		return nil
	}
	x := ws.values[id].x
	if e.p.values[id].channelsLast {
		x = ws.firstChannels(ws.values[id])
	}
	return e.w.observe(e.p.values[id].name, x)
}

// fused reports whether the float layer with this result does what the Relu behind it would.
func (e *execution) fused(result int) bool { return e.shown == nil || !e.shown.values[result] }

// copies is float32 of values that are kept quantized, or not computed, where nothing is observed.
type copies struct {
	lent [][]float32 // by value
	free [][]float32
}

// take returns n float32 for a value: the least that is free, else new ones in place of the largest.
func (c *copies) take(id, n int) []float32 {
	best, largest := -1, -1
	for i, x := range c.free {
		if cap(x) >= n && (best < 0 || cap(x) < cap(c.free[best])) {
			best = i
		}
		if largest < 0 || cap(x) > cap(c.free[largest]) {
			largest = i
		}
	}
	var x []float32
	switch {
	case best >= 0:
		x = c.free[best][:n]
		c.free = slices.Delete(c.free, best, best+1)
	case largest >= 0:
		c.free = slices.Delete(c.free, largest, largest+1)
		fallthrough
	default:
		x = make([]float32, n)
	}
	c.lent[id] = x
	return x
}

// put has the float32 of a value be free, if it has any.
func (c *copies) put(id int) {
	if x := c.lent[id]; x != nil {
		c.lent[id], c.free = nil, append(c.free, x)
	}
}

// addFloat gives the result of a step that is quantized, or unread, float32 to be observed, or for what is.
func (p *plan) addFloat(ws *workspace, s *step, of *shown) {
	switch v, y := &p.values[s.out], &ws.values[s.out]; {
	case !of.floats[s.out]:
	case v.from >= 0 && !v.ownFloat:
		y.x = ws.values[v.from].x
	case p.withoutFloat(s.out):
		y.x = ws.floats.take(s.out, v.size.At(ws.batch))
	}
}

// forget drops the float32 of addFloat that step i is the last to read.
func (p *plan) forget(ws *workspace, i int, of *shown) {
	for _, id := range of.ends[i] {
		ws.values[id].x = nil
		ws.floats.put(id)
	}
}

// haveFloats reports whether all of some values are float32, or have it besides.
func (p *plan) haveFloats(ws *workspace, ids []int) bool {
	return !slices.ContainsFunc(ids, func(id int) bool {
		return ws.values[id].x == nil && p.withoutFloat(id)
	})
}
