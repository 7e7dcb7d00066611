package model_test

import (
	"errors"
	"testing"

	"euryale/internal/flow"
	"euryale/model"
	"euryale/qtensor"
)

// TestNilParts leaves out each part of a graph and of its layers.
func TestNilParts(t *testing.T) {
	w := quantize(t, mlp().Constants["w2"], qtensor.Symmetric(8))
	fc2, empty := map[string]model.Layer{"fc2": {Weight: w}}, map[string]model.Layer{"fc2": {Weight: &qtensor.QTensor{}}}
	count := 0
	for _, c := range []struct {
		name   string
		spoil  func(g *flow.Graph)
		layers map[string]model.Layer
		want   error // nil where it is right
	}{
		{"nothing", func(*flow.Graph) {}, nil, nil},
		{"layers", func(*flow.Graph) {}, map[string]model.Layer{}, nil},
		{"a constant", func(g *flow.Graph) { g.Constants["w3"] = nil }, nil, qtensor.ErrParams},
		{"a constant that is replaced", func(g *flow.Graph) { g.Constants["w2"] = nil }, fc2, qtensor.ErrShape},
		{"a bias", func(g *flow.Graph) { g.Constants["b1"] = nil }, nil, qtensor.ErrParams},
		{"data", func(g *flow.Graph) { g.Constants["w3"].Data = nil }, nil, qtensor.ErrShape},
		{"data of what is replaced", func(g *flow.Graph) { g.Constants["w2"].Data = nil }, fc2, nil},
		{"an empty tensor", func(g *flow.Graph) { g.Constants["w3"] = &flow.Tensor{} }, nil, qtensor.ErrShape},
		{"all constants", func(g *flow.Graph) { g.Constants = nil }, nil, qtensor.ErrParams},
		{"inputs", func(g *flow.Graph) { g.Inputs = nil }, nil, qtensor.ErrParams},
		{"nodes", func(g *flow.Graph) { g.Nodes = nil }, nil, qtensor.ErrParams},
		{"a node", func(g *flow.Graph) { g.Nodes[2] = flow.Node{} }, nil, qtensor.ErrParams},
		{"inputs of a node", func(g *flow.Graph) { g.Nodes[2].Inputs = nil }, nil, qtensor.ErrParams},
		{"inputs of a layer", func(g *flow.Graph) { g.Nodes[2].Inputs = nil }, fc2, qtensor.ErrParams},
		{"the weight of a layer", func(*flow.Graph) {}, map[string]model.Layer{"fc2": {}}, qtensor.ErrParams},
		{"what a weight holds", func(*flow.Graph) {}, empty, qtensor.ErrShape},
		{"the name of a layer", func(*flow.Graph) {}, map[string]model.Layer{"": {Weight: w}}, qtensor.ErrParams},
		{"calls", func(g *flow.Graph) { g.Calls = map[string]*flow.Call{"tanh": nil} }, nil, nil},
		{"a call", func(g *flow.Graph) {
			g.Nodes[3].Op, g.Calls = "Call", map[string]*flow.Call{"tanh": nil}
		}, nil, qtensor.ErrParams},
		{"the code of a call", func(g *flow.Graph) {
			g.Nodes[3].Op, g.Calls = "Call", map[string]*flow.Call{"tanh": {Shape: []int{-1, 16}}}
		}, nil, qtensor.ErrParams},
		{"outputs", func(g *flow.Graph) { g.Outputs = nil }, nil, nil},
		{"the shape of an output", func(g *flow.Graph) { g.Outputs[0].Shape = nil }, nil, nil},
	} {
		count++
		g := mlp()
		c.spoil(g)
		m, err := model.New(g, c.layers)
		if !errors.Is(err, c.want) || (err == nil) != (m != nil) {
			t.Errorf("without %s: got %v, want %v", c.name, err, c.want)
		}
	}
	if m, err := model.New(nil, nil); !errors.Is(err, qtensor.ErrParams) || m != nil {
		t.Errorf("without a graph: got %v, want ErrParams", err)
	}
	t.Logf("%d graphs", count+1)
}
