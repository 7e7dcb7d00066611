package calib_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"euryale/calib"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Observe batches, and quantize others by what they showed.
func Example() {
	c, err := calib.NewCalibrator(map[string]tensor.Shape{"fc1.in": nil})
	check(err)
	for _, batch := range [][]float32{{0, 1, 2, 3}, {-1, 1, 1, 4.1}} {
		check(c.Observe("fc1.in", tensor.New(tensor.WithShape(2, 2), tensor.WithBacking(batch))))
	}
	params, err := c.Profile().Params("fc1.in", qtensor.Affine(8), calib.MinMax())
	check(err)
	q, err := qtensor.QuantizeWith(tensor.New(tensor.WithBacking([]float32{-2, 0, 2})), params)
	check(err)
	fmt.Println(params.Min, params.Max, params.Scales, params.ZeroPoints, q.Codes().Data())
	// Output:
	// [-1] [4.1] [0.02] [50] [0 50 150]
}

// Ranges by channel, and moving averages of the batches beside the histograms.
func ExampleCalibrator() {
	c, err := calib.NewCalibrator(map[string]tensor.Shape{"fc.in": {2, 2}}, calib.PerChannel(1), calib.WithMovingAverage(0.5))
	check(err)
	for _, batch := range [][]float32{{0, 1, 2, 3}, {-2, 1, 1, 5}} {
		check(c.ObserveFloat32("fc.in", batch, tensor.Shape{2, 2}))
	}
	s := qtensor.PerChannelAffine(8, 1)
	extremes, err := c.Profile().Params("fc.in", s, calib.MinMax())
	check(err)
	averages, err := c.MovingAverage("fc.in", s)
	check(err)
	fmt.Println(extremes.Min, extremes.Max, averages.Min, averages.Max)
	// Output:
	// [-2 1] [2 5] [-1 1] [1.5 4]
}

// The bins are as wide as the range needs, at most 4096, and have edges that are exact.
func ExampleHistogram_Bins() {
	var h calib.Histogram
	h.Observe([]float32{-1, 0.25, 0.25, 2048})
	for b := range h.Bins() {
		if b.Count > 0 {
			fmt.Printf("%v to %v: %d\n", b.Low, b.High, b.Count)
		}
	}
	fmt.Println(h.Min(), h.Max(), h.Count())
	// Output:
	// -1 to 0: 1
	// 0 to 1: 2
	// 2048 to 2049: 1
	// -1 2048 4
}

// clip is an estimator that leaves out a fraction of the values at either end of the range.
type clip struct{ fraction float64 }

func (e clip) String() string { return fmt.Sprintf("clip %v", e.fraction) }

func (e clip) Range(h *calib.Histogram, s qtensor.Scheme) (lo, hi float32, err error) {
	lo, hi, err = calib.MinMax().Range(h, s) // an error for an empty histogram, which has no bins
	n, seen := float64(h.Count()), 0.0
	for b := range h.Bins() {
		if seen <= e.fraction*n {
			lo = max(h.Min(), float32(b.Low))
		}
		if seen += float64(b.Count); seen >= (1-e.fraction)*n {
			return lo, min(h.Max(), float32(b.High)), nil
		}
	}
	return lo, hi, err
}

// An estimator of one's own, by which 1% of the values, at either end, may saturate.
func ExampleRangeEstimator() {
	var p calib.Profile
	x := make([]float32, 1000)
	for i := range x {
		x[i] = float32(i) / 1000
	}
	x[0], x[999] = -100, 100 // outliers
	check(p.Observe("fc.in", tensor.New(tensor.WithBacking(x))))
	for _, e := range []calib.RangeEstimator{calib.MinMax(), clip{0.01}} {
		params, err := p.Params("fc.in", qtensor.Affine(8), e)
		check(err)
		fmt.Println(e, params.Min, params.Max)
	}
	// Output:
	// minmax [-100] [100]
	// clip 0.01 [0] [1]
}

// A profile is kept in a file, and serves any scheme.
func ExampleProfile_Save() {
	dir, err := os.MkdirTemp("", "example")
	check(err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "profile.json")

	var seen calib.Profile
	check(seen.Observe("fc.in", tensor.New(tensor.WithBacking([]float32{-1, 0, 3}))))
	check(seen.Save(path))

	p, err := calib.LoadProfile(path)
	check(err)
	for _, s := range []qtensor.Scheme{qtensor.Affine(8), qtensor.UInt4()} {
		params, err := p.Params("fc.in", s, calib.MinMax())
		check(err)
		fmt.Println(s, params.Scales, params.ZeroPoints)
	}
	// Output:
	// affine8 [0.015686275] [64]
	// uint4 [0.26666668] [4]
}

// What several machines saw merges into what one would have seen.
func ExampleProfile_Merge() {
	var kitchen, garden calib.Profile
	check(kitchen.Observe("sensor", tensor.New(tensor.WithBacking([]float32{0, 1, 2.5}))))
	check(garden.Observe("sensor", tensor.New(tensor.WithBacking([]float32{-1, 0.5}))))
	check(kitchen.Merge(&garden))
	p, err := kitchen.Params("sensor", qtensor.Symmetric(8), calib.MinMax())
	fmt.Println(p.Min, p.Max, p.Scales, err)
	// Output:
	// [-1] [2.5] [0.01968504] <nil>
}

// The average follows the ranges of batches: half of the last, a quarter of the one before, and so on.
func ExampleMovingAverage() {
	m, err := calib.NewMovingAverage(0.5)
	check(err)
	for _, batch := range [][]float32{{-1, 1}, {-1, 3}, {-9, 2}} {
		m.Observe(batch)
	}
	lo, hi, err := m.Range()
	fmt.Println(lo, hi, err)
	// Output:
	// -5 2 <nil>
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
