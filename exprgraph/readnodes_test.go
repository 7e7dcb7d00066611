package exprgraph

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"euryale/internal/ir"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// settingsOf names the batch axes of a network's inputs, which two builds tell.
func settingsOf(t *testing.T, build Build) (s readSettings) {
	t.Helper()
	a, err := build.at(batchA)
	if err != nil {
		t.Fatal(err)
	}
	b, err := build.at(batchB)
	if err != nil {
		t.Fatal(err)
	}
	s.batchAxes, s.calls = map[string]int{}, true
	for i, n := range a.Inputs {
		s.batchAxes[nameOf(n)] = slices.Index(pair{n, b.Inputs[i], nil}.shape(), ir.Batch)
	}
	return s
}

// readAt returns the network of nodes of a graph that was built for a batch.
func readAt(t *testing.T, build Build, batch int) (*network, error) {
	t.Helper()
	s := settingsOf(t, build)
	g, err := build.at(batch)
	if err != nil {
		t.Skip(err)
	}
	n := &nodes{graph: g}
	return n.read(s)
}

func jsonOf(t *testing.T, g *ir.Network) string {
	t.Helper()
	var all []any
	for _, n := range g.Nodes {
		all = append(all, n)
	}
	b, err := json.Marshal(append(all, g.Inputs, g.Outputs, g.Constants))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestReadNodes reads the networks from a graph of one batch: they are those that two builds give, and so run
// at any other.
func TestReadNodes(t *testing.T) {
	for _, c := range slices.Concat(networks, constants) {
		for _, batch := range []int{2, 3, 4, 5, 7, 12} {
			t.Run(fmt.Sprintf("%s/%d", c.name, batch), func(t *testing.T) {
				z := zoo{dt: tensor.Float32, weights: map[string]*tensor.Dense{}}
				build := Build(z.build(c.net))
				want, err := readNetwork(build, false)
				if err != nil {
					t.Fatal(err)
				}
				got, err := readAt(t, build, batch)
				if err != nil {
					t.Fatal(err)
				}
				if a, b := jsonOf(t, got.folded), jsonOf(t, want.folded); a != b {
					t.Errorf("got %.2000s\nwant %.2000s", a, b)
				}
			})
		}
	}
}

// batched are networks that take the batch axis apart, which two builds do not tell, with their outputs for
// each sample.
var batched = []netCase{
	{"parts of the batch axis", func(z *zoo) Graph { // of the rows of three steps, step after step
		x := z.input("x", 3*z.batch, 4)
		h := must(gorgonia.Mul(x, z.weight("w", 4, 5)))
		first := must(gorgonia.Slice(h, gorgonia.S(0, z.batch)))
		last := must(gorgonia.Slice(h, gorgonia.S(2*z.batch, 3*z.batch)))
		return source(x, must(gorgonia.Sub(last, must(gorgonia.Tanh(first)))))
	}, []string{"Gemm", "Reshape", "Slice", "Reshape", "Reshape", "Slice", "Reshape", "Tanh", "Sub"}},
	{"rows of rows", func(z *zoo) Graph {
		x := z.input("x", 6*z.batch, 2)
		pairs := must(gorgonia.Reshape(x, tensor.Shape{3 * z.batch, 4}))
		return Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{
			must(gorgonia.Mul(must(gorgonia.Reshape(pairs, tensor.Shape{z.batch, 12})), z.weight("w", 12, 3))), must(gorgonia.Tanh(pairs)),
		}}
	}, nil},
	{"joined and taken apart", func(z *zoo) Graph {
		x, y := z.input("x", z.batch, 4), z.input("y", z.batch, 4)
		h := must(gorgonia.Mul(must(gorgonia.Concat(0, x, y, x)), z.weight("w", 4, 3)))
		parts, err := gorgonia.Unconcat(h, 0, 3)
		if err != nil {
			panic(err)
		}
		return Graph{Inputs: gorgonia.Nodes{x, y}, Outputs: gorgonia.Nodes{must(gorgonia.Sub(parts[0], parts[1])), parts[2]}}
	}, nil},
}

func TestReadNodesOfParts(t *testing.T) {
	for _, c := range batched {
		for _, batch := range []int{2, 3, 4, 7} {
			t.Run(fmt.Sprintf("%s/%d", c.name, batch), func(t *testing.T) {
				z := zoo{dt: tensor.Float32, weights: map[string]*tensor.Dense{}}
				n, err := readAt(t, z.build(c.net), batch)
				if err != nil {
					t.Fatal(err)
				}
				for _, b := range []int{2, 5, 6} {
					compare(t, &z, c.net, n.read, b)
					compare(t, &z, c.net, n.folded, b)
				}
				var ops []string
				for _, node := range n.folded.Nodes {
					ops = append(ops, node.Op)
				}
				if c.ops != nil && !slices.Equal(ops, c.ops) {
					t.Errorf("got ops %v, want %v", ops, c.ops)
				}
			})
		}
	}
}

// TestReadNodesOfOne reads graphs of a batch of one, as far as position tells what is the batch.
func TestReadNodesOfOne(t *testing.T) {
	for _, c := range slices.Concat(networks, constants) {
		t.Run(c.name, func(t *testing.T) {
			z := zoo{dt: tensor.Float32, weights: map[string]*tensor.Dense{}}
			n, err := readAt(t, z.build(c.net), 1)
			if errors.Is(err, ErrUnsupported) {
				t.Log(err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range []int{2, 5} {
				compare(t, &z, c.net, n.folded, b)
			}
		})
	}
}
