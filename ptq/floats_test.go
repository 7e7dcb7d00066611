package ptq_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"euryale/exprgraph"
	"euryale/model"
	"euryale/ops"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// floats are products that are no layers, and what the report says of them: "name: reason" for each.
var floats = map[string]struct {
	net  func(z *zoo) node
	want []string
}{
	"a mask of what was trained quantized": {func(z *zoo) node {
		w := must(ops.FakeQuantizeDynamic(z.Value("w", 6, 6, 4), qtensor.Symmetric(8)))
		return must(gorgonia.Mul(z.Input("x", 6), must(gorgonia.HadamardProd(z.Value("mask", 1, 6, 4), w))))
	}, []string{"MatMul_1: its weight is computed by Mul_1: fold"}},
	"a multiple of what was trained quantized, on the left": {func(z *zoo) node {
		x := must(gorgonia.Transpose(z.Input("x", 6), 1, 0))
		w := must(ops.FakeQuantizeDynamic(z.Value("w", 6, 4, 6), qtensor.Symmetric(8)))
		return must(gorgonia.Transpose(must(gorgonia.Mul(must(gorgonia.HadamardProd(w, z.Number(2))), x)), 1, 0))
	}, []string{"MatMul_1: its weight is computed by Mul_1: fold"}},
	"two inputs": {func(z *zoo) node {
		return must(gorgonia.BatchedMatMul(z.Input("x", 3, 4), z.Input("y", 4, 2)))
	}, []string{"MatMul_1: both operands are computed from inputs"}},
	"a weight for each head": {func(z *zoo) node {
		x := must(gorgonia.Transpose(z.Input("x", 2, 6), 1, 0, 2))
		return must(gorgonia.Transpose(must(gorgonia.BatchedMatMul(x, z.Value("w", 6, 2, 6, 4))), 1, 0, 2))
	}, []string{"w: its weight has 3 axes, want a matrix"}},
	"a weight for each head, on the left": {func(z *zoo) node {
		x := must(gorgonia.Transpose(z.Input("x", 2, 6), 1, 2, 0))
		return must(gorgonia.Transpose(must(gorgonia.BatchedMatMul(z.Value("w", 6, 2, 4, 6), x)), 2, 0, 1))
	}, []string{"MatMul_1: its weight is the left operand of batches of products, want it on the right"}},
	"nothing": {func(z *zoo) node { return must(gorgonia.Tanh(z.Input("x", 6))) }, nil},
}

// floatNet makes graphs, and samples, of a network for a type.
func floatNet(net func(z *zoo) node, dt tensor.Dtype) (exprgraph.Build, func(func(ptq.Sample, error) bool)) {
	values := map[string]*tensor.Dense{}
	var inputs gorgonia.Nodes
	build := func(batch int) (exprgraph.Graph, error) {
		z := newZoo(dt, batch, values)
		y := net(z)
		inputs = z.Inputs
		return exprgraph.Graph{Inputs: inputs, Outputs: gorgonia.Nodes{y}}, nil
	}
	return build, func(yield func(ptq.Sample, error) bool) {
		for seed := range uint64(2) {
			s := ptq.Sample{}
			for i, x := range inputs {
				s[x.Name()] = draw(dt, 10*seed+uint64(i), 1, append([]int{5}, x.Shape()[1:]...)...)
			}
			if !yield(s, nil) {
				return
			}
		}
	}
}

// TestFloatProducts has every product that stays float in the report, with why; and nothing quantized an
// error that says the same, but where the Config asks for it.
func TestFloatProducts(t *testing.T) {
	cases := 0
	for _, name := range slices.Sorted(maps.Keys(floats)) {
		c := floats[name]
		for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			for _, activations := range []model.Activations{model.Default, model.DynamicInt8, model.StaticInt8} {
				cases++
				what := fmt.Sprintf("%s of %v, %v", name, dt, activations)
				build, samples := floatNet(c.net, dt)
				m, r, err := quantizeBuild(t.Context(), build, samples, ptq.Config{Activations: activations})
				if !errors.Is(err, ptq.ErrNothingQuantized) || m != nil || r.Report != nil ||
					!strings.Contains(err.Error(), "AllowFloat") {
					t.Errorf("%s: got %v, want ErrNothingQuantized", what, err)
					continue
				}
				for _, want := range c.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%s: got error %v, want %q in it", what, err, want)
					}
				}
				_, r, err = quantizeBuild(t.Context(), build, samples, ptq.Config{Activations: activations, AllowFloat: true})
				if err != nil {
					t.Errorf("%s: %v", what, err)
					continue
				}
				if got := reasons(r); len(got) != len(c.want) || !slices.EqualFunc(got, c.want, strings.HasPrefix) {
					t.Errorf("%s: got %q, want %q", what, got, c.want)
				}
				for _, l := range r.Layers {
					if l.Quantized || l.Activations != model.Default || l.Weights != "" || l.Bytes != l.FloatBytes ||
						!(l.OutputSQNR > 200) {
						t.Errorf("%s: got %+v, want a float product", what, l)
					}
				}
				// Float rules ask for it too, where there is something that they are for.
				_, r, err = quantizeBuild(t.Context(), build, samples, ptq.Config{Rules: []ptq.LayerRule{{Pattern: "*", Float: true}}})
				switch {
				case name == "nothing":
					if err == nil {
						t.Errorf("%s: a rule for nothing is accepted", what)
					}
				case err != nil:
					t.Errorf("%s: left float by a rule: %v", what, err)
				case r.Layers[0].Reason != "a rule says so":
					t.Errorf("%s: got %+v", what, r.Layers[0])
				}
				// A layer behind it makes it a success, unless a rule takes that one away.
				behind, samples := floatNet(func(z *zoo) node {
					y := c.net(z)
					flat := must(gorgonia.Reshape(y, tensor.Shape{z.Batch, y.Shape().TotalSize() / z.Batch}))
					return z.Dense(must(gorgonia.Tanh(flat)), "head", flat.Shape()[1], 3)
				}, dt)
				_, r, err = quantizeBuild(t.Context(), behind, samples, ptq.Config{Activations: activations})
				if err != nil {
					t.Errorf("%s: with a layer: %v", what, err)
					continue
				}
				if got := reasons(r); len(got) != len(c.want) || !slices.EqualFunc(got, c.want, strings.HasPrefix) {
					t.Errorf("%s: with a layer: got %q, want %q", what, got, c.want)
				}
				_, _, err = quantizeBuild(t.Context(), behind, samples,
					ptq.Config{Rules: []ptq.LayerRule{{Pattern: "head", Float: true}}})
				if name == "nothing" || name == "two inputs" { // nothing else has a weight
					if err != nil {
						t.Errorf("%s: all that has a weight left float by a rule: %v", what, err)
					}
				} else if !errors.Is(err, ptq.ErrNothingQuantized) {
					t.Errorf("%s: got %v, want ErrNothingQuantized", what, err)
				}
			}
		}
	}
	t.Logf("%d networks", cases)
}

// reasons returns the layers that stayed float.
func reasons(r report) (list []string) {
	for _, l := range r.Layers {
		if !l.Quantized {
			list = append(list, l.Name+": "+l.Reason)
		}
	}
	return list
}

// TestReportIsWhole compares the report with the nodes that a model runs: each is a layer, or kept, or
// quantized, once.
func TestReportIsWhole(t *testing.T) {
	nets := map[string]func(z *zoo) node{"blocks": blocks, "gated": gated, "shifted": shifted, "trained": trained}
	maps.Copy(nets, operations)
	maps.Copy(nets, networks)
	delete(nets, "embedding") // of whole numbers: TestEmbedding
	for name, c := range floats {
		nets[name] = c.net
	}
	cases := 0
	for _, name := range slices.Sorted(maps.Keys(nets)) {
		for _, activations := range []model.Activations{model.Default, model.StaticInt8} {
			build, samples := floatNet(nets[name], tensor.Float32)
			m, r, err := quantizeBuild(t.Context(), build, samples, ptq.Config{Activations: activations, AllowFloat: true})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			said := map[string]int{}
			for _, l := range r.Layers {
				said[l.Op+" "+l.Name]++
				if l.Quantized == (l.Reason != "") {
					t.Errorf("%s: got %+v, want it quantized, or a reason", name, l)
				}
			}
			for _, line := range slices.Concat(r.Kept, r.OnQuantized) {
				line, _, _ = strings.Cut(line, " (")
				said[line]++
			}
			var sample ptq.Sample
			samples(func(s ptq.Sample, _ error) bool {
				sample = s
				return false
			})
			nodes, err := m.Time(t.Context(), sample)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range nodes {
				cases++
				if line := n.Op + " " + n.Node; said[line] != 1 && !strings.HasSuffix(n.Node, "~quantized") {
					t.Errorf("%s, %v: %s is said %d times, want once:\n%v", name, activations, line, said[line], r)
				}
			}
		}
	}
	t.Logf("%d nodes", cases)
}

// TestReLUOfOutput keeps a ReLU whose layer is an output too, and reports it.
func TestReLUOfOutput(t *testing.T) {
	for _, net := range []func(z *zoo) node{
		func(z *zoo) node { return must(gorgonia.Mul(z.Input("x", 6), z.Value("w", 6, 6, 4))) },
		func(z *zoo) node {
			return must(gorgonia.Conv2d(z.Input("x", 2, 4, 4), z.Value("w", 6, 3, 2, 1, 1), tensor.Shape{1, 1},
				[]int{0, 0}, []int{1, 1}, []int{1, 1}))
		},
	} {
		build, samples := floatNet(net, tensor.Float32)
		_, r, err := quantizeBuild(t.Context(), func(batch int) (exprgraph.Graph, error) {
			g, err := build(batch)
			if err == nil {
				g.Outputs = append(g.Outputs, must(gorgonia.Rectify(g.Outputs[0])))
			}
			return g, err
		}, samples, ptq.Config{})
		if err != nil || !slices.Equal(r.Kept, []string{"Relu Relu_1"}) {
			t.Errorf("got error %v, and\n%v", err, r)
		}
	}
}
