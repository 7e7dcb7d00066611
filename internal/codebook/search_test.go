package codebook

import (
	"math"
	"math/rand/v2"
	"testing"
)

// gaussian and student return independent numbers of a normal distribution, and of Student's t of 4 degrees.
func gaussian(n int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 0))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func student(n int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, n)
	for i := range x {
		chi := 0.0
		for range 4 {
			z := r.NormFloat64()
			chi += z * z
		}
		x[i] = float32(r.NormFloat64() / math.Sqrt(chi/4))
	}
	return x
}

// decibels returns 10·log10 Σw·x²/Σw·(x − r)².
func decibels(x []float32, r func(i int) float64, w []float32, row int) float64 {
	signal, noise := 0.0, 0.0
	for i, x := range x {
		weight := 1.0
		if w != nil {
			weight = float64(w[i%row])
		}
		d := float64(x) - r(i)
		signal += weight * float64(x) * float64(x)
		noise += weight * d * d
	}
	return 10 * math.Log10(signal/noise)
}

// codebookNoise returns what parameters leave of x, in decibels.
func codebookNoise(x []float32, l Layout, p *Parameters, w []float32) float64 {
	codes, weights := make([]uint8, len(x)), make([]int8, len(x))
	Encode(codes, x, l, p)
	Decode(weights, codes, l, p)
	return decibels(x, func(i int) float64 { return float64(p.Scales[i/l.Row]) * float64(weights[i]) }, w, l.Row)
}

// symmetricNoise returns what scales of integers leave of x, in decibels.
func symmetricNoise(x []float32, l Layout, scales []float32, half float64, w []float32) float64 {
	return decibels(x, func(i int) float64 {
		size := l.Size
		if size == 0 {
			size = l.Row
		}
		s := float64(scales[i/l.Row*l.Groups()+i%l.Row/size])
		return s * max(-half, min(half-1, math.RoundToEven(float64(x[i])/s)))
	}, w, l.Row)
}

// TestNoise holds what the search reaches on distributions.
func TestNoise(t *testing.T) {
	const row = 1024
	gauss, tails := gaussian(32*row, 1), student(32*row, 1)
	for number, c := range []struct {
		kind           Kind
		bits, size     int
		gauss, student float64
	}{
		{Linear, 4, 16, 23.1, 20.7},
		{Linear, 4, 32, 21.8, 18.7},
		{Linear, 4, 64, 20.9, 17.0},
		{Linear, 3, 32, 15.8, 13.1},
		{Linear, 2, 32, 9.5, 8.0},
		{NormalFloat, 4, 64, 21.6, 19.4},
		{E2M1, 4, 32, 21.0, 20.2},
		{Learned, 4, 16, 23.8, 22.3},
		{Learned, 4, 32, 22.55, 20.7},
		{Learned, 4, 64, 21.7, 19.4},
		{Learned, 3, 32, 16.3, 15.0},
		{Learned, 2, 32, 9.8, 8.7},
		{LearnedNoZero, 2, 32, 10.1, 8.7},
	} {
		for name, x := range map[string][]float32{"gaussian": gauss, "student": tails} {
			if testing.Short() && (name == "student") != (number%4 == 0) || testing.Short() && number%2 > 0 {
				continue
			}
			l := Layout{Channels: len(x) / row, Row: row, Size: c.size}
			p, err := new(Search).Codebook(x, l, c.bits, c.kind)
			if err != nil {
				t.Fatal(err)
			}
			want := c.gauss
			if name == "student" {
				want = c.student
			}
			got := codebookNoise(x, l, &p, nil)
			if got < want {
				t.Errorf("%v, %d bits, groups of %d, %s: got %.2f dB, want %.2f", c.kind, c.bits, c.size, name, got, want)
			}
		}
	}
}
