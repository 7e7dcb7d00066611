package ptq_test

import (
	"bytes"
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

// blocks is two residual blocks, of which the second has a convolution on its other way too, and an average
// in front of the last layer.
func blocks(z *zoo) node {
	stem := must(gorgonia.Rectify(z.Conv(z.Input("x", 3, 8, 8), "stem", 3, 16, 3)))
	a := must(gorgonia.Rectify(z.Conv(stem, "a", 16, 16, 3)))
	first := must(gorgonia.Rectify(must(gorgonia.Add(z.Conv(a, "b", 16, 16, 3), stem))))
	c := must(gorgonia.Rectify(z.Conv(first, "c", 16, 24, 3)))
	second := must(gorgonia.Rectify(must(gorgonia.Add(z.Conv(first, "side", 16, 24, 1), z.Conv(c, "d", 24, 24, 3)))))
	return z.Dense(must(gorgonia.Reshape(must(gorgonia.GlobalAveragePool2D(second)), tensor.Shape{z.Batch, 24})), "fc", 24, 10)
}

// gated sums two products for a function that is no layer.
func gated(z *zoo) node {
	x := z.Input("x", 12)
	h := must(gorgonia.Sigmoid(must(gorgonia.Add(z.Dense(x, "a", 12, 20), z.Dense(x, "b", 12, 20)))))
	return z.Dense(h, "c", 20, 10)
}

// shifted adds what no sample changes.
func shifted(z *zoo) node {
	h := must(gorgonia.Rectify(z.Dense(z.Input("x", 12), "a", 12, 12)))
	return z.Dense(must(gorgonia.BroadcastAdd(h, z.Value("shift", 4, 12), nil, []byte{0})), "c", 12, 10)
}

// trained rounds one value of a residual block.
func trained(z *zoo) node {
	x := z.Input("x", 12)
	a := must(gorgonia.Rectify(z.Dense(x, "a", 12, 12)))
	p, err := qtensor.NewParams(qtensor.Affine(8), []float32{0}, []float32{2})
	if err != nil {
		panic(err)
	}
	a = must(ops.FakeQuantize(a, p))
	return z.Dense(must(gorgonia.Add(a, z.Dense(a, "b", 12, 12))), "c", 12, 10)
}

// TestSums compares the report with what is computed on quantized activations.
func TestSums(t *testing.T) {
	const all = "Add Relu Add Relu GlobalAveragePool Reshape"
	for _, c := range []struct {
		name      string
		net       func(z *zoo) node
		cfg       ptq.Config
		quantized string
		least     float64 // dB
	}{
		{"static", blocks, ptq.Config{Activations: model.StaticInt8}, all, 30},
		{"static by a rule", blocks, ptq.Config{Rules: []ptq.LayerRule{{Pattern: "*", Activations: model.StaticInt8}}}, all, 30},
		{"dynamic", blocks, ptq.Config{Activations: model.DynamicInt8}, "", 35},
		{"a float layer behind the average", blocks, ptq.Config{Activations: model.StaticInt8, Rules: []ptq.LayerRule{{Pattern: "fc*", Float: true}}}, strings.TrimSuffix(all, " Reshape"), 30},
		{"a float layer in a block", blocks, ptq.Config{Activations: model.StaticInt8, Rules: []ptq.LayerRule{{Pattern: "side*", Float: true}}}, "", 30},
		{"dynamic in a block", blocks, ptq.Config{
			Activations: model.StaticInt8,
			Rules:       []ptq.LayerRule{{Pattern: "c", Activations: model.DynamicInt8}},
		}, "Add Relu GlobalAveragePool Reshape", 30},
		{"a sum for a function", gated, ptq.Config{Activations: model.StaticInt8}, "", 30},
		{"a sum with a weight", shifted, ptq.Config{Activations: model.StaticInt8}, "", 30},
		{"rounded by the graph", trained, ptq.Config{Activations: model.StaticInt8}, "", 30},
	} {
		values := map[string]*tensor.Dense{}
		var shape tensor.Shape
		build := func(batch int) (exprgraph.Graph, error) {
			z := newZoo(tensor.Float32, batch, values)
			y := c.net(z)
			shape = z.Inputs[0].Shape()[1:].Clone()
			return exprgraph.Graph{Inputs: z.Inputs, Outputs: gorgonia.Nodes{y}}, nil
		}
		samples := func(yield func(ptq.Sample, error) bool) {
			for seed := range uint64(4) {
				if !yield(ptq.Sample{"x": draw(tensor.Float32, seed+40, 1, append([]int{5}, shape...)...)}, nil) {
					return
				}
			}
		}
		m, r, err := quantizeBuild(t.Context(), build, samples, c.cfg)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var kinds []string
		for _, node := range r.OnQuantized {
			kind, _, _ := strings.Cut(node, " ")
			kinds = append(kinds, kind)
		}
		if got := strings.Join(kinds, " "); got != c.quantized || !(r.Outputs[0].SQNR >= c.least) {
			t.Errorf("%s: %q are quantized, want %s:\n%v", c.name, got, c.quantized, r)
		}
		for _, node := range r.OnQuantized {
			if slices.Contains(r.Kept, node) {
				t.Errorf("%s: %s is quantized and in float32", c.name, node)
			}
		}
		var file bytes.Buffer
		if err := m.Write(&file); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		again, err := model.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		x := draw(tensor.Float32, 7, 1, append([]int{3}, shape...)...)
		if !slices.Equal(output(t, m, x), output(t, again, x)) || !slices.Equal(m.QuantizedValues(), again.QuantizedValues()) {
			t.Errorf("%s: a file gives other bits", c.name)
		}
	}
}
