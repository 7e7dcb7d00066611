package ops_test

import (
	"errors"
	"fmt"
	"log"
	"math"

	"euryale/model"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A graph with a quantized layer between Gorgonia's own ops.
func Example() {
	weight := tensor.New(tensor.WithShape(3, 2), tensor.WithBacking([]float32{1, -0.5, 0.25, 0.75, -1, 0.5}))
	q, err := qtensor.Quantize(weight, qtensor.PerChannelSymmetric(8, 1))
	check(err)
	w, err := ops.Pack(q) // once; any number of graphs may share it
	check(err)
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(1, 3), gorgonia.WithName("x"))
	hidden := gorgonia.Must(ops.Linear(x, w, ops.WithReLU()))
	y := gorgonia.Must(gorgonia.SoftMax(hidden))
	vm := gorgonia.NewTapeMachine(g)
	defer vm.Close()
	for _, sample := range [][]float32{{1, 2, 3}, {4, 0, 0}} {
		check(gorgonia.Let(x, tensor.New(tensor.WithShape(1, 3), tensor.WithBacking(sample))))
		check(vm.RunAll())
		fmt.Printf("%.3f\n", y.Value().Data())
		vm.Reset()
	}
	// Output:
	// [0.076 0.924]
	// [0.982 0.018]
}

// A layer of 4-bit weights in groups of 32 along in, with bias and ReLU.
func ExampleLinear() {
	weight := tensor.New(tensor.WithShape(4, 2), tensor.WithBacking([]float32{0.7, -0.1, -0.35, 0.2, 0.1, 0.14, 0, 0.06}))
	q, err := qtensor.Quantize(weight, qtensor.Int4().PerGroup(1, 32)) // weight is (in, out)
	check(err)
	w, err := ops.Pack(q)
	check(err)
	bias := tensor.New(tensor.WithBacking([]float32{0.5, -1}))
	samples := tensor.New(tensor.WithShape(2, 4), tensor.WithBacking([]float32{1, 2, 3, 4, 0, 10, 0, 5}))
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(2, 4), gorgonia.WithName("x"), gorgonia.WithValue(samples))
	y := gorgonia.Must(ops.Linear(x, w, ops.WithBias(bias), ops.WithReLU()))
	vm := gorgonia.NewTapeMachine(g)
	defer vm.Close()
	check(vm.RunAll())
	fmt.Println(y.Value().Data())
	// Output:
	// [0.7 0 0 1.2857144]
}

// The same product with each way to represent activations. The exact results are 0.3 and 3000.1.
func ExampleWithActivations() {
	q, err := qtensor.Quantize(tensor.New(tensor.WithShape(2, 1), tensor.WithBacking([]float32{1, 1})), qtensor.Symmetric(8))
	check(err)
	w, err := ops.Pack(q)
	check(err)
	samples := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{0.1, 0.2, 3000, 0.1}))
	for _, a := range []model.Activations{model.Fixed24, model.Fixed16, model.DynamicInt8} {
		g := gorgonia.NewGraph()
		x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(2, 2), gorgonia.WithName("x"), gorgonia.WithValue(samples))
		y := gorgonia.Must(ops.MatMul(x, w, ops.WithActivations(a)))
		vm := gorgonia.NewTapeMachine(g)
		check(vm.RunAll())
		fmt.Printf("%v %.6g\n", a, y.Value().Data())
		check(vm.Close())
	}
	// Output:
	// fixed24 [0.3 3000.1]
	// fixed16 [0.299995 3000.12]
	// dynamic-int8 [0.300392 3000]
}

// Activations over the range that a calibration found: what lies outside of it saturates.
func ExampleWithStaticInt8() {
	weight := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{1, 0, 0, 0.5}))
	q, err := qtensor.Quantize(weight, qtensor.PerChannelSymmetric(8, 1))
	check(err)
	w, err := ops.Pack(q)
	check(err)
	observed, err := qtensor.NewParams(qtensor.Affine(8), []float32{-1}, []float32{4.1}) // or calib.Profile.Params
	check(err)
	samples := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{1, 2, -3, 100}))
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(2, 2), gorgonia.WithName("x"), gorgonia.WithValue(samples))
	y := gorgonia.Must(ops.MatMul(x, w, ops.WithStaticInt8(observed)))
	vm := gorgonia.NewTapeMachine(g)
	defer vm.Close()
	check(vm.RunAll())
	fmt.Printf("%.3f\n", y.Value().Data())
	// Output:
	// [1.000 1.000 -1.000 2.050]
}

// What is wrong with a value comes from the machine, whose error has to be taken apart.
func Example_errors() {
	q, err := qtensor.Quantize(tensor.New(tensor.WithShape(1, 1), tensor.WithBacking([]float32{1})), qtensor.Symmetric(8))
	check(err)
	w, err := ops.Pack(q)
	check(err)
	nan := tensor.New(tensor.WithShape(1, 1), tensor.WithBacking([]float32{float32(math.NaN())}))
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(1, 1), gorgonia.WithName("x"), gorgonia.WithValue(nan))
	gorgonia.Must(ops.MatMul(x, w))
	machine := gorgonia.NewTapeMachine(g)
	defer machine.Close()
	err = machine.RunAll()
	var vm interface{ Err() error }
	for errors.As(err, &vm) {
		err = vm.Err()
	}
	fmt.Println(errors.Is(err, qtensor.ErrValue))
	// Output:
	// true
}

// An embedding of words in 4 bits, of which a sentence looks up rows.
func ExampleEmbedding() {
	words := tensor.New(tensor.WithShape(4, 3), tensor.WithBacking([]float32{
		0.7, -0.1, 0.2,
		0, 1.4, -0.6,
		-7, 3, 1,
		0.05, 0.07, -0.02,
	}))
	embedding, err := qtensor.Quantize(words, qtensor.Int4().PerAxis(0)) // a scale for each word
	check(err)
	g := gorgonia.NewGraph()
	sentence := gorgonia.NewVector(g, tensor.Int, gorgonia.WithShape(3), gorgonia.WithName("sentence"),
		gorgonia.WithValue(tensor.New(tensor.WithBacking([]int{2, 0, 3}))))
	y := gorgonia.Must(ops.Embedding(sentence, embedding)) // (3, 3), among Gorgonia's own ops
	vm := gorgonia.NewTapeMachine(g)
	defer vm.Close()
	check(vm.RunAll())
	fmt.Println(y.Value().Shape(), y.Value().Data())
	// Output:
	// (3, 3) [-7 3 1 0.7 -0.1 0.2 0.049999997 0.07 -0.02]
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
