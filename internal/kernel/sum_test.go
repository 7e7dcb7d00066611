package kernel_test

import (
	"math"
	"slices"
	"testing"

	"euryale/internal/kernel"
)

func TestSum(t *testing.T) {
	for _, c := range []struct {
		a    []int32
		want int64
	}{
		{nil, 0},
		{[]int32{1, -2, 30}, 29},
		{slices.Repeat([]int32{math.MinInt32}, 1<<17), -1 << (31 + 17)},
		{slices.Repeat([]int32{math.MaxInt32}, 3), 3 * math.MaxInt32},
	} {
		if got := kernel.Sum(c.a); got != c.want {
			t.Errorf("Sum of %d numbers = %d, want %d", len(c.a), got, c.want)
		}
	}
}
