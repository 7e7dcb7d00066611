package exprgraph

import (
	"fmt"
	"runtime/debug"
	"testing"

	"euryale/internal/ir"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestReadDeep: chains of any length take a bounded stack. Gorgonia's own time grows with the square of the
// nodes.
func TestReadDeep(t *testing.T) {
	defer func(old int) { deepest = old }(deepest)
	deepest = 500
	defer debug.SetMaxStack(debug.SetMaxStack(4 << 20)) // a longer one ends the process
	deep := 5000
	if testing.Short() {
		deep = 1000
	}
	for name, link := range map[string]func(i int, h node) node{
		"functions": func(_ int, h node) node { return must(gorgonia.Tanh(h)) },
		"all kinds": func(i int, h node) node {
			switch i % 8 {
			case 0:
				return must(gorgonia.Add(h, must(gorgonia.Tanh(h))))
			case 1:
				return must(gorgonia.Reshape(h, tensor.Shape{h.Shape()[0], 1, 2}))
			case 2:
				return must(gorgonia.Reshape(h, tensor.Shape{h.Shape()[0], 2}))
			case 3:
				return must(gorgonia.Rectify(h))
			case 4:
				return must(gorgonia.Log1p(must(gorgonia.Square(h)))) // a call
			case 5:
				return must(gorgonia.Dropout(h, 0.5))
			case 6:
				return must(gorgonia.Transpose(h, 1, 0))
			}
			return must(gorgonia.Transpose(h, 1, 0))
		},
	} {
		build := func(batch int) Graph {
			g := gorgonia.NewGraph()
			x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName("x"), gorgonia.WithShape(batch, 2))
			h := x
			for i := range deep {
				h = link(i, h)
			}
			return source(x, must(gorgonia.Tanh(h)))
		}
		s := build(batchA)
		n, err := readNetwork(func(batch int) (Graph, error) {
			if batch == batchA {
				return s, nil
			}
			return build(batch), nil
		}, false)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		in := []float32{0.1, -0.2, 0.3, 0.4}
		want, err := evaluate(t.Context(), s, [][]float32{in})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := interpret(n.folded, &ir.Constant{Shape: []int{2, 2}, Data: in})
		if err != nil || !(far(got[0].Data, want[0]) < 1e-4) {
			t.Errorf("%s: got %v, error %v, want %v", name, got, err, want)
		}
	}
}

func TestNamesTake(t *testing.T) {
	n := names{}
	var got []string
	for _, base := range []string{"a", "a_3", "a", "a", "a", "a_3", "", "a_3_2"} {
		got = append(got, n.take(base, "none"))
	}
	if want := "[a a_3 a_2 a_4 a_5 a_3_2 none a_3_2_2]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
