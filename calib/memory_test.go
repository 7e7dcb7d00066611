package calib

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"euryale/internal/tensortest"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// TestMemoryOfSamples observes a thousand samples and a million, of points per tensor and per channel, with
// moving averages: what is held stays.
func TestMemoryOfSamples(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	few, many := heldBehind(t, 1_000), heldBehind(t, 1_000_000)
	t.Logf("%d bytes behind 1,000 samples, %d behind 1,000,000", few, many)
	if many > few+few/8 {
		t.Errorf("got %d bytes behind 1,000,000 samples, want about the %d of 1,000", many, few)
	}
}

// heldBehind returns how many bytes a Calibrator holds when it has observed samples, and has made ranges.
func heldBehind(t *testing.T, samples int) int64 {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 1))
	batches := make([][]float32, 64)
	for i := range batches {
		batches[i] = tensortest.Gaussian(rng, 8, 1)
		batches[i][0] = 6 // so that all have the range
		batches[i][1] = -6
	}
	before := held()
	c, err := NewCalibrator(map[string]tensor.Shape{"x": nil, "y": {4, 2}}, PerChannel(1, "y"), WithMovingAverage(0.01))
	if err != nil {
		t.Fatal(err)
	}
	for i := range samples {
		batch := batches[i%len(batches)]
		for _, key := range []string{"x", "y"} {
			if err := c.ObserveFloat32(key, batch, tensor.Shape{4, 2}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, e := range estimators() {
		p := c.Profile()
		for key, s := range map[string]qtensor.Scheme{"x": qtensor.Affine(8), "y": qtensor.PerChannelAffine(8, 1)} {
			if _, err := p.Params(key, s, e); err != nil {
				t.Fatal(fmt.Errorf("%v: %w", e, err))
			}
		}
	}
	after := held()
	runtime.KeepAlive(c)
	return after - before
}

// held returns how many bytes are reachable.
func held() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
