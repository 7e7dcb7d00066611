package calib

import (
	"math"
	"testing"

	"euryale/qtensor"
)

// TestFigures has the SQNR of a gaussian and of its positive part with one range for all, on 2^20 values:
// figures of known good implementations, which bench/estimators takes over more seeds.
func TestFigures(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	const seeds, n = 3, 1 << 20
	list := []struct {
		name      string
		of        func(seed uint64) []float32
		s         qtensor.Scheme
		estimator RangeEstimator
		want      float64 // dB
		within    float64 // the range of a few seeds moves the figures of min-max by so much
	}{
		{"gaussian", normal, qtensor.Affine(8), MinMax(), 39.4, 0.7},
		{"gaussian", normal, qtensor.Affine(8), Percentile(99.99), 40.7, 0.3},
		{"gaussian", normal, qtensor.Affine(8), MSE(), 40.7, 0.3},
		{"gaussian", normal, qtensor.Affine(8), HistogramL2(), 40.7, 0.3},
		{"gaussian", normal, qtensor.UInt4(), MinMax(), 14.4, 0.7},
		{"gaussian", normal, qtensor.UInt4(), MSE(), 19.3, 0.3},
		{"gaussian", normal, qtensor.UInt4(), HistogramL2(), 18.7, 0.3}, // an end at a time is not the best way
		{"ReLU", positive, qtensor.UInt4(), MinMax(), 20.6, 0.7},
		{"ReLU", positive, qtensor.UInt4(), MSE(), 24.4, 0.3},
		{"ReLU", positive, qtensor.UInt4(), HistogramL2(), 24.4, 0.3},
	}
	for _, c := range list {
		var got float64
		for seed := range uint64(seeds) {
			values := c.of(seed)[:n]
			lo, hi := estimate(t, c.estimator, histogramOf(values), c.s)
			var power float64
			for _, x := range values {
				power += float64(x) * float64(x)
			}
			got += decibel(power, squaredError(t, values, c.s, lo, hi)) / seeds
		}
		t.Logf("%s, %v of %v: %.2f dB", c.name, c.estimator, c.s, got)
		if !(math.Abs(got-c.want) <= c.within) && !(got > c.want && c.estimator != MinMax()) {
			t.Errorf("%s, %v of %v: got %.2f dB, want %.1f", c.name, c.estimator, c.s, got, c.want)
		}
	}
}

func normal(seed uint64) []float32   { return gaussians(70+seed, 1<<20, 1) }
func positive(seed uint64) []float32 { return relu(normal(seed)) }
