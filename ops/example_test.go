package ops_test

import (
	"fmt"
	"log"

	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A graph with a quantized layer between stock ops.
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
