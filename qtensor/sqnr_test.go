package qtensor_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"euryale/qtensor"
)

// TestSQNR quantizes 2^16 samples of a normal distribution. A step s makes noise of s²/12, so that each row
// of the table is the mean of 10·log10(12/s²) over the distribution of s: of the largest of n samples for the
// symmetric schemes, of the span of n for the others.
func TestSQNR(t *testing.T) {
	const rows, columns = 64, 1024
	rng := rand.New(rand.NewPCG(20, 26))
	data := make([]float32, rows*columns)
	for i := range data {
		data[i] = float32(rng.NormFloat64())
	}
	x := newTensor(data, rows, columns)
	for _, c := range []struct {
		scheme    qtensor.Scheme
		want      float64
		tolerance float64
	}{
		{qtensor.Symmetric(8), 40.2, 1},
		{qtensor.Affine(8), 40.2, 1},
		{qtensor.PerChannelSymmetric(8, 0), 42.1, 0.2},
		{scaled(qtensor.Symmetric(8).PerGroup(0, 32)), 45.4, 0.1},
		{scaled(qtensor.Int4().PerGroup(0, 32)), 20.2, 0.2},
		{qtensor.BFloat16(), 55.6, 0.05},
		{qtensor.Float16(), 73.65, 0.05},
	} {
		stats, err := mustQuantize(t, x, c.scheme).Compare(x)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%v: %v", c.scheme, stats)
		if math.Abs(stats.SQNR-c.want) > c.tolerance {
			t.Errorf("%v: %v, want %v ± %v dB", c.scheme, stats, c.want, c.tolerance)
		}
	}
}
