package ptq_test

import (
	"context"
	"fmt"
	"testing"

	"euryale/exprgraph"
	"euryale/model"
	"euryale/ptq"

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
