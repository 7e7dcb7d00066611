package model_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// A network of one layer is quantized, saved, loaded and run. ptq.Quantize does the first part for any
// network.
func Example() {
	weight := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{1, -2, 0.5, 0.25, 1, -1}))
	q, err := qtensor.Quantize(weight, qtensor.PerChannelSymmetric(8, 1))
	check(err)
	made, err := model.New(product(weight.Float32s()), map[string]model.Layer{"fc1": {Weight: q}})
	check(err)
	dir, err := os.MkdirTemp("", "example")
	check(err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.safetensors")
	check(made.Save(path))

	m, err := model.Load(path)
	check(err)
	defer m.Close()
	x := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{1, 2, -1, 0.5})) // a batch of 2
	out, err := m.Run(context.Background(), map[string]tensor.Tensor{"x": x})
	check(err)
	fmt.Printf("%v %.2f\n", out["y"].Shape(), out["y"].(*tensor.Dense).Float32s())
	// Output:
	// (2, 3) [1.50 0.02 -1.50 -0.87 2.50 -1.00]
}

// product returns the network y = x·w, for x of shape (batch, 2) and w of shape (2, 3).
func product(w []float32) *model.Network {
	return &model.Network{
		Inputs:    []model.Value{{Name: "x", Shape: []int{-1, 2}}},
		Outputs:   []model.Value{{Name: "y", Shape: []int{-1, 3}}},
		Nodes:     []model.Node{{Op: "MatMul", Name: "fc1", Inputs: []string{"x", "fc1.w"}, Output: "y"}},
		Constants: map[string]*model.Constant{"fc1.w": {Shape: []int{2, 3}, Data: w}},
	}
}

// Observe shows every value of a run.
func ExampleModel_Observe() {
	m, err := model.New(product([]float32{1, -2, 0.5, 0.25, 1, -1}), nil)
	check(err)
	x := tensor.New(tensor.WithShape(1, 2), tensor.WithBacking([]float32{1, 2}))
	err = m.Observe(context.Background(), map[string]tensor.Tensor{"x": x}, func(name string, x []float32) error {
		fmt.Println(name, x)
		return nil
	})
	check(err)
	// Output:
	// x [1 2]
	// y [1.5 0 -1.5]
}

// String lists inputs, outputs and layers.
func ExampleModel_String() {
	m, err := model.New(product([]float32{1, -2, 0.5, 0.25, 1, -1}), nil)
	check(err)
	fmt.Print(m)
	// Output:
	// input   x       float32  [-1 2]
	// output  y       float32  [-1 3]
	// layer   op      weight   activations  bytes
	// fc1     MatMul  float32  float32      24
	// 1 layers, 0 of them quantized, with weights of 24 bytes
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
