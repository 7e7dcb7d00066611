package ptq_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"euryale/exprgraph"
	"euryale/model"
	"euryale/ptq"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// From a float graph to a model that is saved and loaded again.
func Example() {
	ctx := context.Background()
	weight := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{1, -2, 0.5, 0.25, 1, -1}))
	bias := tensor.New(tensor.WithShape(3), tensor.WithBacking([]float32{0.5, 0, 1}))
	samples := func(yield func(ptq.Sample, error) bool) {
		yield(ptq.Sample{"x": tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{1, 2, -1, 0.5}))}, nil)
	}
	dir, err := os.MkdirTemp("", "")
	check(err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.safetensors")
	sample := tensor.New(tensor.WithShape(1, 2), tensor.WithBacking([]float32{1, 2}))

	g := gorgonia.NewGraph() // the graph that was trained, at whatever batch size
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(32, 2), gorgonia.WithName("x"))
	w := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(2, 3), gorgonia.WithName("w"), gorgonia.WithValue(weight))
	b := gorgonia.NewVector(g, tensor.Float32, gorgonia.WithShape(3), gorgonia.WithName("b"), gorgonia.WithValue(bias))
	h := gorgonia.Must(gorgonia.Rectify(gorgonia.Must(gorgonia.BroadcastAdd(gorgonia.Must(gorgonia.Mul(x, w)), b, nil, []byte{0}))))

	float, _, err := exprgraph.Read(ctx, gorgonia.Nodes{x}, gorgonia.Nodes{h}) // compared with Gorgonia
	check(err)
	m, report, err := ptq.Quantize(ctx, float, samples, ptq.Config{Activations: model.StaticInt8})
	check(err)
	fmt.Println(report.Layers[0].Name, report.Layers[0].Weights, report.Layers[0].Activations) // report itself is a table
	check(m.Save(path))

	loaded, err := model.Load(path) // needs neither the graph nor Gorgonia
	check(err)
	y, err := loaded.Run(ctx, map[string]tensor.Tensor{"x": sample}) // any batch size
	check(err)
	fmt.Printf("%.1f\n", y[loaded.Outputs()[0].Name].(*tensor.Dense).Float32s())
	// Output:
	// w symmetric8@1 static-int8
	// [2.0 0.0 0.0]
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
