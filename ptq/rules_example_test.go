package ptq_test

import (
	"context"
	"fmt"

	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// bodyAndHead returns the float model y = x·w·v, of layers "body" and "head", and a sample for it.
func bodyAndHead() (*model.Model, func(yield func(ptq.Sample, error) bool)) {
	m, err := model.New(&model.Network{
		Inputs:  []model.Value{{Name: "x", Shape: []int{-1, 2}}},
		Outputs: []model.Value{{Name: "y", Shape: []int{-1, 1}}},
		Nodes: []model.Node{
			{Op: "MatMul", Name: "body", Inputs: []string{"x", "w"}, Output: "h"},
			{Op: "MatMul", Name: "head", Inputs: []string{"h", "v"}, Output: "y"},
		},
		Constants: map[string]*model.Constant{
			"w": {Shape: []int{2, 2}, Data: []float32{1, 0.5, -1, 2}}, "v": {Shape: []int{2, 1}, Data: []float32{1, -1}},
		},
	}, nil)
	check(err)
	return m, func(yield func(ptq.Sample, error) bool) {
		yield(ptq.Sample{"x": tensor.New(tensor.WithShape(1, 2), tensor.WithBacking([]float32{1, 2}))}, nil)
	}
}

// The first rule whose Pattern matches a layer holds for it, and the Config for all other layers.
func ExampleLayerRule() {
	float, samples := bodyAndHead()
	int4 := qtensor.Int4().PerGroup(1, 32)
	_, report, err := ptq.Quantize(context.Background(), float, samples, ptq.Config{
		Activations: model.DynamicInt8,
		Rules:       []ptq.LayerRule{{Pattern: "head", Float: true}, {Pattern: "*", Weights: &int4}},
	})
	check(err)
	for _, l := range report.Layers {
		fmt.Println(l.Name, l.Activations, l.Weights+l.Reason)
	}
	// Output:
	// body dynamic-int8 int4/g32@1
	// head default a rule says so
}
