package ir

import (
	"strings"
	"testing"
)

// TestCheck spoils a graph that is right.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(g *Network)
		want  string // in the error, none for ""
	}{
		{"right", func(*Network) {}, ""},
		{"input named as a constant", func(g *Network) { g.Inputs[0].Name = "w" }, `input "w"`},
		{"input without a name", func(g *Network) { g.Inputs[0].Name = "" }, `input ""`},
		{"input whose name is no text", func(g *Network) { g.Inputs[0].Name = "\xff" }, `input "\xff": the name is not UTF-8`},
		{"constant whose name is no text", func(g *Network) { g.Constants["gr\xf6\xdfe"] = g.Constants["w"] }, "not UTF-8"},
		{"node whose name is no text", func(g *Network) { g.Nodes[0].Name = "a\xc3" }, "not UTF-8"},
		{"value whose name is no text", func(g *Network) {
			g.Nodes[1].Output = "\xed\xa0\x80"
			g.Outputs[0].Name = g.Nodes[1].Output
		}, "not UTF-8"},
		{"two nodes of a name", func(g *Network) { g.Nodes[1].Name = "first" }, `node "first"`},
		{"node without a name", func(g *Network) { g.Nodes[0].Name = "" }, `node ""`},
		{"value made twice", func(g *Network) { g.Nodes[1].Output = "h" }, `"h"`},
		{"value of a later node", func(g *Network) { g.Nodes[0].Inputs[0] = "y" }, `no input "y"`},
		{"output that nothing makes", func(g *Network) { g.Outputs[0].Name = "z" }, `no output "z"`},
	} {
		g := &Network{
			Inputs:    []Value{{Name: "x", Shape: []int{Batch, 2}}},
			Outputs:   []Value{{Name: "y"}},
			Nodes:     []Node{{Op: "Gemm", Name: "first", Inputs: []string{"x", "w"}, Output: "h"}, {Op: "Relu", Name: "second", Inputs: []string{"h"}, Output: "y"}},
			Constants: map[string]*Constant{"w": {Shape: []int{2, 2}, Data: make([]float32, 4)}},
		}
		c.spoil(g)
		err := g.Check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", c.name, err, c.want)
		}
	}
}
