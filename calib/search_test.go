package calib

import (
	"math"
	"slices"
	"testing"

	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// lossy are data of which quantizing to few bits loses something, and clipping may gain something.
var lossy = map[string][]float32{
	"gaussian":   gaussians(51, 20000, 1),
	"ReLU":       relu(gaussians(52, 20000, 1)),
	"lopsided":   lopsided(gaussians(53, 20000, 1)),
	"outliers":   append(gaussians(54, 20000, 1), 30, -55, 42),
	"two levels": append(gaussians(55, 20000, 1), gaussians(56, 200, 12)...),
	"far":        shifted(gaussians(57, 20000, 1), 40),
	"negative":   negated(relu(gaussians(58, 20000, 1e-12))),
	"evenly":     even(20000),
	"integers":   rounded(gaussians(59, 20000, 40)),
	"heavy":      cubed(gaussians(60, 20000, 1)),
}

func lopsided(x []float32) []float32 {
	for i, v := range x {
		x[i] = max(v, v/20)
	}
	return x
}

func even(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 2*float32(i)/float32(n) - 1
	}
	return x
}

func rounded(x []float32) []float32 {
	for i, v := range x {
		x[i] = float32(math.Round(float64(v)))
	}
	return x
}

func cubed(x []float32) []float32 {
	for i, v := range x {
		x[i] = v * v * v
	}
	return x
}

// squaredError returns the sum of squared errors of values that are quantized by the parameters of a range.
func squaredError(t *testing.T, values []float32, s qtensor.Scheme, lo, hi float32) float64 {
	t.Helper()
	x := tensor.New(tensor.WithShape(len(values)), tensor.WithBacking(values))
	p, err := qtensor.NewParams(s, []float32{lo}, []float32{hi})
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for i, y := range quantized(t, x, p) {
		d := float64(y) - float64(values[i])
		sum += d * d
	}
	return sum
}

// quantized returns what values are after they were quantized by parameters.
func quantized(t *testing.T, x *tensor.Dense, p qtensor.Params) []float32 {
	t.Helper()
	q, err := qtensor.QuantizeWith(x, p)
	if err != nil {
		t.Fatal(err)
	}
	y, err := q.Dequantize(tensor.Float32)
	if err != nil {
		t.Fatal(err)
	}
	return y.Data().([]float32)
}

// TestLossOfValues compares the loss that is computed from bins with that of the values themselves.
func TestLossOfValues(t *testing.T) {
	cases := 0
	for name, values := range lossy {
		h := histogramOf(values)
		for _, s := range []qtensor.Scheme{
			qtensor.Affine(8), qtensor.UInt4(), qtensor.Affine(2), qtensor.Symmetric(6), qtensor.Uniform(5), qtensor.PowerOfTwo(4),
		} {
			f := newSearch(binsOf(h, s), s)
			for _, c := range []float32{1, 0.7, 0.3, 0.1} {
				cases++
				lo, hi := h.Min()*c, h.Max()*c
				l, err := levelsOf(s, lo, hi)
				if err != nil {
					t.Fatal(err)
				}
				got, clipped := f.lossOf(l)
				want := squaredError(t, values, s, lo, hi)
				// Values are not spread evenly over a bin: noise of a bin's width.
				width := math.Ldexp(1, h.exponent)
				noise := float64(len(values)) * width * width
				if math.Abs(got-want) > 0.03*want+noise || clipped < 0 || clipped > got {
					t.Errorf("%s, %v, [%v, %v]: got %v, of which %v clipped, want %v", name, s, lo, hi, got, clipped, want)
				}
			}
		}
	}
	t.Logf("%d losses", cases)
}

// bestRange returns the least squared error of the values over a grid of both ends, and the observed range.
func bestRange(t *testing.T, values []float32, s qtensor.Scheme) float64 {
	t.Helper()
	lowest, highest := slices.Min(values), slices.Max(values)
	best := squaredError(t, values, s, lowest, highest)
	for i := range 40 {
		for j := range 40 {
			lo, hi := lowest*float32(i+1)/40, highest*float32(j+1)/40
			if lo < hi {
				best = min(best, squaredError(t, values, s, lo, hi))
			}
		}
	}
	return best
}

// TestSearchesFindTheLeastError compares MSE and HistogramL2 with a search over the values themselves: they
// are never worse than MinMax by a twentieth of a dB, which is what bins do not tell, and never than the best by a fifth,
// or 0.7 dB where one end is left out at a time.
func TestSearchesFindTheLeastError(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	for name, values := range lossy {
		values = values[len(values)-2000:] // with what is at the end
		h := histogramOf(values)
		for _, s := range []qtensor.Scheme{qtensor.Affine(8), qtensor.UInt4(), qtensor.Affine(3), qtensor.Symmetric(8), qtensor.Int4(), qtensor.PowerOfTwo(6)} {
			all := squaredError(t, values, s, h.Min(), h.Max())
			best := bestRange(t, values, s)
			for _, e := range []RangeEstimator{MSE(), HistogramL2()} {
				lo, hi := estimate(t, e, h, s)
				got := squaredError(t, values, s, lo, hi)
				over, lost := decibel(got, all), decibel(got, best)
				t.Logf("%s, %v of %v: %.2f dB of minmax, %.2f dB of the best", name, e, s, -over, -lost)
				if most := map[RangeEstimator]float64{MSE(): 0.2, HistogramL2(): 0.7}[e]; !(over <= 0.05) || !(lost <= most) {
					t.Errorf("%s, %v of %v: [%v, %v] loses %v, the best %v, all of it %v", name, e, s, lo, hi, got, best, all)
				}
			}
		}
	}
}

// decibel returns 10·log10(a/b); 0 for two zeros.
func decibel(a, b float64) float64 {
	if a == b {
		return 0
	}
	return 10 * math.Log10(a/b)
}

// TestNoRangeIsTried has integers that the parameters of no range, [0, 0] of scale 1, would hold best.
func TestNoRangeIsTried(t *testing.T) {
	values := []float32{-1}
	for i := range 201 {
		values = append(values, float32(i))
	}
	s := qtensor.Affine(8)
	f := newSearch(binsOf(histogramOf(values), s), s)
	if f.try(0, 0) || f.lo != -1 || f.hi != 200 {
		t.Errorf("got [%v, %v], want [-1, 200]", f.lo, f.hi)
	}
}

// TestIntegral compares the closed form with a sum over many small steps.
func TestIntegral(t *testing.T) {
	for _, l := range []levels{{0, 1, 0, 255}, {-3, 0.25, 0, 15}, {0, 2, -3, 12}, {0, 1, -7, 7}, {0, 1, -1, 0}} {
		from, to := l.low-2.3, l.high+3.7
		const steps = 200_000
		sum := 0.0
		for i := range steps {
			sum += l.squared(from+(to-from)*(float64(i)+0.5)/steps) * (to - from) / steps
		}
		if got := l.integral(to) - l.integral(from); math.Abs(got-sum) > 1e-6*sum {
			t.Errorf("%+v: got %v, want %v", l, got, sum)
		}
	}
}

// TestLevels compares with what quantized values stand for.
func TestLevels(t *testing.T) {
	for _, s := range schemes() {
		if _, perAxis := s.Axis(); perAxis || s.IsFloat() {
			continue
		}
		for _, r := range [][2]float32{{-1, 3}, {-5, -2}, {0, 1e-30}, {4, 5}} {
			l, err := levelsOf(s, r[0], r[1])
			if err != nil {
				t.Fatal(err)
			}
			p, err := qtensor.NewParams(s, []float32{r[0]}, []float32{r[1]})
			if err != nil {
				t.Fatal(err)
			}
			x := tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{-1e30, 1e30})) // the lowest and the highest
			ends := quantized(t, x, p)
			got := [2]float64{l.origin + l.low*l.step, l.origin + l.high*l.step}
			for i, want := range ends {
				if math.Abs(got[i]-float64(want)) > 1e-6*l.step*(l.high-l.low) {
					t.Errorf("%v, %v: got ends %v, want %v", s, r, got, ends)
				}
			}
		}
	}
}
