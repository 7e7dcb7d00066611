package ptq_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"euryale/exprgraph"
	"euryale/model"
	"euryale/ops"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestDepthwiseRules computes a depthwise convolution in each way, in front of a convolution in each way.
func TestDepthwiseRules(t *testing.T) {
	const channels, side = 2, 5
	build := func(batch int) (exprgraph.Graph, error) {
		z := newZoo(tensor.Float32, batch, map[string]*tensor.Dense{})
		x := z.Input("x", channels, side, side)
		var each gorgonia.Nodes
		for c := range channels {
			one := must(gorgonia.Reshape(must(gorgonia.Slice(x, nil, gorgonia.S(c))), tensor.Shape{batch, 1, side, side}))
			each = append(each, must(gorgonia.Conv2d(one, z.Value(fmt.Sprint("dw", c), 3, 1, 1, 3, 3),
				tensor.Shape{3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1})))
		}
		y := must(gorgonia.Conv2d(must(gorgonia.Concat(1, each...)), z.Value("pw", 2, 3, channels, 1, 1),
			tensor.Shape{1, 1}, []int{0, 0}, []int{1, 1}, []int{1, 1}))
		return exprgraph.Graph{Inputs: z.Inputs, Outputs: gorgonia.Nodes{y}}, nil
	}
	in := ptq.Sample{"x": draw(tensor.Float32, 7, 1, 3, channels, side, side)}
	samples := func(yield func(ptq.Sample, error) bool) { yield(in, nil) }
	ways := []model.Activations{model.Fixed24, model.Fixed16, model.DynamicInt8, model.StaticInt8}
	for _, first := range ways {
		for _, second := range ways {
			rules := []ptq.LayerRule{{Pattern: "dw*", Activations: first}, {Pattern: "pw*", Activations: second}}
			m, report, err := quantizeBuild(context.Background(), build, samples, ptq.Config{Rules: rules})
			if err != nil {
				t.Errorf("%v in front of %v: %v", first, second, err)
				continue
			}
			if len(report.Layers) != 2 {
				t.Errorf("%v in front of %v: got %d layers, want a depthwise convolution and another", first, second,
					len(report.Layers))
			}
			if _, err := m.Run(context.Background(), in); err != nil {
				t.Errorf("%v in front of %v: %v", first, second, err)
			}
		}
	}
}

// TestTrainedDepthwise has convolutions of one channel each, whose filters were fake-quantized in training:
// they become one layer of the quantized values that they were trained with, if one can be; and all compute
// what Gorgonia does.
func TestTrainedDepthwise(t *testing.T) {
	const channels, side = 3, 6
	same := func(x node, _ int) node { return x }
	each := func(f func(w node, output int) node) func(x node, c int) node {
		return func(x node, _ int) node { return f(x, 0) }
	}
	int8s := func(x node, _ int) node { return within(qtensor.Affine(8), -2, 3)(x) }
	other := func(x node, c int) node { return within(qtensor.Affine(8), -2, float32(3+c))(x) }
	four := each(dynamic(qtensor.Symmetric(4)))
	for _, c := range []struct {
		name                  string
		filter, image, sliced func(x node, c int) node // what stands in their places
		scheme                string                   // of the layer; none where there is one for each channel
		static                bool
		least                 float64 // dB
	}{
		{"one scale each", four, same, same, "symmetric4@0", false, 110},
		{"a scale for each filter", each(dynamic(qtensor.PerChannelAffine(3, 0))), same, same, "affine3@0", false, 110},
		{"learned", each(learned(3)), same, same, "symmetric3@0", false, 110},
		{"observed", each(observed(qtensor.Symmetric(5))), same, same, "symmetric5@0", false, 110},
		{"powers of two", each(dynamic(qtensor.PowerOfTwo(5))), same, same, "poweroftwo5@0", false, 110},
		{"groups", each(dynamic(qtensor.Int4().PerGroup(0, 4))), same, same, "int4/g4@0", false, 110},
		{"with the image", four, int8s, same, "symmetric4@0", true, 60},
		{"with slices", four, same, int8s, "symmetric4@0", true, 60},
		{"slices alone", same, same, int8s, "symmetric8@0", true, 35},
		{"with the image and slices", four, int8s, int8s, "symmetric4@0", true, 60},
		{"slices by their own parameters", four, same, other, "", true, 60},
		{"slices by other bits", four, same, func(x node, c int) node {
			p := qtensor.Params{Scheme: qtensor.Affine(6 + c), Scales: []float32{0.05}, ZeroPoints: []int32{30}}
			return must(ops.FakeQuantize(x, p))
		}, "", true, 60},
		{"one of the slices", four, same, func(x node, c int) node {
			if c == 1 {
				return int8s(x, c)
			}
			return x
		}, "", false, 60},
		{"filters by different schemes", func(w node, c int) node { return dynamic(qtensor.Symmetric(4+c))(w, 0) }, same, same, "", false, 110},
		{"one of the filters", func(w node, c int) node {
			if c == 1 {
				return four(w, c)
			}
			return w
		}, same, same, "", false, 35},
	} {
		var net network = func(z *zoo) node {
			x := c.image(z.Input("x", channels, side, side), 0)
			var list gorgonia.Nodes
			for i := range channels {
				one := must(gorgonia.Reshape(must(gorgonia.Slice(x, nil, gorgonia.S(i))), tensor.Shape{z.Batch, 1, side, side}))
				w := c.filter(z.Value(fmt.Sprint("dw", i), 3, 2, 1, 3, 3), i)
				list = append(list, must(gorgonia.Conv2d(c.sliced(one, i), w, tensor.Shape{3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1})))
			}
			return must(gorgonia.Concat(1, list...))
		}
		m, r, err := net.quantize(t, ptq.Config{}, channels, side, side)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if want := map[bool]int{true: channels, false: 1}[c.scheme == ""]; len(r.Layers) != want {
			t.Errorf("%s: got %d layers, want %d:\n%v", c.name, len(r.Layers), want, r)
		}
		if got := r.Layers[0]; c.scheme != "" && got.Weights != c.scheme || (got.Activations == model.StaticInt8) != c.static {
			t.Errorf("%s: got %v and %v, want %s, static: %t", c.name, got.Weights, got.Activations, c.scheme, c.static)
		}
		sample := draw(tensor.Float32, 5, 1, 7, channels, side, side)
		g, _ := net.build(7)
		db := decibels(values(t, g.Inputs[0], sample, g.Outputs[0])[0], output(t, m, sample))
		if db < c.least {
			t.Errorf("%s: got %.1f dB, want %v", c.name, db, c.least)
		}
		if w := c.filter(newZoo(tensor.Float32, 1, map[string]*tensor.Dense{}).Value("w", 3, 2, 1, 3, 3), 0); c.scheme != "" && w.Op() != nil {
			testGathered(t, c.name, m, c.filter)
		}
	}
}

// testGathered compares what the quantized values of a layer stand for with what the filters were trained as.
func testGathered(t *testing.T, name string, m *model.Model, filter func(w node, c int) node) {
	t.Helper()
	z := newZoo(tensor.Float32, 1, map[string]*tensor.Dense{})
	var filters gorgonia.Nodes
	for i := range 3 {
		filters = append(filters, filter(z.Value(fmt.Sprint("dw", i), 3, 2, 1, 3, 3), i))
	}
	want := slices.Concat(values(t, z.Input("x", 1), draw(tensor.Float32, 1, 1, 1, 1), filters...)...)
	got, err := saved(t, m)["dw0"].Dequantize(tensor.Float32)
	if err != nil || !slices.Equal(wide(got), want) {
		t.Errorf("%s: got %v, %v, want %v", name, got, err, want)
	}
}
