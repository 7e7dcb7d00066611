package ops_test

import (
	"fmt"
	"log"

	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A graph with a quantized layer between Gorgonia's own ops.
func Example() {
	weight := tensor.New(tensor.WithShape(3, 2), tensor.WithBacking([]float32{
		1, -0.5,
		0.25, 0.75,
		-1, 0.5,
	}))
	q, err := qtensor.Quantize(weight, qtensor.PerChannelSymmetric(8, 1))
	if err != nil {
		log.Fatal(err)
	}
	packed, err := ops.Pack(q) // once; any number of graphs may share it
	if err != nil {
		log.Fatal(err)
	}
	bias := tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{0.5, -1}))

	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(2, 3), gorgonia.WithName("x"))
	hidden := gorgonia.Must(ops.Linear(x, packed, ops.WithBias(bias), ops.WithReLU()))
	y := gorgonia.Must(gorgonia.SoftMax(hidden))
	var out gorgonia.Value
	gorgonia.Read(y, &out)

	vm := gorgonia.NewTapeMachine(g)
	defer vm.Close()
	for _, sample := range [][]float32{{1, 2, 3, 0, 0, 0}, {4, 0, 0, 0, 4, 0}} {
		if err := gorgonia.Let(x, tensor.New(tensor.WithShape(2, 3), tensor.WithBacking(sample))); err != nil {
			log.Fatal(err)
		}
		if err := vm.RunAll(); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%.3f\n", out.Data())
		vm.Reset()
	}
	// Output:
	// [0.182 0.818 0.622 0.378]
	// [0.989 0.011 0.379 0.621]
}

// The example of README.md.
func ExampleLinear() {
	weight := tensor.New(tensor.WithShape(4, 2), tensor.WithBacking([]float32{0.7, -0.1, -0.35, 0.2, 0.1, 0.14, 0, 0.06}))
	bias := tensor.New(tensor.WithBacking([]float32{0.5, -1}))
	samples := tensor.New(tensor.WithShape(2, 4), tensor.WithBacking([]float32{1, 2, 3, 4, 0, 10, 0, 5}))

	q, err := qtensor.Quantize(weight, qtensor.Int4().PerGroup(1, 32)) // weight is (in, out)
	check(err)
	cost, err := q.Compare(weight)
	check(err)
	fmt.Println(q)
	fmt.Println(cost)

	w, err := ops.Pack(q) // once; any number of graphs and goroutines share it
	check(err)
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(2, 4), gorgonia.WithName("x"), gorgonia.WithValue(samples))
	y := gorgonia.Must(ops.Linear(x, w, ops.WithBias(bias), ops.WithReLU())) // among Gorgonia's own ops
	vm := gorgonia.NewTapeMachine(g)
	defer vm.Close()
	check(vm.RunAll())
	fmt.Println(y.Value().Data())
	// Output:
	// QTensor (4, 2) int4/g32@1, 12 bytes, 12.00 bits per element, 2 scales 0.02857 to 0.1
	// SQNR 24.08 dB, max error 0.05, mean error 0.00875, cosine 0.998511, clipped 0.0000%
	// [0.7 0 0 1.2857144]
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
	sentence := gorgonia.NewVector(g, tensor.Int, gorgonia.WithShape(3), gorgonia.WithName("sentence"), gorgonia.WithValue(tensor.New(tensor.WithBacking([]int{2, 0, 3}))))
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
