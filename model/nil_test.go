package model_test

import (
	"errors"
	"testing"

	"euryale/internal/ir"
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
		spoil  func(g *ir.Network)
		layers map[string]model.Layer
		want   error // nil where it is right
	}{
		{"nothing", func(*ir.Network) {}, nil, nil},
		{"layers", func(*ir.Network) {}, map[string]model.Layer{}, nil},
		{"a constant", func(g *ir.Network) { g.Constants["w3"] = nil }, nil, qtensor.ErrParams},
		{"a constant that is replaced", func(g *ir.Network) { g.Constants["w2"] = nil }, fc2, qtensor.ErrShape},
		{"a bias", func(g *ir.Network) { g.Constants["b1"] = nil }, nil, qtensor.ErrParams},
		{"data", func(g *ir.Network) { g.Constants["w3"].Data = nil }, nil, qtensor.ErrShape},
		{"data of what is replaced", func(g *ir.Network) { g.Constants["w2"].Data = nil }, fc2, nil},
		{"an empty tensor", func(g *ir.Network) { g.Constants["w3"] = &ir.Constant{} }, nil, qtensor.ErrShape},
		{"all constants", func(g *ir.Network) { g.Constants = nil }, nil, qtensor.ErrParams},
		{"inputs", func(g *ir.Network) { g.Inputs = nil }, nil, qtensor.ErrParams},
		{"nodes", func(g *ir.Network) { g.Nodes = nil }, nil, qtensor.ErrParams},
		{"a node", func(g *ir.Network) { g.Nodes[2] = ir.Node{} }, nil, qtensor.ErrParams},
		{"inputs of a node", func(g *ir.Network) { g.Nodes[2].Inputs = nil }, nil, qtensor.ErrParams},
		{"inputs of a layer", func(g *ir.Network) { g.Nodes[2].Inputs = nil }, fc2, qtensor.ErrParams},
		{"the weight of a layer", func(*ir.Network) {}, map[string]model.Layer{"fc2": {}}, qtensor.ErrParams},
		{"what a weight holds", func(*ir.Network) {}, empty, qtensor.ErrShape},
		{"the name of a layer", func(*ir.Network) {}, map[string]model.Layer{"": {Weight: w}}, qtensor.ErrParams},
		{"code", func(g *ir.Network) { g.Nodes[3].Op = "Foreign" }, nil, qtensor.ErrParams},
		{"outputs", func(g *ir.Network) { g.Outputs = nil }, nil, nil},
		{"the shape of an output", func(g *ir.Network) { g.Outputs[0].Shape = nil }, nil, nil},
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
