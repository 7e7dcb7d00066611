package codebook

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"euryale/internal/isa"
)

// chooseByDefinition is choose, where noise is Σw·(v − w8)² for the nearest of all w8, as the formulas have it.
func chooseByDefinition(multipliers []int8, x, w []float32, table []int8, size int) float32 {
	s := newScaler(table)
	var scales []float64
	top := 0.0
	for g := range multipliers {
		begin, end := g*size, min((g+1)*size, len(x))
		scales = append(scales, s.scale(x[begin:end], part(w, begin, end), 2))
		top = max(top, math.Abs(scales[g]))
	}
	if top == 0 {
		clear(multipliers)
		return 1
	}
	first := float32(max(least, 128*top/127))
	best, bestScale := math.Inf(1), float32(1)
	for _, peak := range peaks {
		scale := float32(max(least, 128*top/peak))
		ratio := float32(float64(first) / float64(scale) * 128)
		tried, total := make([]int8, len(multipliers)), 0.0
		for g := range tried {
			begin, end := g*size, min((g+1)*size, len(x))
			if scales[g] == 0 {
				continue
			}
			heaviest := float32(1)
			if w != nil {
				heaviest = slices.Max(w[begin:end])
			}
			leastNoise := int64(math.MaxInt64)
			for _, d := range []int{0, -1, 1, -2, 2} {
				m := int8(max(-127, min(127, int(math.RoundToEven(128*scales[g]/float64(scale)))+d)))
				noise := int64(0)
				for i := begin; i < end; i++ {
					weight := int64(1)
					if w != nil && heaviest > 0 {
						weight = int64(math.RoundToEven(float64(w[i]) / float64(heaviest) * 65535))
					} else if w != nil {
						weight = 0
					}
					v := min(65535, int64(float32(max(-256, min(256, x[i]/first))*ratio)+32768.5)) - 32768
					nearest := int64(math.MaxInt64)
					for _, level := range table {
						d := v - 128*int64(Weight(level, m))
						nearest = min(nearest, d*d)
					}
					noise += weight * nearest
				}
				if noise < leastNoise {
					leastNoise, tried[g] = noise, m
				}
			}
			total += float64(float64(leastNoise) * float64(float64(scale)*float64(scale)) * float64(heaviest))
		}
		if total < best {
			best, bestScale = total, scale
			copy(multipliers, tried)
		}
	}
	return bestScale
}

// channels returns rows of groups of all kinds, the last of which is short.
func channels() map[string][]float32 {
	all := map[string][]float32{
		"zeros":            make([]float32, 100),
		"tiny":             scaled(gaussian(100, 2), 1e-44),
		"small":            scaled(gaussian(100, 2), 1e-37),
		"huge":             scaled(gaussian(100, 2), 1e38),
		"gaussian":         gaussian(333, 3),
		"student":          student(333, 3),
		"positive":         squares(100, 3),
		"negative":         scaled(squares(100, 3), -1),
		"one":              {3},
		"one is enormous":  append(gaussian(99, 4), 1e30),
		"zeros in between": slices.Concat(gaussian(32, 4), make([]float32, 64), scaled(gaussian(20, 5), 1e-20)),
	}
	for name, x := range groups() {
		all[name] = slices.Concat(x[0], gaussian(50, 6))
	}
	return all
}

// TestMultipliers compares multipliers and scales with those of the definition.
func TestMultipliers(t *testing.T) {
	tables := tables()
	tables["positive"] = []int8{0, 10, 40, 127}
	tables["negative"] = []int8{-127, -90, -20, -5}
	for table, levels := range tables {
		for name, x := range channels() {
			for weights, w := range map[string][]float32{"no weights": nil, "weights": squares(len(x), 8), "zeros": make([]float32, len(x))} {
				for _, size := range []int{16, 32, 128} {
					n := Layout{1, len(x), size}.Groups()
					got, want := make([]int8, n), make([]int8, n)
					scale := newChooser(levels).choose(got, x, w, size)
					if s := chooseByDefinition(want, x, w, levels, size); scale != s || !slices.Equal(got, want) {
						t.Errorf("%s, %s, %s, groups of %d: got scale %v and %v, want %v and %v", table, name, weights, size, scale, got, s, want)
					}
				}
			}
		}
	}
}

// TestTiers compares what every tier finds.
func TestTiers(t *testing.T) {
	for name, x := range channels() {
		for _, size := range []int{16, 32, 100} {
			for _, w := range [][]float32{nil, squares(len(x), 2)} {
				var want []any
				for _, tier := range isa.All() {
					if !isa.Supported(tier) {
						continue
					}
					restore := isa.Use(tier)
					got, err := results(&Search{Weights: w}, x, Layout{1, len(x), size})
					restore()
					if err != nil {
						t.Fatal(errors.Join(fmt.Errorf("%v, %s", tier, name), err))
					}
					if want != nil && !reflect.DeepEqual(got, want) {
						t.Errorf("%s, groups of %d, weights %v: got %v by %v, want %v", name, size, w != nil, got, tier, want)
					}
					want = got
				}
			}
		}
	}
}
