package ptq

import (
	"testing"

	"euryale/calib"

	"gorgonia.org/tensor"
)

// TestOutside has the numbers from 0 to 4095, each in a bin of its own that begins there: what is clipped lies in
// bins that the range does not reach, and the largest is not clipped by a range that ends there.
func TestOutside(t *testing.T) {
	values := make([]float32, 4096)
	for i := range values {
		values[i] = float32(i) // in bins that are 1 wide
	}
	var p calib.Profile
	if err := p.Observe("x", tensor.New(tensor.WithShape(len(values)), tensor.WithBacking(values))); err != nil {
		t.Fatal(err)
	}
	h, err := p.Histogram("x")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		low, high float32
		want      float64
	}{
		{0, 4095, 0},
		{0, 5000, 0},
		{-1, 4094, 2}, // 4094 begins a bin
		{0, 4093.5, 2},
		{1, 4095, 1},
		{1.5, 4095, 1},
		{1024, 2048, 1024 + 2048},
		{0, 0, 4096},
	} {
		if got := outside(h, c.low, c.high); got != c.want/4096 {
			t.Errorf("[%v, %v]: got %v of 4096 clipped, want %v", c.low, c.high, got*4096, c.want)
		}
	}
}
