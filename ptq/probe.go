package ptq

import (
	"context"
	"math"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"
)

// probe is the float network with a quantized layer beside each of its products, on the same activations, and
// what the two differ by, with outputs along the last axis.
type probe struct {
	model   *model.Model
	layers  []*measured
	results map[string]*measured // by the float value
	errors  map[string]*measured // by the value of the difference
	names   []string             // of both
	samples int
}

// newProbe returns the probe of the layers that have no reason to stay as they are.
func newProbe(net *network, p *plan, weights map[string]*qtensor.QTensor, list map[string]*correction) (*probe, error) {
	of := &probe{results: map[string]*measured{}, errors: map[string]*measured{}}
	plans, layers := map[string]layerPlan{}, map[string]model.Layer{}
	for _, l := range p.layers {
		plans[l.Name] = l
	}
	g, taken := net.without(nil), net.taken()
	nodes := g.Nodes
	g.Nodes = nil
	add := func(n ir.Node) (name string) {
		for taken[n.Name] {
			n.Name += "~"
		}
		taken[n.Name], n.Output = true, n.Name
		g.Nodes = append(g.Nodes, n)
		return n.Name
	}
	for _, n := range nodes {
		g.Nodes = append(g.Nodes, n)
		c := list[n.Name]
		if c == nil || c.reason != "" {
			continue
		}
		twin := n
		twin.Name += "~quantized"
		name := add(twin)
		layers[name] = plans[n.Name].quantized(weights)
		errors := add(ir.Node{Op: ir.OpSub, Name: n.Name + "~error", Inputs: []string{n.Output, name}})
		if n.Op == ir.OpConv {
			errors = add(ir.Node{Op: ir.OpTranspose, Name: n.Name + "~last", Inputs: []string{errors}, Perm: []int{0, 2, 3, 1}})
		}
		m := newMeasured(c, plans[n.Name].outputs())
		of.layers = append(of.layers, m)
		of.results[n.Output], of.errors[errors] = m, m
		of.names = append(of.names, n.Output, errors)
	}
	var err error
	of.model, err = model.New(g, layers, model.WithMemoryLimit(math.MaxInt64)) // the limit is for the user's models
	return of, err
}

// observe adds what layers are off by on a sample.
func (p *probe) observe(ctx context.Context, s Sample) error {
	defer func() { p.samples++ }()
	return p.model.ObserveNamed(ctx, s, p.names, func(name string, x []float32) error {
		if m := p.results[name]; m != nil {
			m.addResult(x)
		}
		if m := p.errors[name]; m != nil {
			m.addError(x, p.samples)
		}
		return nil
	})
}
