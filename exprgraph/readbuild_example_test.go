package exprgraph_test

import (
	"context"
	"fmt"
	"log"

	"euryale/exprgraph"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// layer makes y = max(x·w, 0) for a batch size.
func layer(batch int) (exprgraph.Graph, error) {
	weight := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{1, 0.5, -1, 2}))
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(batch, 2), gorgonia.WithName("x"))
	w := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName("w"), gorgonia.WithValue(weight))
	y, err := gorgonia.Rectify(gorgonia.Must(gorgonia.Mul(x, w)))
	return exprgraph.Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{y}}, err
}

// The nodes of a graph become a float model, which gives Gorgonia's results at any batch size.
func ExampleRead() {
	net, err := layer(7) // or what was trained, at whatever batch size
	check(err)
	m, report, err := exprgraph.Read(context.Background(), net.Inputs, net.Outputs)
	check(err)
	fmt.Println(m.Inputs()[0].Shape, report.Outputs[0].SQNR)

	x := tensor.New(tensor.WithShape(1, 2), tensor.WithBacking([]float32{1, 2}))
	y, err := m.Run(context.Background(), map[string]tensor.Tensor{"x": x})
	check(err)
	fmt.Println(y[m.Outputs()[0].Name].(*tensor.Dense).Float32s())
	// Output:
	// [-1 2] +Inf
	// [0 4.5]
}

// A function that makes a graph becomes a float model, which gives Gorgonia's results at any batch size.
func ExampleReadBuild() {
	m, report, err := exprgraph.ReadBuild(context.Background(), layer)
	check(err)
	fmt.Println(m.Inputs()[0].Shape, m.Layers()[0].Name, report.Outputs[0].SQNR, report.Seeded)

	x := tensor.New(tensor.WithShape(3, 2), tensor.WithBacking([]float32{1, 2, -1, 0, 0, 1}))
	y, err := m.Run(context.Background(), map[string]tensor.Tensor{"x": x})
	check(err)
	fmt.Println(y[m.Outputs()[0].Name].(*tensor.Dense).Float32s())
	// Output:
	// [-1 2] w +Inf true
	// [0 4.5 0 0 0 2]
}

// A model stands in a graph, between Gorgonia's own ops.
func ExampleEmbed() {
	m, _, err := exprgraph.ReadBuild(context.Background(), layer) // or ptq.Quantize, or model.Load
	check(err)

	g := gorgonia.NewGraph()
	values := tensor.New(tensor.WithShape(1, 2), tensor.WithBacking([]float32{1, 2}))
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName("x"), gorgonia.WithValue(values))
	outputs, err := exprgraph.Embed(m, map[string]*gorgonia.Node{"x": x})
	check(err)
	y := gorgonia.Must(gorgonia.Neg(outputs[m.Outputs()[0].Name]))
	vm := gorgonia.NewTapeMachine(g)
	defer vm.Close()
	check(vm.RunAll())
	fmt.Println(y.Value().Data())
	// Output:
	// [-0 -4.5]
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
