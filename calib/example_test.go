package calib_test

import (
	"fmt"
	"log"

	"euryale/calib"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// A script without a graph: samples come from anywhere, and a Calibrator keeps ranges by channel and averages
// of batches.
func ExampleCalibrator() {
	c, err := calib.NewCalibrator(map[string]tensor.Shape{"fc.in": {2, 2}}, calib.PerChannel(1), calib.WithMovingAverage(0.5))
	if err != nil {
		log.Fatal(err)
	}
	for _, batch := range [][]float32{{0, 1, 2, 3}, {-2, 1, 1, 5}} {
		if err := c.ObserveFloat32("fc.in", batch, tensor.Shape{2, 2}); err != nil {
			log.Fatal(err)
		}
	}
	s := qtensor.PerChannelAffine(8, 1)
	extremes, err := c.Profile().Params("fc.in", s, calib.MinMax())
	if err != nil {
		log.Fatal(err)
	}
	averages, err := c.MovingAverage("fc.in", s)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(extremes.Min, extremes.Max, averages.Min, averages.Max)
	// Output:
	// [-2 1] [2 5] [-1 1] [1.5 4]
}

// What several machines saw merges into what one would have seen.
func ExampleProfile_Merge() {
	var kitchen, garden calib.Profile
	if err := kitchen.Observe("sensor", tensor.New(tensor.WithBacking([]float32{0, 1, 2.5}))); err != nil {
		log.Fatal(err)
	}
	if err := garden.Observe("sensor", tensor.New(tensor.WithBacking([]float32{-1, 0.5}))); err != nil {
		log.Fatal(err)
	}
	if err := kitchen.Merge(&garden); err != nil {
		log.Fatal(err)
	}
	p, err := kitchen.Params("sensor", qtensor.Symmetric(8), calib.MinMax())
	fmt.Println(p.Min, p.Max, p.Scales, err)
	// Output:
	// [-1] [2.5] [0.01968504] <nil>
}
