package ptq

import (
	"fmt"

	"euryale/model"
	"euryale/qtensor"
)

// planner gives every weight and every activation its scheme, of what was selected and observed.
type planner interface {
	plan(s selection, seen collected) (*plan, error)
}

// plan is a scheme for each weight, and quantization parameters for each static activation.
type plan struct {
	layers []layerPlan // all products of the network, in order
	sums   sums
	inputs map[string]qtensor.Params // by value: of what sums read
}

// layerPlan is what becomes of a product.
type layerPlan struct {
	target
	params    qtensor.Params // of what the layer reads, under StaticInt8
	estimator string         // that made its range

	importance []float32 // of the elements of a channel of the weight, or nil
}

// quantized returns the layer in the place of a product, of the quantized weights by name.
func (l layerPlan) quantized(weights map[string]*qtensor.QTensor) model.Layer {
	return model.Layer{Weight: weights[l.Name], Activations: l.activations, Params: l.params}
}

// outputs returns the number of outputs of a layer.
func (l layerPlan) outputs() int { return l.weight.Shape[l.ChannelAxis()] }

// results returns the values that products give.
func (p *plan) results() (names []string) {
	for _, l := range p.layers {
		names = append(names, l.result)
	}
	return names
}

// read returns the values that products read, but their weights.
func (p *plan) read() (names []string) {
	for _, l := range p.layers {
		names = append(names, l.input())
	}
	return names
}

// rangePlanner takes parameters from the ranges that estimators make of what was observed.
type rangePlanner struct{}

func (rangePlanner) plan(s selection, seen collected) (*plan, error) {
	p := &plan{sums: s.sums, inputs: map[string]qtensor.Params{}}
	for _, t := range s.targets {
		l := layerPlan{target: t, importance: seen.moments.importance(t.input())}
		var err error
		switch {
		case t.estimated():
			l.estimator = t.estimator.String()
			l.params, err = seen.params(t.input(), t.estimator)
		case t.layer() && t.activations == model.StaticInt8:
			l.params = paramsOf(t.fake)
		}
		if err != nil {
			return nil, fmt.Errorf("layer %q: %w", t.Name, err)
		}
		p.layers = append(p.layers, l)
	}
	for _, v := range s.sums.values {
		h, err := seen.profile.Histogram(v)
		if err == nil && h.NonFinite() == 0 {
			p.inputs[v], err = seen.params(v, s.estimator)
			if err == nil {
				p.inputs[v], err = s.sums.narrowed(v, p.inputs[v])
			}
		}
		if err != nil {
			return nil, fmt.Errorf("value %q: %w", v, err)
		}
	}
	return p, nil
}
