package ir_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"euryale/internal/ir"
)

// nodesOf reads nodes as "y = Op a b", each the name of what it gives.
func nodesOf(text string) (nodes []ir.Node) {
	for line := range strings.SplitSeq(text, "; ") {
		f := strings.Fields(line)
		nodes = append(nodes, ir.Node{Op: f[2], Name: f[0], Inputs: f[3:], Output: f[0]})
	}
	return nodes
}

// TestFunctions has networks of x, with the number n and the vector v.
func TestFunctions(t *testing.T) {
	for _, c := range []struct {
		nodes string
		want  map[string]string
	}{
		{"y = Tanh x", map[string]string{"y": "x"}},
		{"s = Sigmoid x; y = Mul x s", map[string]string{"s": "x", "y": "x"}},
		{"a = Add n x; c = Clip a; m = Mul c x; y = Div m n", map[string]string{"a": "x", "c": "x", "m": "x", "y": "x"}},
		{"g = Greater x n; t = Tanh x; y = Where g n t", map[string]string{"g": "x", "t": "x", "y": "x"}},
		{"y = Mul x x", map[string]string{"y": "x"}},
		{"y = Add x v", nil},
		{"y = Add n n", nil},
		{"y = Tanh v", nil},
		{"a = Tanh x; y = Add a v", map[string]string{"a": "x"}},
		{"a = Tanh x; b = Softmax a; c = Exp b; y = Mul c a", map[string]string{"a": "x", "c": "b"}},
		{"f = FakeQuantize x; y = Tanh f", map[string]string{"y": "f"}},
		{"r = Relu x; y = Tanh r", map[string]string{"y": "r"}},
		{"c = Clip x; r = Relu c; y = Tanh r", map[string]string{"y": "r"}},
		{"r = Relu x; y = Mul x r", map[string]string{"r": "x", "y": "x"}},
		{"a = Tanh x; y = Relu a", map[string]string{"a": "x", "y": "x"}},
	} {
		g := &ir.Network{
			Inputs: []ir.Value{{Name: "x", Shape: []int{-1, 2}}}, Nodes: nodesOf(c.nodes), Outputs: []ir.Value{{Name: "y"}},
			Constants: map[string]*ir.Constant{"n": {Shape: []int{1, 1}, Data: []float32{3}}, "v": {Shape: []int{2}, Data: []float32{1, 2}}},
		}
		if got := ir.IndexOf(g).Functions(); !maps.Equal(got, c.want) {
			t.Errorf("%s: got functions %v, want %v", c.nodes, got, c.want)
		}
	}
}

// TestEveryElementwise looks for operations whose result has the size of their operands, and no shape or axis
// that says where elements are, that are no functions, but for Identity.
func TestEveryElementwise(t *testing.T) {
	x := ir.Size{-1, 3}
	for _, d := range ir.Describe() {
		n := ir.Node{Op: d.Name, Name: "y", Inputs: slices.Repeat([]string{"x"}, d.Least), Output: "y"}
		g := &ir.Network{Nodes: []ir.Node{n, {Op: ir.OpAbs, Name: "z", Inputs: []string{"x"}, Output: "z"}}}
		want := false
		for _, first := range []ir.Type{ir.Float32, ir.Bool} {
			in := append([]ir.Operand{{Size: x, Type: first}}, sizes(slices.Repeat([]ir.Size{x}, d.Least-1)...)...)
			_, out, err := ir.Resolve(&n, in)
			want = want || err == nil && slices.Equal(out.Size, x) && !strings.Contains(d.Attributes, "axis") && !strings.Contains(d.Attributes, "shape") && d.Name != ir.OpIdentity
		}
		if got := ir.IndexOf(g).Functions()["y"] == "x"; got != want {
			t.Errorf("%s: is it a function of each element of its operands? got %t, want %t", d.Name, got, want)
		}
	}
}
