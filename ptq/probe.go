package ptq

import (
	"context"
	"math"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"
)

// probe is the float network with a quantized layer beside each of its products, on the same activations, and
// an operation that measures what the two differ by.
type probe struct {
	model   *model.Model
	layers  []*measured
	samples int
}

// difference is the operation that reads the result of a product and that of its quantized layer.
type difference struct {
	of     *measured
	images bool // of channels, else outputs lie along the last axis
	probe  *probe
}

func (d *difference) String() string { return "what a quantized layer is off by" }

// Shape returns that of a result that nothing reads.
func (d *difference) Shape([][]int) ([]int, error) { return []int{1}, nil }

// Run is called by the one run that there is at a time.
func (d *difference) Run(_ context.Context, _ int, in []model.Array) (model.Array, error) {
	float, quantized, pixels := in[0], in[1], 1
	if d.images {
		pixels = float.Shape[2] * float.Shape[3]
	}
	d.of.addResult(float.Data)
	d.of.addError(float.Data, quantized.Data, pixels, d.probe.samples)
	return model.Array{Shape: []int{1}, Data: []float32{0}}, nil
}

// newProbe returns the probe of the layers that have no reason to stay as they are.
func newProbe(net *network, p *plan, weights map[string]*qtensor.QTensor, list map[string]*correction) (*probe, error) {
	of := &probe{}
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
		m := newMeasured(c, plans[n.Name].outputs())
		add(ir.Node{
			Op: ir.OpForeign, Name: n.Name + "~error", Inputs: []string{n.Output, name},
			Foreign: &difference{m, n.Op == ir.OpConv, of},
		})
		of.layers = append(of.layers, m)
	}
	var err error
	of.model, err = model.New(g, layers, model.WithMemoryLimit(math.MaxInt64)) // the limit is for the user's models
	return of, err
}

// observe adds what layers are off by on a sample.
func (p *probe) observe(ctx context.Context, s Sample) error {
	defer func() { p.samples++ }()
	return p.model.ObserveNamed(ctx, s, nil, func(string, []float32) error { return nil })
}
