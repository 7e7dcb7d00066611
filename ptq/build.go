package ptq

import (
	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"
)

// builder makes the quantized model of a plan, of the quantized weights of its layers by name, and of what is
// added to their biases.
type builder interface {
	build(net *network, p *plan, weights map[string]*qtensor.QTensor, biases corrections) (*built, error)
}

// built is a quantized model, and what became of the network.
type built struct {
	model    *model.Model
	network  *ir.Network            // that the model runs
	layers   map[string]model.Layer // by node
	absorbed map[string]string      // what FakeQuantizes that layers do themselves read, by what they give
}

// modelBuilder puts layers in the place of products, and takes away the FakeQuantizes that they do
// themselves; it inserts those that keep sums between layers quantized.
type modelBuilder struct{}

func (modelBuilder) build(net *network, p *plan, weights map[string]*qtensor.QTensor, biases corrections) (*built, error) {
	b := &built{layers: map[string]model.Layer{}}
	for _, l := range p.layers {
		if l.layer() {
			b.layers[l.Name] = l.quantized(weights)
		}
	}
	b.absorbed = net.absorbed(b.layers)
	g := net.without(b.absorbed)
	biases.apply(g, net.taken())
	var err error
	b.model, b.network, err = p.sums.quantized(g, b.layers, p.inputs)
	return b, err
}
