package ptq_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"euryale/exprgraph"
	"euryale/ops"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A network is trained through fake quantization: its weights at 3 bits, by scales that are trained too, and
// what its layers read at 8 bits. The quantized model has the quantized values of the training, and computes
// what the training did.
func Example_training() {
	ctx := context.Background()
	samples := tensor.New(tensor.WithShape(4, 3), tensor.WithBacking([]float32{1, 2, 1.5, -1, 0.5, 0, 2, 2.5, 2, 0, -1, -0.5}))
	targets := tensor.New(tensor.WithShape(4, 1), tensor.WithBacking([]float32{1.2, -0.3, 2.1, -0.1}))
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(4, 3), gorgonia.WithName("x"), gorgonia.WithValue(samples))
	t := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(4, 1), gorgonia.WithName("t"), gorgonia.WithValue(targets))
	var learned, rounded gorgonia.Nodes
	layer := func(x *gorgonia.Node, low, high float32, name string, weight *tensor.Dense) *gorgonia.Node {
		params, err := qtensor.NewParams(qtensor.Affine(8), []float32{low}, []float32{high}) // of a range that was observed
		check(err)
		x = gorgonia.Must(ops.FakeQuantize(x, params))
		w := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(weight.Shape()...), gorgonia.WithName(name), gorgonia.WithValue(weight))
		s := gorgonia.NewScalar(g, tensor.Float32, gorgonia.WithName(name+".scale"), gorgonia.WithValue(float32(0.3)))
		learned = append(learned, w, s)
		rounded = append(rounded, gorgonia.Must(ops.FakeQuantizeLSQ(w, s, qtensor.Symmetric(3))))
		return gorgonia.Must(gorgonia.Mul(x, rounded[len(rounded)-1]))
	}
	h := layer(x, -1, 2.5, "first", tensor.New(tensor.WithShape(3, 2), tensor.WithBacking([]float32{0.9, -1, 0.2, 0.35, -0.2, -0.4})))
	y := layer(gorgonia.Must(gorgonia.Rectify(h)), 0, 3, "second", tensor.New(tensor.WithShape(2, 1), tensor.WithBacking([]float32{0.5, -0.6})))
	cost := gorgonia.Must(gorgonia.Mean(gorgonia.Must(gorgonia.Square(gorgonia.Must(gorgonia.Sub(y, t))))))
	var loss, out, first gorgonia.Value
	gorgonia.Read(cost, &loss)
	gorgonia.Read(y, &out)
	gorgonia.Read(rounded[0], &first)
	_, err := gorgonia.Grad(cost, learned...)
	check(err)
	vm := gorgonia.NewTapeMachine(g, gorgonia.BindDualValues(learned...))
	defer vm.Close()
	solver := gorgonia.NewAdamSolver(gorgonia.WithLearnRate(0.01))
	for step := range 100 {
		check(vm.RunAll())
		if step == 0 {
			fmt.Printf("loss %.3f, ", loss.Data())
		}
		check(solver.Step(gorgonia.NodesToValueGrads(learned)))
		vm.Reset()
	}
	check(vm.RunAll())
	fmt.Printf("after training %.3f\n", loss.Data())

	float, _, err := exprgraph.Read(ctx, gorgonia.Nodes{x}, gorgonia.Nodes{y}) // the graph that was trained
	check(err)
	observed := func(yield func(ptq.Sample, error) bool) { yield(ptq.Sample{"x": samples}, nil) }
	quantized, report, err := ptq.Quantize(ctx, float, observed, ptq.Config{})
	check(err)
	for _, l := range report.Layers {
		fmt.Println(l.Name, l.Weights, l.Activations)
	}
	var file bytes.Buffer
	check(quantized.Write(&file))
	f, err := qtensor.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	check(err)
	q, err := f.QTensor("first")
	check(err)
	numbers, err := q.Dequantize(tensor.Float32)
	check(err)
	fmt.Println(q.Codes().Data(), slices.Equal(numbers.Float32s(), first.Data().([]float32)))
	result, err := quantized.Run(ctx, map[string]tensor.Tensor{"x": samples})
	check(err)
	fmt.Printf("%.3f in training\n%.3f with integers\n", out.Data(), result[quantized.Outputs()[0].Name].Data())
	// Output:
	// loss 0.325, after training 0.001
	// first symmetric3 static-int8
	// second symmetric3 static-int8
	// [3 -3 1 0 0 -2] true
	// [1.226 -0.366 2.081 -0.119] in training
	// [1.226 -0.366 2.081 -0.119] with integers
}
