package exprgraph

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"euryale/model"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// mixed is a graph of ops that a model has and ops that it has not: three sums of rows of images, of which one
// reads another, a sum over the batch, and a weight without a value.
func mixed(missing bool) func(z *zoo) Graph {
	return func(z *zoo) Graph {
		x := z.input("x", z.batch, 3, 4, 5)
		rows := must(gorgonia.Sum(x, 2))
		h := must(gorgonia.Sum(must(gorgonia.Tanh(x)), 2))
		again := must(gorgonia.Sum(must(gorgonia.Reshape(h, tensor.Shape{z.batch, 3, 5, 1})), 2))
		outputs := gorgonia.Nodes{must(gorgonia.Sigmoid(rows)), again, must(gorgonia.Sum(rows, 0))}
		if missing {
			outputs = append(outputs, must(gorgonia.Mul(must(gorgonia.Reshape(x, tensor.Shape{z.batch, 60})), z.input("forgotten", 60, 2))))
		}
		return Graph{Inputs: gorgonia.Nodes{x}, Outputs: outputs}
	}
}

// TestReadListsRefusals reads a graph of which several nodes cannot be read: the error has them all, and not what
// only follows from them.
func TestReadListsRefusals(t *testing.T) {
	z := zoo{dt: tensor.Float32, weights: map[string]*tensor.Dense{}}
	for _, c := range []struct {
		name    string
		missing bool
		opts    []ReadOption
		says    []string
		not     []string
	}{
		{"without calls", true, nil, []string{
			": 5 nodes: ", "2 of op gorgonia.sumOp Σ[2], as node", "1 of op gorgonia.sumOp Σ[2], as node", "1 of op gorgonia.sumOp Σ[0]", `"forgotten"`, "AllowGorgonia keeps 4",
		}, []string{"Sigmoid", "sigmoid"}},
		{"with calls", true, []ReadOption{AllowGorgonia()}, []string{`"forgotten"`, "no value"}, []string{"sumOp", "AllowGorgonia", " nodes: "}},
		{"nothing missing", false, nil, []string{": 4 nodes: "}, []string{"forgotten"}},
	} {
		_, _, err := ReadBuild(t.Context(), z.build(mixed(c.missing)), c.opts...)
		if !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: got error %v, want ErrUnsupported", c.name, err)
			continue
		}
		for _, part := range c.says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: got error %v, want it to say %q", c.name, err, part)
			}
		}
		for _, part := range c.not {
			if strings.Contains(err.Error(), part) {
				t.Errorf("%s: got error %v, want it not to say %q", c.name, err, part)
			}
		}
	}
}

// TestAllowGorgonia keeps what a model has not as calls, which no file holds.
func TestAllowGorgonia(t *testing.T) {
	z := zoo{dt: tensor.Float32, weights: map[string]*tensor.Dense{}}
	build := z.build(mixed(false))
	m, r, err := ReadBuild(t.Context(), build, AllowGorgonia())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Calls) != 4 || !strings.Contains(fmt.Sprint(r), "called in Gorgonia: ") {
		t.Errorf("got calls %q, want four", r.Calls)
	}
	if err := m.Save(t.TempDir() + "/model"); !errors.Is(err, model.ErrForeign) {
		t.Errorf("Save: got error %v, want ErrForeign", err)
	}
	g, err := build(5)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Read(t.Context(), g.Inputs, g.Outputs[:2]); !errors.Is(err, ErrUnsupported) || !strings.Contains(fmt.Sprint(err), ": 3 nodes: ") {
		t.Errorf("Read: got error %v, want ErrUnsupported of three nodes", err)
	}
	if _, r, err := Read(t.Context(), g.Inputs, g.Outputs[:2], AllowGorgonia()); err != nil || len(r.Calls) != 3 {
		t.Errorf("Read with calls: got %v, error %v, want three calls", r, err)
	}
}
