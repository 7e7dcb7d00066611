package gemm

import (
	"testing"

	"euryale/internal/pack"
)

// TestAtOnce bounds the images of a block by their windows and by their elements, of which padding may have
// far more.
func TestAtOnce(t *testing.T) {
	one := [2]int{1, 1}
	for _, c := range []struct {
		v             Conv
		windows, want int
	}{
		{Conv{Channels: 8, Height: 30, Width: 30, Kernel: [2]int{3, 3}, Pad: [4]int{1, 1, 1, 1}, Stride: one, Dilation: one}, 65536, 65536 / 900},
		{Conv{Channels: 8, Height: 30, Width: 30, Kernel: [2]int{3, 3}, Pad: [4]int{1, 1, 1, 1}, Stride: one, Dilation: one}, 899, 1},
		{Conv{Channels: 1, Height: 1, Width: 1, Kernel: one, Pad: [4]int{511, 511, 511, 511}, Stride: [2]int{2000, 2000}, Dilation: one}, 65536, imageElements / (1023 * 1023)},
		{Conv{Channels: 1, Height: 1, Width: 1, Kernel: one, Pad: [4]int{0, 0, 1022, 1022}, Stride: [2]int{2000, 2000}, Dilation: one}, 65536, imageElements / (1023 * 1023)},
		{Conv{Channels: 1, Height: 1, Width: 1, Kernel: one, Pad: [4]int{8191, 8191, 8191, 8191}, Stride: [2]int{20000, 20000}, Dilation: one}, 65536, 1},
	} {
		w := pack.New(pack.Matrix{K: c.v.Depth(), N: 1, Group: c.v.Depth(), Scales: []float32{1}}, make([]int8, c.v.Depth()), 8)
		plan := NewConvolution(c.v, []*pack.Matrix{w}, Arithmetic{}, Output{}).plan(Activations{})
		if got := plan.atOnce(c.windows); got != c.want {
			t.Errorf("%+v: got %d images at once of %d windows, want %d", c.v, got, c.windows, c.want)
		}
	}
}
