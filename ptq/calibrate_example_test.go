package ptq_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"euryale/calib"
	"euryale/model"
	"euryale/ptq"

	"gorgonia.org/tensor"
)

// A calibration script keeps what it saw in a file, and another program quantizes with it.
func ExampleQuantize_calibrated() {
	ctx := context.Background()
	float, samples := exampleModel()
	sample := map[string]tensor.Tensor{"x": tensor.New(tensor.WithShape(1, 2), tensor.WithBacking([]float32{1, 2}))}
	batches := slices.Values([]map[string]tensor.Tensor{sample})
	dir, err := os.MkdirTemp("", "")
	check(err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "profile.json")

	points := map[string]tensor.Shape{}
	check(float.Observe(ctx, sample, func(name string, _ []float32) error { points[name] = nil; return nil }))
	c, err := calib.NewCalibrator(points)
	check(err)
	for sample := range batches { // of any size
		check(float.Observe(ctx, sample, func(name string, x []float32) error { return c.ObserveFloat32(name, x, nil) }))
	}
	check(c.Profile().Save(path))

	profile, err := calib.LoadProfile(path)
	check(err)
	m, report, err := ptq.Quantize(ctx, float, samples, ptq.Config{Activations: model.StaticInt8, Profile: profile})
	check(err)
	fmt.Println(len(m.Layers()), report.Layers[0].Low, report.Layers[0].High)
	// Output:
	// 1 1 2
}
