package model

import (
	"time"

	"euryale/internal/ir"
	"euryale/internal/kernel"
)

// work is what takes time: products of layers, products of float32, elements that layers read or give, and
// other operations on float32.
type work struct{ products, chains, elements, floats float64 }

// floatRate is about how many operations on float32 a thread makes a second.
const floatRate = 1e9

// costOfElement is about how many operations an element of an elementwise op takes at most, such as a power.
const costOfElement = 20

// seconds returns about how long one thread takes.
func (w work) seconds() float64 {
	set := kernel.Current()
	return w.products/set.Rate + w.chains/set.FloatRate + w.elements/set.QuantizeRate + w.floats/floatRate
}

// add adds other work, so many times.
func (w *work) add(other work, times float64) {
	w.products += float64(other.products * times)
	w.chains += float64(other.chains * times)
	w.elements += float64(other.elements * times)
	w.floats += float64(other.floats * times)
}

// long reports whether a run of a batch may take longer than its caller may be kept waiting. A run that is
// split for its outputs checks the context between its tasks.
func (p *plan) long(batch int, outputs bool) bool {
	if p.foreign || !p.ready.Load() {
		return true
	}
	if sample := p.sample.seconds(); outputs && sample > 0 && sample <= longest {
		return false
	}
	return p.seconds(batch) > longest
}

// seconds returns about how long one thread takes for a batch at most.
func (p *plan) seconds(batch int) float64 {
	all := p.fixed
	all.add(p.perSample, float64(batch))
	return all.seconds()
}

// expected returns about how long one thread takes for a batch.
func (p *plan) expected(batch int) time.Duration {
	seconds := p.seconds(batch)
	if p.sample != (work{}) {
		seconds = float64(batch) * p.sample.seconds()
	}
	return time.Duration(seconds * 1e9)
}

// measureWork sets the work of a run.
func (p *plan) measureWork() {
	for _, id := range p.inputs {
		p.count(id, work{floats: costOfElement * float64(p.values[id].size.Elements())})
	}
	for i := range p.steps {
		s := &p.steps[i]
		p.count(s.out, p.workOf(s))
		p.foreign = p.foreign || s.node.Foreign != nil
	}
}

// count adds the work on a value of a batch of one.
func (p *plan) count(id int, w work) {
	if p.values[id].size.PerBatch() {
		p.perSample.add(w, 1)
	} else {
		p.fixed.add(w, 1)
	}
}

// depthwiseCost is about how many products take as long as one product of a depthwise convolution.
const depthwiseCost = 12

// workOf returns the work of a step for a batch of one.
func (p *plan) workOf(s *step) (w work) {
	out := float64(p.values[s.out].size.Elements())
	in := 0.0
	for _, id := range s.in {
		in += float64(p.values[id].size.Elements())
	}
	first := p.values[s.in[0]].size
	switch {
	case s.layer != nil:
		w.products, w.elements = out*float64(s.depth), in+out
		if s.depth < 16 {
			w.products *= depthwiseCost
		}
	case s.function != nil:
		w.elements = in + out
	case s.embedding != nil || s.op.kernel == nil:
		w.floats = out
	case s.node.Op == ir.OpGemm || s.node.Op == ir.OpMatMul:
		w.chains, w.floats = out*float64(first[len(first)-1]), in+out // negative for a batch there, which rules refuse
	case s.node.Op == ir.OpConv:
		shape := p.values[s.in[1]].size
		w.chains, w.floats = out*float64(shape.Elements()/shape[0]), in+out
	default:
		window := float64(s.node.Windows.Kernel[0]) * float64(s.node.Windows.Kernel[1]) // 0 where there is none
		w.floats = float64(costOfElement*(in+out)) + float64(out*window)
	}
	return w
}
