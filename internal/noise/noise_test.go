package noise_test

import (
	"math"
	"math/rand/v2"
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

// TestCut has the same noise, bit for bit, of values that are added at once and in parts, with NaN and
// infinities among them, and what a plain sum has to 12 digits.
func TestCut(t *testing.T) {
	const size = 10000
	inf := float32(math.Inf(1))
	r := rand.New(rand.NewPCG(1, 2))
	x, y := make([]float32, size), make([]float32, size)
	var signal, off float64
	for i := range x {
		x[i] = float32(r.NormFloat64())
		y[i] = x[i] + float32(r.NormFloat64())/100
		if i == 5000 || i == 9999 {
			x[i], y[i] = -inf, -inf
			continue
		}
		signal += float64(x[i]) * float64(x[i])
		off += (float64(x[i]) - float64(y[i])) * (float64(x[i]) - float64(y[i]))
	}
	var whole, parts noise.Noise
	whole.Add(x, y)
	for at := 0; at < size; {
		n := min(size-at, r.IntN(300))
		parts.Add(x[at:at+n], y[at:at+n])
		at += n
	}
	if whole != parts {
		t.Errorf("got %v of the whole, %v of parts, want the same", whole.SQNR(), parts.SQNR())
	}
	if want := 10 * math.Log10(signal/off); math.Abs(whole.SQNR()-want) > 1e-12*want {
		t.Errorf("got %v dB, want %v", whole.SQNR(), want)
	}
	x[7777] = 0
	y[7777] = inf
	whole.Add(x, y)
	if got := whole.SQNR(); !math.IsInf(got, -1) {
		t.Errorf("an infinity alone: got %v dB, want -Inf", got)
	}
}

func TestSquares(t *testing.T) {
	x, want := make([]float32, 1000), 0.
	for i := range x {
		x[i] = float32(i - 300)
		want += float64(x[i]) * float64(x[i]) // an integer
	}
	var whole, parts noise.Squares
	whole.Add(x)
	for n := 1; len(x) > 0; n++ {
		n := min(n, len(x))
		parts.Add(x[:n])
		x = x[n:]
	}
	if whole != parts || whole.Sum() != want {
		t.Errorf("got %v of the whole and %v of parts, want %v of both", whole.Sum(), parts.Sum(), want)
	}
}

func TestFarthest(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		x, y              []float32
		largest, farthest float64
	}{
		{nil, nil, 0, 0},
		{[]float32{1, -3, 2}, []float32{1, -2.5, 4}, 3, 2},
		{[]float32{nan, inf, 1}, []float32{nan, inf, 1}, 1, 0},
		{[]float32{nan, 2}, []float32{1, 1}, 2, math.Inf(1)},
		{[]float32{5, 2}, []float32{-inf, 1}, 2, math.Inf(1)},
	} {
		if largest, farthest := noise.Farthest(c.x, c.y); largest != c.largest || farthest != c.farthest {
			t.Errorf("%v and %v: got %v and %v, want %v and %v", c.x, c.y, largest, farthest, c.largest, c.farthest)
		}
	}
}
