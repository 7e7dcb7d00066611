package codebook

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// leastNoise returns the least noise that any scale of a sign leaves: it tries least squares over the codes
// between all neighbouring events, by the definition.
func leastNoise(x, w []float32, table []int8, sign float64) float64 {
	var events []float64
	for _, x := range x {
		for q := range table[1:] {
			if at := (float64(table[q]) + float64(table[q+1])) / 2 / (sign * float64(x)); at > 0 && !math.IsInf(at, 0) {
				events = append(events, at)
			}
		}
	}
	slices.Sort(events)
	least := math.Inf(1)
	for i, r := range append(events, 0) {
		switch {
		case i == 0 && len(events) == 0:
			r = 1
		case i == len(events):
			r = 2 * events[i-1]
		case i == 0:
			r /= 2
		default:
			r = (r + events[i-1]) / 2
		}
		correlation, energy, square := 0.0, 0.0, 0.0
		for j, x := range x {
			weight, value, q := 1.0, sign*float64(x), 0
			if w != nil {
				weight = float64(w[j])
			}
			for k := range table {
				if math.Abs(value*r-float64(table[k])) < math.Abs(value*r-float64(table[q])) {
					q = k
				}
			}
			level := float64(table[q])
			correlation += weight * value * level
			energy += weight * level * level
			square += weight * value * value
		}
		noise := square
		if correlation > 0 {
			noise -= correlation * correlation / energy
		}
		least = min(least, noise)
	}
	return least
}

// noiseOf returns what a scale leaves of x.
func noiseOf(x, w []float32, table []int8, scale float64) float64 {
	noise := 0.0
	for j, x := range x {
		least := math.Inf(1)
		for _, level := range table {
			d := float64(x) - scale*float64(level)
			least = min(least, d*d)
		}
		if w != nil {
			least *= float64(w[j])
		}
		noise += least
	}
	return noise
}

// groups returns groups of elements with their weights, which may be nil.
func groups() map[string][2][]float32 {
	all := map[string][2][]float32{
		"one":                  {{3}, nil},
		"one below zero":       {{-3}, nil},
		"equal":                {{2, 2, 2, -2}, nil},
		"zeros":                {{0, 0, 5, 0, 0, -1}, nil},
		"tiny":                 {{1e-44, -3e-44, 2e-45}, nil},
		"huge":                 {{3e38, -1e38, 2e38, 1e37}, nil},
		"far apart":            {{1e30, 1, -1e-30, 5}, nil},
		"an outlier":           append2(gaussian(31, 5), 40, nil),
		"a light outlier":      append2(gaussian(31, 5), 40, func(i int) float32 { return float32(1 - i/31) }),
		"light outlier":        append2(gaussian(31, 5), 40, func(i int) float32 { return float32(1-i/31) + 1e-9 }),
		"a giant that is none": append2([]float32{1e-30, -2e-30, 3e-30}, 3e38, func(i int) float32 { return float32(1 - i/3) }),
		"no weights":           append2(gaussian(31, 6), 2, func(i int) float32 { return 0 }),
		"weights of 2^−20":     append2(gaussian(31, 6), 2, func(i int) float32 { return float32(math.Ldexp(1, -i%20)) }),
	}
	sizes := []int{2, 15, 16, 17, 32, 100, 128}
	if testing.Short() {
		sizes = []int{2, 15, 16, 33}
	}
	for _, n := range sizes {
		all[fmt.Sprint("gaussian ", n)] = [2][]float32{gaussian(n, uint64(n)), nil}
		all[fmt.Sprint("student ", n)] = [2][]float32{student(n, uint64(n)), squares(n, uint64(n+1))}
		all[fmt.Sprint("positive ", n)] = [2][]float32{squares(n, uint64(n)), nil}
	}
	return all
}

func append2(x []float32, last float32, weight func(i int) float32) [2][]float32 {
	x = append(x, last)
	if weight == nil {
		return [2][]float32{x, nil}
	}
	w := make([]float32, len(x))
	for i := range w {
		w[i] = weight(i)
	}
	return [2][]float32{x, w}
}

// TestScale compares the noise of the scale that is found with the least of all.
func TestScale(t *testing.T) {
	for table, levels := range tables() {
		s := newScaler(levels)
		for name, c := range groups() {
			x, w := c[0], c[1]
			for signs := 1; signs <= 2; signs++ {
				scale := s.scale(x, w, signs)
				least := leastNoise(x, w, levels, 1)
				if signs == 2 {
					least = min(least, leastNoise(x, w, levels, -1))
				} else if scale < 0 {
					t.Errorf("%s, %s: got scale %v, want a positive one", table, name, scale)
				}
				square := noiseOf(x, w, []int8{0}, 1)
				got := square
				if scale != 0 {
					got = noiseOf(x, w, levels, scale)
				}
				if got > least*1.0001+square*1e-5 {
					t.Errorf("%s, %s, %d signs: got noise %v by scale %v, want %v of %v", table, name, signs, got, scale, least, square)
				}
			}
		}
	}
}

// TestIntegers compares the noise of the scale of integers that is found with the least of all.
func TestIntegers(t *testing.T) {
	var s integerScaler
	for bits := 2; bits <= 4; bits++ {
		half := 1 << (bits - 1)
		var table []int8
		for q := -half; q < half; q++ {
			table = append(table, int8(q))
		}
		for name, c := range groups() {
			x, w := c[0], c[1]
			scale := s.scale(x, w, half)
			least := min(leastNoise(x, w, table, 1), leastNoise(x, w, table, -1))
			square := noiseOf(x, w, []int8{0}, 1)
			if got := noiseOf(x, w, table, scale); got > least*1.0001+square*1e-5 {
				t.Errorf("%d bits, %s: got noise %v by scale %v, want %v of %v", bits, name, got, scale, least, square)
			}
		}
	}
}
