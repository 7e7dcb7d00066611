package calib

import (
	"errors"
	"math"
	"testing"

	"euryale/qtensor"
)

func TestMinMax(t *testing.T) {
	for name, values := range samples {
		want := referenceOf(values)
		lo, hi, err := MinMax().Range(histogramOf(values), qtensor.Affine(8))
		if want.count == 0 {
			if !errors.Is(err, ErrEmpty) {
				t.Errorf("%s: got error %v, want ErrEmpty", name, err)
			}
			continue
		}
		if err != nil || lo != want.min || hi != want.max {
			t.Errorf("%s: got [%v, %v], %v, want [%v, %v]", name, lo, hi, err, want.min, want.max)
		}
	}
	if _, _, err := MinMax().Range(nil, qtensor.Affine(8)); !errors.Is(err, ErrEmpty) {
		t.Errorf("nil: got error %v, want ErrEmpty", err)
	}
	if got := MinMax().String(); got != "minmax" {
		t.Errorf("got name %q, want minmax", got)
	}
}

// The ends of batches that jump from (a, b) to (x, y) and stay are x + (a−x)(1−c)^n and y + (b−y)(1−c)^n.
func TestMovingAverageClosedForm(t *testing.T) {
	for _, c := range []float64{0.01, 0.3, 1} {
		m, err := NewMovingAverage(c)
		if err != nil {
			t.Fatal(err)
		}
		m.Observe([]float32{2, -1, nan, 5})
		for n := range 50 {
			decay := math.Pow(1-c, float64(n))
			checkRange(t, m, float32(-40+39*decay), float32(10-5*decay))
			m.Observe([]float32{10, -inf, -40, 0})
		}
	}
}

func checkRange(t *testing.T, m *MovingAverage, wantLo, wantHi float32) {
	t.Helper()
	near := func(a, b float32) bool { return math.Abs(float64(a-b)) <= 1e-5*math.Abs(float64(b)) }
	if lo, hi, err := m.Range(); err != nil || !near(lo, wantLo) || !near(hi, wantHi) {
		t.Fatalf("got [%v, %v], %v, want [%v, %v]", lo, hi, err, wantLo, wantHi)
	}
}

// With c = 1 only the last batch counts.
func TestMovingAverageOfOneBatch(t *testing.T) {
	m, err := NewMovingAverage(1)
	if err != nil {
		t.Fatal(err)
	}
	for _, batch := range [][]float32{{-1, 1}, {1e-20, 3e-20}, {-huge, 7}} {
		m.Observe(batch)
		if lo, hi, err := m.Range(); lo != batch[0] || hi != batch[1] || err != nil {
			t.Errorf("got [%v, %v], %v, want %v", lo, hi, err, batch)
		}
	}
}

func TestMovingAverageDefault(t *testing.T) {
	m := new(MovingAverage)
	m.Observe([]float32{0, 1})
	m.Observe([]float32{-1, 2})
	checkRange(t, m, -0.01, 1.01)
}

func TestMovingAverageWithoutFiniteValues(t *testing.T) {
	m := new(MovingAverage)
	for _, batch := range [][]float32{nil, {}, {nan, inf, -inf}} {
		m.Observe(batch)
		if _, _, err := m.Range(); !errors.Is(err, ErrEmpty) {
			t.Fatalf("%v: got error %v, want ErrEmpty", batch, err)
		}
	}
	m.Observe([]float32{3, 4})
	m.Observe([]float32{nan})
	if lo, hi, err := m.Range(); lo != 3 || hi != 4 || err != nil {
		t.Errorf("got [%v, %v], %v, want [3, 4]", lo, hi, err)
	}
}

func TestMovingAverageOfExtremes(t *testing.T) {
	m := new(MovingAverage)
	for range 3 {
		m.Observe([]float32{-huge, huge})
	}
	if lo, hi, err := m.Range(); lo != -huge || hi != huge || err != nil {
		t.Errorf("got [%v, %v], %v, want all finite float32 values", lo, hi, err)
	}
}

func TestMovingAverageKeepsItsEndsInOrder(t *testing.T) {
	for seed := range uint64(20) {
		m, _ := NewMovingAverage(0.37)
		m.Observe([]float32{-1, 1})
		for _, x := range gaussians(seed, 300, 1) {
			m.Observe([]float32{x})
			if lo, hi, err := m.Range(); err != nil || lo > hi {
				t.Fatalf("seed %d: got [%v, %v], %v, want lo ≤ hi", seed, lo, hi, err)
			}
		}
	}
}

func TestNewMovingAverageConstant(t *testing.T) {
	for _, c := range []float64{0, -0.1, 1.0000001, math.NaN(), math.Inf(1), math.Inf(-1)} {
		if m, err := NewMovingAverage(c); !errors.Is(err, ErrOption) || m != nil {
			t.Errorf("%v: got %v, %v, want ErrOption", c, m, err)
		}
	}
	for _, c := range []float64{1e-300, 0.01, 1} {
		if _, err := NewMovingAverage(c); err != nil {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// No histogram has the order of batches.
func TestMovingAverageMinMaxOfHistogram(t *testing.T) {
	for _, c := range []MovingAverageMinMax{0.01, 1, 0} {
		if _, _, err := c.Range(histogramOf([]float32{1, 2}), qtensor.Affine(8)); !errors.Is(err, ErrOption) {
			t.Errorf("%v: got error %v, want ErrOption", c, err)
		}
		for _, h := range []*Histogram{nil, {}} {
			if _, _, err := c.Range(h, qtensor.Affine(8)); !errors.Is(err, ErrEmpty) {
				t.Errorf("%v of %v: got error %v, want ErrEmpty", c, h, err)
			}
		}
	}
	for e, want := range map[RangeEstimator]string{
		MovingAverageMinMax(0.01): "moving average 0.01", Percentile(99.99): "percentile 99.99", MSE(): "mse", Entropy(): "entropy",
		HistogramL2(): "histogram-l2",
	} {
		if e.String() != want {
			t.Errorf("got name %q, want %q", e.String(), want)
		}
	}
}
