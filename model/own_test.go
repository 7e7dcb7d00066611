package model_test

import (
	"bytes"
	"reflect"
	"testing"
)

// TestOwnLists makes models of graphs: New leaves those as they are, and what becomes of them later does not
// show.
func TestOwnLists(t *testing.T) {
	for _, net := range networks {
		g, same := net.graph(), net.graph()
		g.Outputs[0].Shape, same.Outputs[0].Shape = nil, nil // which New finds
		m := newModel(t, g, nil)
		if !reflect.DeepEqual(g, same) {
			t.Errorf("%s: New changes the graph", net.name)
		}
		file := bytesOf(t, m)
		for i := range g.Nodes {
			n := &g.Nodes[i]
			n.Op, n.Name, n.Output, n.Inputs[0] = "", "", "", ""
			for _, list := range [][]int{n.Kernel, n.Strides, n.Pads, n.Perm, n.Shape, n.Axes} {
				clear(list)
			}
		}
		g.Inputs[0].Name, g.Outputs[0].Name = "", ""
		clear(g.Inputs[0].Shape)
		if !bytes.Equal(bytesOf(t, m), file) {
			t.Errorf("%s: a change of the graph changes the model", net.name)
		}
	}
}
