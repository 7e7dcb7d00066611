package calib_test

import (
	"fmt"

	"euryale/calib"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// One calibration of a layer gives the parameters of its input and its output at 8 bits and at 4.
func ExampleAttach() {
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(1, 2), gorgonia.WithName("x"))
	w := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName("fc"), gorgonia.WithValue(
		tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{1, 0.5, -1, 2}))))
	y := gorgonia.Must(gorgonia.Mul(x, w))
	gorgonia.Must(gorgonia.Rectify(y))

	watch, err := calib.Attach(g, map[string]*gorgonia.Node{"fc.in": x, "fc.out": y}, calib.PerChannel(1, "fc.out"))
	if err != nil {
		fmt.Println(err)
		return
	}
	vm := gorgonia.NewTapeMachine(g, gorgonia.EvalMode())
	defer vm.Close()
	for _, sample := range [][]float32{{1, 2}, {-0.5, 0}, {3, -1}} {
		err := gorgonia.Let(x, tensor.New(tensor.WithShape(1, 2), tensor.WithBacking(sample)))
		if err == nil {
			err = vm.RunAll()
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		vm.Reset()
	}

	profile := watch.Profile()
	for _, key := range profile.Keys() {
		for _, s := range []qtensor.Scheme{qtensor.Affine(8), qtensor.UInt4()} {
			p, err := profile.Params(key, s, calib.MinMax())
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Printf("%-6s %-10v [%v, %v] scale %.4f zero point %d\n", key, s, p.Min[0], p.Max[0], p.Scales[0], p.ZeroPoints[0])
		}
	}
	p, err := profile.Params("fc.out", qtensor.PerChannelSymmetric(8, 1), calib.MinMax())
	fmt.Println(p.Min, p.Max, err)
	// Output:
	// fc.in  affine8    [-1, 3] scale 0.0157 zero point 64
	// fc.in  uint4      [-1, 3] scale 0.2667 zero point 4
	// fc.out affine8    [-1, 4.5] scale 0.0216 zero point 46
	// fc.out uint4      [-1, 4.5] scale 0.3667 zero point 3
	// [-1 -0.5] [4 4.5] <nil>
}

func ExampleProfile() {
	var kitchen, garden calib.Profile
	for p, batch := range map[*calib.Profile][]float32{&kitchen: {0, 1, 2.5}, &garden: {-1, 0.5}} {
		if err := p.Observe("sensor", tensor.New(tensor.WithBacking(batch))); err != nil {
			fmt.Println(err)
		}
	}
	if err := kitchen.Merge(&garden); err != nil {
		fmt.Println(err)
	}
	p, err := kitchen.Params("sensor", qtensor.Symmetric(8), calib.MinMax())
	fmt.Println(p.Min, p.Max, p.Scales, err)
	// Output:
	// [-1] [2.5] [0.01968504] <nil>
}
