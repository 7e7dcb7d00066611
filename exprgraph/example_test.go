package exprgraph_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"euryale/calib"
	"euryale/exprgraph"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A calibration script and one that uses its profile: what one run of the samples showed gives the parameters
// of a layer's input and output at 8 bits and at 4.
func ExampleAttach() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "profile.json")
	if err := calibrate(path); err != nil {
		log.Fatal(err)
	}

	profile, err := calib.LoadProfile(path)
	if err != nil {
		log.Fatal(err)
	}
	for _, key := range profile.Keys() {
		for _, s := range []qtensor.Scheme{qtensor.Affine(8), qtensor.UInt4()} {
			p, err := profile.Params(key, s, calib.MinMax())
			if err != nil {
				log.Fatal(err)
			}
			fmt.Printf("%-6s %-8v [%v, %v] scale %.4f zero point %d\n", key, s, p.Min[0], p.Max[0], p.Scales[0], p.ZeroPoints[0])
		}
	}
	p, err := profile.Params("fc.out", qtensor.PerChannelSymmetric(8, 1), calib.MinMax())
	fmt.Println(p.Min, p.Max, err)
	// Output:
	// fc.in  affine8  [-1, 3] scale 0.0157 zero point 64
	// fc.in  uint4    [-1, 3] scale 0.2667 zero point 4
	// fc.out affine8  [-1, 4.5] scale 0.0216 zero point 46
	// fc.out uint4    [-1, 4.5] scale 0.3667 zero point 3
	// [-1 -0.5] [4 4.5] <nil>
}

// calibrate runs samples through a float graph and saves what went into and came out of its layer.
func calibrate(path string) error {
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(1, 2), gorgonia.WithName("x"))
	w := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName("fc"), gorgonia.WithValue(
		tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{1, 0.5, -1, 2}))))
	y := gorgonia.Must(gorgonia.Mul(x, w))
	gorgonia.Must(gorgonia.Rectify(y))

	points := map[string]*gorgonia.Node{"fc.in": x, "fc.out": y}
	c, err := exprgraph.Attach(g, points, calib.PerChannel(1, "fc.out"))
	if err != nil {
		return err
	}
	vm := gorgonia.NewTapeMachine(g, gorgonia.EvalMode())
	defer vm.Close()
	for _, sample := range [][]float32{{1, 2}, {-0.5, 0}, {3, -1}} {
		if err := gorgonia.Let(x, tensor.New(tensor.WithShape(1, 2), tensor.WithBacking(sample))); err != nil {
			return err
		}
		if err := vm.RunAll(); err != nil {
			return err
		}
		vm.Reset()
	}
	return c.Profile().Save(path)
}
