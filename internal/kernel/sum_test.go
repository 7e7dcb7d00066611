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

func TestSumBytes(t *testing.T) {
	a := make([]uint8, 40)
	for n := range len(a) + 1 {
		want := int64(0)
		for i := range n {
			a[i] = uint8(255 - i*n)
			want += int64(a[i])
		}
		if got := kernel.SumBytes(a[:n]); got != want {
			t.Errorf("SumBytes of %v = %d, want %d", a[:n], got, want)
		}
	}
	if got := kernel.SumBytes(slices.Repeat([]uint8{255}, 1<<20)); got != 255<<20 {
		t.Errorf("SumBytes of 2^20 times 255 = %d", got)
	}
}
