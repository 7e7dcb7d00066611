package calib

import (
	"maps"
	"math"
	"slices"
	"testing"

	"euryale/qtensor"
)

// TestPercentileOfValues compares with a count of the values themselves: no more than the share is outside, and
// a bin less at either end would leave out more.
func TestPercentileOfValues(t *testing.T) {
	cases := 0
	for _, name := range slices.Sorted(maps.Keys(samples)) {
		h := histogramOf(samples[name])
		if h.Count() == 0 {
			continue
		}
		var values []float64
		for _, x := range samples[name] {
			if x-x == 0 {
				values = append(values, float64(x))
			}
		}
		width := math.Ldexp(1, h.exponent)
		outside := func(lo, hi float64) (below, above float64) {
			for _, x := range values {
				if x < lo {
					below++
				}
				if x > hi {
					above++
				}
			}
			return below, above
		}
		for _, p := range []float64{100, 99.999, 99.9, 90, 50, 1} {
			cases++
			most := float64(len(values)) * math.Round(1000*(100-p)) / 1e5 // of three decimals
			lo, hi := estimate(t, Percentile(p), h, qtensor.Affine(8))
			below, above := outside(float64(lo), float64(hi))
			mostBelow, mostAbove := most/2, most/2
			if h.Min() >= 0 {
				mostBelow, mostAbove = 0, most
			} else if h.Max() <= 0 {
				mostBelow, mostAbove = most, 0
			}
			if below > mostBelow || above > mostAbove {
				t.Errorf("%s, %v: [%v, %v] leaves out %v and %v, want at most %v and %v", name, p, lo, hi, below, above, mostBelow, mostAbove)
			}
			next := (math.Floor(float64(lo)/width) + 1) * width // what one bin less leaves
			if below, _ := outside(next, math.MaxFloat64); h.Min() < 0 && below <= mostBelow && next < 0 {
				t.Errorf("%s, %v: begins at %v, but %v leaves out %v below, of %v", name, p, lo, next, below, mostBelow)
			}
			next = (math.Ceil(float64(hi)/width) - 1) * width
			if _, above := outside(-math.MaxFloat64, math.Nextafter(next, -math.MaxFloat64)); h.Max() > 0 && above <= mostAbove && next > 0 {
				t.Errorf("%s, %v: ends at %v, but %v leaves out %v above, of %v", name, p, hi, next, above, mostAbove)
			}

			lo, hi = estimate(t, Percentile(p), h, qtensor.Symmetric(8))
			largest := max(-float64(lo), float64(hi))
			if below, above := outside(-largest, largest); below+above > most {
				t.Errorf("%s, %v symmetric: ±%v leaves out %v, want at most %v", name, p, largest, below+above, most)
			}
		}
	}
	t.Logf("%d percentiles", cases)
}

// TestPercentileExactly has 10,000 values in bins of one each.
func TestPercentileExactly(t *testing.T) {
	values := make([]float32, 4000)
	for i := range values {
		values[i] = float32(i) - 1999.5 // in bins of width 1 from −2000
	}
	h := histogramOf(values)
	for _, c := range []struct {
		p      float64
		s      qtensor.Scheme
		lo, hi float32
	}{
		{100, qtensor.Affine(8), -1999.5, 1999.5},
		{99, qtensor.Affine(8), -1980, 1980}, // 20 of 4000 at either end
		{50, qtensor.Affine(8), -1000, 1000},
		{99, qtensor.Symmetric(8), -1980, 1980},
		{99, qtensor.Uniform(8), -1980, 1980},
		{99.99, qtensor.Affine(8), -1999.5, 1999.5},  // 0.4 of a value
		{99.975, qtensor.Affine(8), -1999.5, 1999.5}, // half a value at either end
		{99.95, qtensor.Affine(8), -1999, 1999},
	} {
		if lo, hi := estimate(t, Percentile(c.p), h, c.s); lo != c.lo || hi != c.hi {
			t.Errorf("%v of %v: got [%v, %v], want [%v, %v]", c.p, c.s, lo, hi, c.lo, c.hi)
		}
	}
	lopsided := histogramOf(append(values, slices.Repeat([]float32{3000}, 100)...))
	// 41 of 4100 are 1%: all beyond 2048 but for 59.
	if lo, hi := estimate(t, Percentile(99), lopsided, qtensor.Symmetric(8)); lo != lopsided.Min() || hi != 3000 {
		t.Errorf("lopsided: got [%v, %v], want all, of which 100 lie at one place", lo, hi)
	}
	if lo, hi := estimate(t, Percentile(97), lopsided, qtensor.Symmetric(8)); hi >= 2000 || lo <= -2000 {
		t.Errorf("lopsided: got [%v, %v], want the 3000s left out, and 23 more", lo, hi)
	}
	if lo, hi := estimate(t, Percentile(97), lopsided, qtensor.Affine(8)); hi != 3000 || lo >= -1930 {
		t.Errorf("lopsided: got [%v, %v], want the 3000s kept, which are more than half of 3%%, and 61 left out below", lo, hi)
	}
}
