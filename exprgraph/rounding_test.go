package exprgraph

import (
	"errors"
	"math"
	"slices"
	"testing"

	"euryale/internal/dense"
	"euryale/internal/ir"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// cancelling are graphs whose outputs for ones are what rounding leaves of larger terms, with their weights.
var cancelling = map[string]struct {
	weights map[string][]float64
	net     func(z *zoo) Graph
}{
	"a product": {map[string][]float64{"w": {0.1, 0.7, -0.8}}, func(z *zoo) Graph {
		x := z.input("x", z.batch, 3)
		return source(x, must(gorgonia.Mul(x, z.weight("w", 3, 1))))
	}},
	"a product with a function": {
		map[string][]float64{"w": {0.5, 0.5, 0.5, 0.1, 0.1, 0.1, -0.7, -0.7, -0.7}, "v": {0.3, 0.7, -1}},
		func(z *zoo) Graph {
			x := z.input("x", z.batch, 3)
			return source(x, must(gorgonia.Mul(must(gorgonia.Tanh(must(gorgonia.Mul(x, z.weight("w", 3, 3))))), z.weight("v", 3, 1))))
		},
	},
	"a difference of products, and its square": {
		map[string][]float64{"w": {0.3, 0.1, 0.2, 0.4, 0.1, 0.3}, "v": {0.6, 0.9, 0.1, -0.2, -0.1, 0.1}},
		func(z *zoo) Graph {
			x := z.input("x", z.batch, 3)
			y := must(gorgonia.Sub(must(gorgonia.Mul(x, z.weight("w", 3, 2))), must(gorgonia.Mul(x, z.weight("v", 3, 2)))))
			return Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{y, must(gorgonia.Square(y))}}
		},
	},
}

// TestRounds: where terms cancel, and Gorgonia computes in float64, a model is what was read, though no digit
// of its outputs is; with one element of a weight of another sign, or off by 1e-4, or a weight transposed, it
// is not.
func TestRounds(t *testing.T) {
	count := 0
	for name, net := range cancelling {
		z := zoo{dt: tensor.Float64, weights: map[string]*tensor.Dense{}}
		for key, x := range net.weights {
			columns := len(x) / 3
			z.weights[key] = tensor.New(tensor.WithShape(3, columns), tensor.WithBacking(slices.Clone(x)))
		}
		build := Build(z.build(net.net))
		sqnr := func(change func(g *ir.Network)) (float64, error) {
			n, err := readNetwork(build, false)
			if err != nil {
				t.Fatal(err)
			}
			change(n.folded)
			c, err := newComparison(n)
			if err != nil {
				t.Fatal(err)
			}
			c.gorgonia = byBuild(build, n.folded)
			_, err = c.with(t.Context(), map[string]tensor.Tensor{"x": dense.New([]float32{1, 1, 1}, tensor.Shape{1, 3})})
			return c.report.Outputs[0].FoldedSQNR, err
		}
		if db, err := sqnr(func(*ir.Network) {}); err != nil || !(db < leastRead) {
			t.Errorf("%s: got %v dB and error %v, want fewer than %d, and none", name, db, err, leastRead)
		}
		for key, x := range net.weights {
			faults := map[string]func(data []float32){"transposed": func(data []float32) {
				copy(data, transposed(data, []int{3, len(x) / 3}, []int{1, 0}))
			}}
			if len(x) == 3 {
				delete(faults, "transposed")
			}
			for i := range x {
				if x[i] != 0 {
					faults["sign"] = func(data []float32) { data[i] *= -1 }
					faults["off"] = func(data []float32) { data[i] *= 1 + 1e-4 }
				}
				for fault, change := range faults {
					count++
					db, err := sqnr(func(g *ir.Network) {
						c := *g.Constants[key]
						c.Data = slices.Clone(c.Data)
						change(c.Data)
						g.Constants[key] = &c
					})
					if !errors.Is(err, ErrMismatch) {
						t.Errorf("%s: element %d of %s, %s: got %v dB and error %v, want ErrMismatch", name, i, key, fault, db, err)
					}
				}
			}
		}
	}
	t.Logf("%d faults", count)
}

// TestSpread: between disturbances a sum moves by about 110 dB of its terms, whatever it is; what jumps at
// whole numbers moves by as much of itself alone, but for few; and sizes stay whole.
func TestSpread(t *testing.T) {
	const n = 64
	signs := make([]float32, n)
	for i := range signs {
		signs[i] = 1 - 2*float32(i%2)
	}
	for _, terms := range []float32{1e-3, 1, 1e3} {
		z := zoo{dt: tensor.Float32, weights: map[string]*tensor.Dense{
			"w": dense.New(slices.Clone(signs), tensor.Shape{n, 1}), "row": dense.New([]float32{1}, tensor.Shape{1, 1}),
		}}
		build := Build(z.build(func(z *zoo) Graph {
			x := z.input("x", z.batch, n)
			sum := must(gorgonia.Mul(x, z.weight("w", n, 1)))
			jumps := must(gorgonia.Floor(must(gorgonia.HadamardProd(x, z.scalar(1/float64(terms))))))
			two := must(gorgonia.Slice(x, nil, gorgonia.S(0, 2)))
			column := must(gorgonia.BroadcastHadamardProd(two, z.weight("row", 1, 1), nil, []byte{0, 1}))
			return Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{sum, jumps, column}}
		}))
		network, err := readNetwork(build, false)
		if err != nil {
			t.Fatal(err)
		}
		x := slices.Repeat([]float32{terms}, 2*n)
		sample := map[string]tensor.Tensor{"x": dense.New(x, tensor.Shape{2, n})}
		c := &comparison{gorgonia: byBuild(build, network.folded)}
		want, err := c.gorgonia(t.Context(), sample, nil)
		if err != nil {
			t.Fatal(err)
		}
		moved, err := c.spread(t.Context(), &judged{sample: sample, want: want})
		if err != nil {
			t.Fatal(err)
		}
		one := float64(terms)
		for i, bounds := range [][2]float64{{0.2 * 8 * one, 5 * 8 * one}, {0, 2}, {0.1 * one, 5 * one}} {
			jumps := 0
			for j, d := range moved[i] {
				if i == 1 && d > 0.5 && jumps < n/16 {
					jumps++
					continue
				}
				if part := d / math.Pow(10, -leastRead/20.0); !(part >= bounds[0] && part <= bounds[1]) {
					t.Errorf("terms of %v, output %d: %v moves by %v, 110 dB of %v, want of %v", terms, i, want[i][j], d, part, bounds)
				}
			}
		}
	}
}
