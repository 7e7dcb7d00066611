package calib

import (
	"math"
	"testing"

	"euryale/qtensor"
)

// plainEntropy is Entropy as its doc has it, bin by bin, for schemes other than Uniform.
func plainEntropy(t *testing.T, h *Histogram, s qtensor.Scheme) (lo, hi float32) {
	t.Helper()
	var all []Bin
	for b := range h.Bins() {
		all = append(all, b)
	}
	low, high := s.CodeRange()
	count := int(high-low) + 1
	lo, hi = h.Min(), h.Max()
	if len(all) < 4*count {
		return lo, hi
	}
	for i := range all {
		if all[i].Low == 0 && i+1 < len(all) {
			all[i].Count = all[i+1].Count
		} else if all[i].Low == 0 {
			all[i].Count = all[i-1].Count
		}
	}
	width, least := all[0].High-all[0].Low, math.Inf(1)
	for reach := max(-all[0].Low, all[len(all)-1].High); ; reach -= 8 * width {
		var p, q []float64
		var below, above, total float64
		var inside []Bin
		for _, b := range all {
			total += float64(b.Count)
			switch {
			case b.Low < -reach:
				below += float64(b.Count)
			case b.High > reach:
				above += float64(b.Count)
			default:
				inside = append(inside, b)
			}
		}
		if len(inside) < count {
			return lo, hi
		}
		l := max(float32(inside[0].Low), h.Min())
		r := min(float32(inside[len(inside)-1].High), h.Max())
		params, err := qtensor.NewParams(s, []float32{l}, []float32{r})
		if err != nil {
			t.Fatal(err)
		}
		code := func(b Bin) float64 {
			x, zero := (b.Low+b.High)/2, 0.0
			if s.HasZeroPoint() {
				zero = float64(params.ZeroPoints[0])
			}
			return max(float64(low), min(math.RoundToEven(x/float64(params.Scales[0])+zero), float64(high)))
		}
		mass, filled := map[float64]float64{}, map[float64]float64{}
		for _, b := range inside {
			mass[code(b)] += float64(b.Count)
			if b.Count > 0 {
				filled[code(b)]++
			}
		}
		for _, b := range inside {
			p, q = append(p, float64(b.Count)/total), append(q, 0)
			if b.Count > 0 {
				q[len(q)-1] = mass[code(b)] / filled[code(b)] / (total - below - above)
			}
		}
		p[0] += below / total
		p[len(p)-1] += above / total
		kl, smooth := 0.0, 1e-4/float64(len(all))
		for i := range p {
			kl += (p[i] + smooth) * math.Log((p[i]+smooth)/(q[i]+smooth))
		}
		if kl < least {
			least, lo, hi = kl, l, r
		}
	}
}

// TestEntropyAgainstItsDefinition compares with the plain form.
func TestEntropyAgainstItsDefinition(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	clips, cases := 0, 0
	for name, values := range lossy {
		h := histogramOf(values)
		for _, s := range []qtensor.Scheme{
			qtensor.Affine(8), qtensor.UInt4(), qtensor.Symmetric(8), qtensor.Int4(), qtensor.Affine(3), qtensor.PowerOfTwo(5),
		} {
			cases++
			lo, hi := estimate(t, Entropy(), h, s)
			if l, r := plainEntropy(t, h, s); lo != l || hi != r {
				t.Errorf("%s, %v: got [%v, %v], want [%v, %v]", name, s, lo, hi, l, r)
			}
			if lo != h.Min() || hi != h.Max() {
				clips++
			}
		}
	}
	if clips < cases/4 || clips == cases {
		t.Errorf("%d of %d ranges are clipped, want some", clips, cases)
	}
	t.Logf("%d ranges, %d clipped", cases, clips)
}

// TestEntropyNeedsBins has histograms of too few bins, of values a few ulps apart: nothing is clipped.
func TestEntropyNeedsBins(t *testing.T) {
	for bins, want := range map[int]bool{2: false, 255: false, 1023: false, 1024: true, 1500: true} {
		values := make([]float32, 0, bins+200)
		for i := range bins {
			values = append(values, 1+float32(i)*0x1p-23)
		}
		for range 4000 {
			values = append(values, 1+100*0x1p-23, 1+200*0x1p-23)
		}
		if bins < 300 {
			values = values[:bins]
		}
		h := histogramOf(values)
		lo, hi := estimate(t, Entropy(), h, qtensor.Affine(8))
		if got := lo != h.Min() || hi != h.Max(); got && !want {
			t.Errorf("%d bins: got [%v, %v], want [%v, %v]", bins, lo, hi, h.Min(), h.Max())
		}
	}
}

// TestLogarithm compares with package math's.
func TestLogarithm(t *testing.T) {
	for _, x := range []float64{1, 0.5, 2, math.Sqrt2, math.Sqrt2 / 2, 1 + 0x1p-52, 1 - 0x1p-53, 1e-300, 1e300, 0x1p-1022, math.MaxFloat64, math.E} {
		checkLogarithm(t, x)
	}
	for i := range 100_000 {
		checkLogarithm(t, math.Exp(float64(i-50_000)/200))
	}
}

func checkLogarithm(t *testing.T, x float64) {
	t.Helper()
	if got, want := ln(x), math.Log(x); math.Abs(got-want) > 4e-16*math.Abs(want)+1e-17 {
		t.Errorf("ln %v: got %v, want %v", x, got, want)
	}
}
