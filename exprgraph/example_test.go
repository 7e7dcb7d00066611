package exprgraph_test

import (
	"fmt"

	"euryale/calib"
	"euryale/exprgraph"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// One run of the samples shows the ranges of a layer's input and output, which give parameters of any scheme.
// For a program that runs later, Profile.Save keeps them.
func ExampleAttach() {
	weight := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{1, 0.5, -1, 2}))
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(1, 2), gorgonia.WithName("x"))
	w := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName("fc"), gorgonia.WithValue(weight))
	y := gorgonia.Must(gorgonia.Mul(x, w))

	c, err := exprgraph.Attach(g, map[string]*gorgonia.Node{"fc.in": x, "fc.out": y}, calib.PerChannel(1, "fc.out"))
	check(err)
	vm := gorgonia.NewTapeMachine(g, gorgonia.EvalMode())
	defer vm.Close()
	for _, sample := range [][]float32{{1, 2}, {-0.5, 0}, {3, -1}} {
		check(gorgonia.Let(x, tensor.New(tensor.WithShape(1, 2), tensor.WithBacking(sample))))
		check(vm.RunAll())
		vm.Reset()
	}

	profile := c.Profile()
	for _, s := range []qtensor.Scheme{qtensor.Affine(8), qtensor.UInt4()} {
		p, err := profile.Params("fc.in", s, calib.MinMax())
		check(err)
		fmt.Printf("%v: [%v, %v], scale %.4f, zero point %d\n", s, p.Min[0], p.Max[0], p.Scales[0], p.ZeroPoints[0])
	}
	p, err := profile.Params("fc.out", qtensor.PerChannelSymmetric(8, 1), calib.MinMax())
	check(err)
	fmt.Println("by channel:", p.Min, p.Max)
	// Output:
	// affine8: [-1, 3], scale 0.0157, zero point 64
	// uint4: [-1, 3], scale 0.2667, zero point 4
	// by channel: [-1 -0.5] [4 4.5]
}
