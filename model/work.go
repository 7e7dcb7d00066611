package model

import (
	"euryale/internal/ir"
	"euryale/internal/kernel"
)

// work is what takes time: products of layers, elements that layers read or give, and operations on float32.
type work struct{ products, elements, floats float64 }

// floatRate is about how many operations on float32 a thread makes a second.
const floatRate = 1e9

// costOfElement is about how many operations an element of an elementwise op takes at most, such as a power.
const costOfElement = 20

// seconds returns about how long one thread takes.
func (w work) seconds() float64 {
	set := kernel.Current()
	return w.products/set.Rate + w.elements/set.QuantizeRate + w.floats/floatRate
}

// add adds other work, so many times.
func (w *work) add(other work, times float64) {
	w.products += float64(other.products * times)
	w.elements += float64(other.elements * times)
	w.floats += float64(other.floats * times)
}

// long reports whether a run of a batch may take longer than its caller may be kept waiting. A run that is
// split for its outputs checks the context between its tasks.
func (m *Model) long(batch int, outputs bool) bool {
	if m.calls || !m.ready.Load() {
		return true
	}
	if sample := m.sample.seconds(); outputs && sample > 0 && sample <= longest {
		return false
	}
	all := m.fixed
	all.add(m.perSample, float64(batch))
	return all.seconds() > longest
}

// measureWork sets the work of a run.
func (m *Model) measureWork() {
	for _, id := range m.inputs {
		m.count(id, work{floats: costOfElement * float64(m.values[id].size.elements())})
	}
	for i := range m.steps {
		s := &m.steps[i]
		m.count(s.out, m.workOf(s))
		m.calls = m.calls || s.call != nil
	}
}

// count adds the work on a value of a batch of one.
func (m *Model) count(id int, w work) {
	if m.values[id].size.perBatch() {
		m.perSample.add(w, 1)
	} else {
		m.fixed.add(w, 1)
	}
}

// depthwiseCost is about how many products take as long as one product of a depthwise convolution.
const depthwiseCost = 12

// workOf returns the work of a step for a batch of one.
func (m *Model) workOf(s *step) (w work) {
	out := float64(m.values[s.out].size.elements())
	in := 0.0
	for _, id := range s.in {
		in += float64(m.values[id].size.elements())
	}
	first := m.values[s.in[0]].size
	switch {
	case s.layer != nil:
		w.products, w.elements = out*float64(s.depth), in+out
		if s.depth < 16 {
			w.products *= depthwiseCost
		}
	case s.embedding != nil || s.op.kernel == nil:
		w.floats = out
	case s.node.Op == ir.OpGemm || s.node.Op == ir.OpMatMul:
		w.floats = out * float64(first[len(first)-1]) // negative for a batch there, which rules refuse
	case s.node.Op == ir.OpConv:
		shape := m.values[s.in[1]].size
		w.floats = out * (costOfElement + float64(shape.elements()/shape[0]))
	default:
		window := float64(s.node.windows.kernel[0]) * float64(s.node.windows.kernel[1]) // 0 where there is none
		w.floats = float64(costOfElement*(in+out)) + float64(out*window)
	}
	return w
}
