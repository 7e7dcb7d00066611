package ptq_test

import (
	"context"
	"fmt"

	"euryale/exprgraph"
	"euryale/ops"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A weight that was trained through fake quantization keeps the quantized values of the training.
func ExampleQuantize_trained() {
	ctx := context.Background()
	g := gorgonia.NewGraph()
	in := tensor.New(tensor.WithShape(4, 2), tensor.WithBacking([]float32{1, 2, 1.5, -1, 0.5, 0, 2, 2.5}))
	targets := tensor.New(tensor.WithShape(4, 1), tensor.WithBacking([]float32{1.2, -0.3, 0.1, 2.1}))
	start := tensor.New(tensor.WithShape(2, 1), tensor.WithBacking([]float32{0.9, -0.2}))
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName("x"), gorgonia.WithValue(in))
	t := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName("t"), gorgonia.WithValue(targets))
	w := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName("w"), gorgonia.WithValue(start))
	samples := func(yield func(ptq.Sample, error) bool) { yield(ptq.Sample{"x": in}, nil) }

	rounded := gorgonia.Must(ops.FakeQuantizeDynamic(w, qtensor.PerChannelSymmetric(4, 1))) // gradients pass it straight through
	y := gorgonia.Must(gorgonia.Mul(x, rounded))
	cost := gorgonia.Must(gorgonia.Mean(gorgonia.Must(gorgonia.Square(gorgonia.Must(gorgonia.Sub(y, t))))))
	_, err := gorgonia.Grad(cost, w)
	check(err)
	vm := gorgonia.NewTapeMachine(g, gorgonia.BindDualValues(w))
	defer vm.Close()
	solver := gorgonia.NewAdamSolver(gorgonia.WithLearnRate(0.01))
	for range 100 {
		check(vm.RunAll())
		check(solver.Step(gorgonia.NodesToValueGrads(gorgonia.Nodes{w})))
		vm.Reset()
	}
	float, _, err := exprgraph.Read(ctx, gorgonia.Nodes{x}, gorgonia.Nodes{y})
	check(err)
	m, report, err := ptq.Quantize(ctx, float, samples, ptq.Config{}) // with the quantized values of the training
	check(err)

	fmt.Println(len(m.Layers()), report.Layers[0].Weights, report.Layers[0].WeightSQNR)
	// Output:
	// 1 symmetric4@1 +Inf
}
