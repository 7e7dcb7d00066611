package ops_test

import (
	"fmt"

	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// y is x rounded to what 2 bits represent, and the gradient of Σ y is 0 where x saturates.
func ExampleFakeQuantize() {
	p := qtensor.Params{Scheme: qtensor.Symmetric(2), Scales: []float32{0.5}} // −0.5, 0 and 0.5
	g := gorgonia.NewGraph()
	values := tensor.New(tensor.WithBacking([]float32{-3, -0.3, 0.2, 0.4}))
	x := gorgonia.NewVector(g, tensor.Float32, gorgonia.WithName("x"), gorgonia.WithShape(4), gorgonia.WithValue(values))
	y := gorgonia.Must(ops.FakeQuantize(x, p))
	dx, err := gorgonia.Grad(gorgonia.Must(gorgonia.Sum(y)), x)
	check(err)
	var out, gradient gorgonia.Value
	gorgonia.Read(y, &out)
	gorgonia.Read(dx[0], &gradient)
	vm := gorgonia.NewTapeMachine(g)
	defer vm.Close()
	check(vm.RunAll())
	fmt.Println(out.Data(), gradient.Data())
	// Output:
	// [-0.5 -0.5 0 0.5] [0 1 1 1]
}

// The scale follows the range of x: after training, Quantize gives the same values.
func ExampleFakeQuantizeDynamic() {
	g := gorgonia.NewGraph()
	weight := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{0.7, -2, 0.24, 7}))
	w := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName("w"), gorgonia.WithShape(2, 2), gorgonia.WithValue(weight))
	y := gorgonia.Must(ops.FakeQuantizeDynamic(w, qtensor.Int4().PerAxis(1)))
	vm := gorgonia.NewTapeMachine(g)
	defer vm.Close()
	check(vm.RunAll())
	q, err := qtensor.Quantize(weight, qtensor.Int4().PerAxis(1))
	check(err)
	r, err := q.Dequantize(tensor.Float32)
	check(err)
	fmt.Println(y.Value().Data(), r.Data())
	// Output:
	// [0.7 -2 0.2 7] [0.7 -2 0.2 7]
}

// The scale is a node, with a gradient by which a solver moves it.
func ExampleFakeQuantizeLSQ() {
	g := gorgonia.NewGraph()
	weight := tensor.New(tensor.WithBacking([]float32{0.9, -0.3, 0.2, 4}))
	w := gorgonia.NewVector(g, tensor.Float32, gorgonia.WithName("w"), gorgonia.WithShape(4), gorgonia.WithValue(weight))
	s := gorgonia.NewScalar(g, tensor.Float32, gorgonia.WithName("s"), gorgonia.WithValue(float32(0.5)))
	y := gorgonia.Must(ops.FakeQuantizeLSQ(w, s, qtensor.Symmetric(3))) // Q = 3
	gradients, err := gorgonia.Grad(gorgonia.Must(gorgonia.Sum(y)), w, s)
	check(err)
	var out, dw, ds gorgonia.Value
	gorgonia.Read(y, &out)
	gorgonia.Read(gradients[0], &dw)
	gorgonia.Read(gradients[1], &ds)
	vm := gorgonia.NewTapeMachine(g)
	defer vm.Close()
	check(vm.RunAll())
	fmt.Printf("%.1f %v %.3f\n", out.Data(), dw.Data(), ds.Data())
	// Output:
	// [1.0 -0.5 0.0 1.5] [1 1 1 0] 0.693
}

// A layer is trained on at 3 bits, and then converted: the integers compute what the training did.
func Example_training() {
	samples := tensor.New(tensor.WithShape(4, 3), tensor.WithBacking([]float32{1, 2, 1.5, -1, 0.5, 0, 2, 2.5, 2, 0, -1, -0.5}))
	targets := tensor.New(tensor.WithShape(4, 2), tensor.WithBacking([]float32{1.2, -0.3, -0.6, 1, 2.1, -1.4, -0.1, 0.2}))
	weight := tensor.New(tensor.WithShape(3, 2), tensor.WithBacking([]float32{0.9, -1, 0.2, 0.35, -0.2, -0.4}))

	// What flows into the layer was observed beforehand: exprgraph.Attach, then the Params of the profile.
	observed, err := qtensor.NewParams(qtensor.Affine(8), []float32{-1}, []float32{2.5})
	check(err)
	scheme := qtensor.PerChannelSymmetric(3, 1)

	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName("x"), gorgonia.WithShape(4, 3), gorgonia.WithValue(samples))
	t := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName("t"), gorgonia.WithShape(4, 2), gorgonia.WithValue(targets))
	w := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName("w"), gorgonia.WithShape(3, 2), gorgonia.WithValue(weight))
	y := gorgonia.Must(gorgonia.Mul(
		gorgonia.Must(ops.FakeQuantize(x, observed)),
		gorgonia.Must(ops.FakeQuantizeDynamic(w, scheme)),
	))
	cost := gorgonia.Must(gorgonia.Mean(gorgonia.Must(gorgonia.Square(gorgonia.Must(gorgonia.Sub(y, t))))))
	var loss, out gorgonia.Value // since later ops may overwrite the values of nodes
	gorgonia.Read(cost, &loss)
	gorgonia.Read(y, &out)
	_, err = gorgonia.Grad(cost, w)
	check(err)

	vm := gorgonia.NewTapeMachine(g, gorgonia.BindDualValues(w))
	defer vm.Close()
	solver := gorgonia.NewAdamSolver(gorgonia.WithLearnRate(0.01))
	for step := range 200 {
		check(vm.RunAll())
		if step == 0 {
			fmt.Printf("loss %.3f, ", loss.Data())
		}
		check(solver.Step(gorgonia.NodesToValueGrads(gorgonia.Nodes{w})))
		vm.Reset()
	}
	check(vm.RunAll())
	fmt.Printf("after training %.3f\n", loss.Data())

	q, err := qtensor.Quantize(w.Value().(*tensor.Dense), scheme)
	check(err)
	fmt.Println(q.Codes().Data())
	packed, err := ops.Pack(q)
	check(err)
	g = gorgonia.NewGraph()
	x = gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName("x"), gorgonia.WithShape(4, 3), gorgonia.WithValue(samples))
	y = gorgonia.Must(ops.MatMul(x, packed, ops.WithStaticInt8(observed)))
	quantized := gorgonia.NewTapeMachine(g)
	defer quantized.Close()
	check(quantized.RunAll())
	fmt.Printf("%.3f in training\n%.3f with integers\n", out.Data(), y.Value().Data())
	// Output:
	// loss 0.089, after training 0.038
	// [3 -3 1 1 0 -1]
	// [1.330 -0.636 -0.667 0.891 2.259 -1.404 -0.266 -0.129] in training
	// [1.330 -0.636 -0.667 0.891 2.259 -1.404 -0.266 -0.129] with integers
}
