package ptq

import (
	"cmp"
	"fmt"

	"euryale/calib"
	"euryale/model"
	"euryale/qtensor"
)

// planner gives every weight and every activation its scheme, of what was selected and observed.
type planner interface {
	plan(s selection, seen *calib.Profile) (*plan, error)
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
	params qtensor.Params // of what the layer reads, under StaticInt8
}

// results returns the values that products give.
func (p *plan) results() (names []string) {
	for _, l := range p.layers {
		names = append(names, l.result)
	}
	return names
}

// rangePlanner takes parameters from the range that an estimator makes of what was observed; nil is
// calib.MinMax.
type rangePlanner struct{ estimator calib.RangeEstimator }

func (r rangePlanner) plan(s selection, seen *calib.Profile) (*plan, error) {
	p := &plan{sums: s.sums, inputs: map[string]qtensor.Params{}}
	for _, t := range s.targets {
		l := layerPlan{target: t}
		var err error
		switch {
		case !t.layer() || t.activations != model.StaticInt8:
		case t.fake != nil:
			l.params = paramsOf(t.fake)
		default:
			l.params, err = r.params(seen, t.input())
		}
		if err != nil {
			return nil, fmt.Errorf("layer %q: %w", t.Name, err)
		}
		p.layers = append(p.layers, l)
	}
	for _, v := range s.sums.values {
		h, err := seen.Histogram(v)
		if err == nil && h.NonFinite() == 0 {
			p.inputs[v], err = r.params(seen, v)
		}
		if err != nil {
			return nil, fmt.Errorf("value %q: %w", v, err)
		}
	}
	return p, nil
}

// params returns those of a value of 8 bits.
func (r rangePlanner) params(seen *calib.Profile, value string) (qtensor.Params, error) {
	return seen.Params(value, qtensor.Affine(8), cmp.Or(r.estimator, calib.MinMax()))
}
