package workload

import (
	"math"
	"slices"
)

// Median returns the middle of x, or the mean of the two in the middle, and NaN of nothing.
func Median(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	x = slices.Sorted(slices.Values(x))
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}
