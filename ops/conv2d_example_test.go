package ops_test

import (
	"fmt"

	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A convolution takes the arguments of gorgonia.Conv2d, with packed filters: one that finds edges from top
// to bottom.
func ExampleConv2d() {
	filters := tensor.New(tensor.WithShape(1, 1, 3, 3), tensor.WithBacking([]float32{1, 2, 1, 0, 0, 0, -1, -2, -1}))
	q, err := qtensor.Quantize(filters, qtensor.PerChannelSymmetric(8, 0))
	check(err)
	w, err := ops.PackConv2d(q, 1)
	check(err)
	g := gorgonia.NewGraph()
	image := tensor.New(tensor.WithShape(1, 1, 4, 4), tensor.WithBacking([]float32{0, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9}))
	im := gorgonia.NewTensor(g, tensor.Float32, 4, gorgonia.WithShape(1, 1, 4, 4), gorgonia.WithName("im"), gorgonia.WithValue(image))
	y := gorgonia.Must(ops.Conv2d(im, w, tensor.Shape{3, 3}, []int{0, 0}, []int{1, 1}, []int{1, 1}))
	vm := gorgonia.NewTapeMachine(g)
	defer vm.Close()
	check(vm.RunAll())
	fmt.Printf("%v %.1f\n", y.Shape(), y.Value().Data())
	// 1 became 64 steps of 2/127, which is a little more.
	// Output: (1, 1, 2, 2) [-36.1 -36.1 -36.1 -36.1]
}
