package exprgraph_test

import (
	"os"
	"strings"
	"testing"

	"euryale/exprgraph"
	"euryale/internal/ir"
	"euryale/model"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestClosed embeds a model that is closed afterwards: its graph fails.
func TestClosed(t *testing.T) {
	m, err := model.New(&ir.Network{
		Inputs: []ir.Value{{Name: "x", Shape: []int{-1, 2}}}, Outputs: []ir.Value{{Name: "y"}},
		Nodes: []ir.Node{{Op: "Abs", Name: "n", Inputs: []string{"x"}, Output: "y"}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(3, 2), gorgonia.WithName("x"),
		gorgonia.WithInit(gorgonia.Ones()))
	if _, err := exprgraph.Embed(m, map[string]*gorgonia.Node{"x": x}); err != nil {
		t.Fatal(err)
	}
	for _, closed := range []bool{false, true} {
		machine := gorgonia.NewTapeMachine(g)
		err := machine.RunAll() // Gorgonia's error has no Unwrap
		if closed != (err != nil && strings.Contains(err.Error(), os.ErrClosed.Error())) {
			t.Errorf("closed %v: got error %v", closed, err)
		}
		_ = machine.Close()
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}
