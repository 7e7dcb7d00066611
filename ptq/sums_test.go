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

// gated sums two products for a function.
func gated(z *zoo) node {
	x := z.Input("x", 12)
	h := must(gorgonia.Sigmoid(must(gorgonia.Add(z.Dense(x, "a", 12, 20), z.Dense(x, "b", 12, 20)))))
	return z.Dense(h, "c", 20, 10)
}

// activated has a function between convolutions, and one in front of a layer.
func activated(first, second func(node) (node, error)) func(z *zoo) node {
	return func(z *zoo) node {
		a := must(first(z.Conv(z.Input("x", 3, 8, 8), "a", 3, 16, 3)))
		a = must(gorgonia.MaxPool2D(a, tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
		b := must(second(z.Conv(a, "b", 16, 12, 3)))
		return z.Dense(must(gorgonia.Reshape(b, tensor.Shape{z.Batch, 12 * 16})), "c", 12*16, 10)
	}
}

func leaky(x node) (node, error) { return gorgonia.LeakyRelu(x, 0.1) }

func silu(x node) (node, error) { return gorgonia.HadamardProd(x, must(gorgonia.Sigmoid(x))) }

// gelu returns x·(1 + tanh(0.8·(x + 0.045·x³)))/2.
func gelu(x node) (node, error) {
	constant := func(v float32) node { return gorgonia.NewConstant(v) }
	inner := must(gorgonia.Add(x, must(gorgonia.Mul(must(gorgonia.Cube(x)), constant(0.045)))))
	tanh := must(gorgonia.Tanh(must(gorgonia.Mul(inner, constant(0.8)))))
	return gorgonia.Mul(must(gorgonia.HadamardProd(x, must(gorgonia.Add(tanh, constant(1))))), constant(0.5))
}

// recurrent is three steps of tanh(x·w + h·u), and a layer for each.
func recurrent(z *zoo) node {
	x := z.Input("x", 12)
	h := must(gorgonia.Tanh(z.Dense(x, "w", 12, 20)))
	var list gorgonia.Nodes
	for range 3 {
		h = must(gorgonia.Tanh(must(gorgonia.Add(z.Dense(x, "w", 12, 20), z.Dense(h, "u", 20, 20)))))
		list = append(list, z.Dense(h, "v", 20, 5))
	}
	return must(gorgonia.Concat(1, list...))
}

// weighed has a function for a layer, and for what takes no quantized values.
func weighed(z *zoo) node {
	h := must(gorgonia.Tanh(z.Dense(z.Input("x", 12), "a", 12, 12)))
	return must(gorgonia.HadamardProd(z.Dense(h, "b", 12, 12), must(gorgonia.SoftMax(h))))
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
		{"a function of a sum", gated, ptq.Config{Activations: model.StaticInt8}, "Add Sigmoid", 30},
		{"leaky ReLU and sigmoid", activated(leaky, gorgonia.Sigmoid), ptq.Config{Activations: model.StaticInt8}, "LeakyRelu MaxPool Sigmoid Reshape", 30},
		{"SiLU and GELU", activated(silu, gelu), ptq.Config{Activations: model.StaticInt8}, "Sigmoid Mul MaxPool Mul Mul Mul Add Mul Tanh Add Mul Mul Reshape", 30},
		{"a recurrent network", recurrent, ptq.Config{Activations: model.StaticInt8}, "Tanh Add Tanh Add Tanh Add Tanh", 30},
		{"functions for dynamic layers", activated(leaky, gorgonia.Sigmoid), ptq.Config{Activations: model.DynamicInt8}, "", 30},
		{"a function for others too", weighed, ptq.Config{Activations: model.StaticInt8}, "", 30},
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
