package noise_test

import (
	"math"
	"testing"

	"euryale/internal/noise"
)

func TestSQNR(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, c := range map[string]struct {
		values, others []float32
		want           float64
	}{
		"nothing":          {nil, nil, math.Inf(1)},
		"equal":            {[]float32{1, -2, 0}, []float32{1, -2, 0}, math.Inf(1)},
		"a tenth":          {[]float32{10, 0}, []float32{9, 0}, 20},
		"NaN in both":      {[]float32{nan, 10}, []float32{nan, 9}, 20},
		"NaN in one":       {[]float32{1, 10}, []float32{nan, 10}, math.Inf(-1)},
		"NaN in the other": {[]float32{nan, 10}, []float32{1, 10}, math.Inf(-1)},
		"infinity in both": {[]float32{inf, 10}, []float32{inf, 9}, 20},
		"of another sign":  {[]float32{inf, 10}, []float32{-inf, 10}, math.Inf(-1)},
	} {
		var n noise.Noise
		n.Add(c.values, c.others)
		if got := n.SQNR(); !(math.Abs(got-c.want) < 1e-9) && got != c.want {
			t.Errorf("%s: got %v dB, want %v", name, got, c.want)
		}
	}
}
