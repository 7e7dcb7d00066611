package codebook

import (
	"fmt"
	"math"
	"testing"
)

// plain returns the scales max|x|/(2^(bits−1) − 1), which serve without a search.
func plain(x []float32, l Layout, bits int) []float32 {
	var scales []float32
	for channel := range l.Channels {
		for g := range l.Groups() {
			begin, end := l.group(channel, g)
			if m := largest(x[begin:end], nil); m > 0 {
				scales = append(scales, m/float32(int(1)<<(bits-1)-1))
			} else {
				scales = append(scales, 1)
			}
		}
	}
	return scales
}

// TestSymmetric compares what the search finds with scaling by the largest magnitude.
func TestSymmetric(t *testing.T) {
	for bits := 2; bits <= 8; bits++ {
		for _, l := range []Layout{{4, 1000, 32}, {4, 1000, 128}, {4, 1000, 500}, {4, 1000, 0}, {1, 4000, 0}} {
			for name, x := range map[string][]float32{"gaussian": gaussian(4000, 3), "student": student(4000, 3)} {
				scales, err := new(Search).Symmetric(x, l, bits)
				if err != nil {
					t.Fatal(err)
				}
				half := math.Ldexp(1, bits-1)
				got, before := symmetricNoise(x, l, scales, half, nil), symmetricNoise(x, l, plain(x, l, bits), half, nil)
				if got < before {
					t.Errorf("%d bits, %+v, %s: got %.3f dB, want %.3f", bits, l, name, got, before)
				}
			}
		}
	}
}

// TestAffine compares what the search finds with the range of the data.
func TestAffine(t *testing.T) {
	for bits := 2; bits <= 8; bits++ {
		for _, l := range []Layout{{4, 250, 32}, {4, 250, 0}, {1, 1000, 0}} {
			for name, x := range map[string][]float32{"gaussian": gaussian(1000, 3), "student": student(1000, 3), "positive": squares(1000, 3)} {
				low, high, err := new(Search).Affine(x, l, bits)
				if err != nil {
					t.Fatal(err)
				}
				var below, above []float32
				for channel := range l.Channels {
					for g := range l.Groups() {
						begin, end := l.group(channel, g)
						var a, b float32
						for _, x := range x[begin:end] {
							a, b = min(a, x), max(b, x)
						}
						below, above = append(below, a), append(above, b)
					}
				}
				got, before := affineNoise(x, l, low, high, bits), affineNoise(x, l, below, above, bits)
				if got < before {
					t.Errorf("%d bits, %+v, %s: got %.3f dB, want %.3f", bits, l, name, got, before)
				}
			}
		}
	}
}

func squares(n int, seed uint64) []float32 {
	x := gaussian(n, seed)
	for i := range x {
		x[i] *= x[i]
	}
	return x
}

// affineNoise returns what ranges leave of x, in decibels.
func affineNoise(x []float32, l Layout, low, high []float32, bits int) float64 {
	last := float32(int(1)<<bits - 1)
	return decibels(x, func(i int) float64 {
		size := l.Size
		if size == 0 {
			size = l.Row
		}
		g := i/l.Row*l.Groups() + i%l.Row/size
		if low[g] > 0 || high[g] < 0 {
			panic(fmt.Sprint("range ", low[g], high[g]))
		}
		s := (high[g] - low[g]) / last
		z := math.RoundToEven(float64(-low[g] / s))
		return float64(s) * (max(0, min(float64(last), math.RoundToEven(float64(x[i]/s))+z)) - z)
	}, nil, l.Row)
}

// TestLattice takes multiples of a scale, which scaling by the largest magnitude keeps.
func TestLattice(t *testing.T) {
	for bits := 2; bits <= 8; bits++ {
		half := int(1) << (bits - 1)
		var x []float32
		for q := 1 - half; q < half; q++ {
			x = append(x, 0.37*float32(q))
		}
		l := Layout{1, len(x), 0}
		scales, err := new(Search).Symmetric(x, l, bits)
		if err != nil {
			t.Fatal(err)
		}
		if got := symmetricNoise(x, l, scales, float64(half), nil); got < 100 {
			t.Errorf("%d bits: got %.1f dB by scale %v, want 100", bits, got, scales)
		}
	}
}

// TestEnds compares the ranges that are found with the best of all steps.
func TestEnds(t *testing.T) {
	for name, x := range map[string][]float32{"gaussian": gaussian(64, 8), "student": student(64, 8), "positive": squares(64, 8)} {
		for _, last := range []float32{3, 7, 15} {
			g := group{x: x, unit: 1}
			low, high := g.ends(last)
			found := g.affineNoise(low, high, last)
			var bottom, top float32
			for _, x := range x {
				bottom, top = min(bottom, x), max(top, x)
			}
			least := found
			for i := float32(0); i <= 128; i++ {
				for j := float32(0); j <= 128; j++ {
					least = min(least, g.affineNoise(bottom*i/128, top*j/128, last))
				}
			}
			if found > 1.03*least {
				t.Errorf("%s, %v levels: got noise %v by %v … %v, want %v", name, last+1, found, low, high, least)
			}
		}
	}
}
