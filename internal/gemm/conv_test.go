package gemm_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"euryale/internal/gemm"
	"euryale/internal/isa"
)

// convolution returns what the doc of gemm.Convolve says, window by window.
func convolution(x []float32, samples int, v gemm.Conv, w weight, a gemm.Arithmetic, out gemm.Output) []float32 {
	height, width := v.Out()
	elements := v.Channels * v.Height * v.Width
	y := make([]float32, samples*w.n*height*width)
	for b := range samples {
		image, r := integers(x[b*elements:][:elements], a)
		for i := range height {
			for j := range width {
				window := make([]int64, 0, w.k)
				at := func(c, u, t int) {
					row, column := i*v.Stride[0]+u*v.Dilation[0]-v.Pad[0], j*v.Stride[1]+t*v.Dilation[1]-v.Pad[1]
					value := int64(0)
					if row >= 0 && row < v.Height && column >= 0 && column < v.Width {
						value = image[(c*v.Height+row)*v.Width+column]
					}
					window = append(window, value)
				}
				for p := range w.k {
					if kernel := v.Kernel[0] * v.Kernel[1]; v.Planar {
						at(p/kernel, p%kernel/v.Kernel[1], p%v.Kernel[1])
					} else {
						at(p%v.Channels, p/v.Channels/v.Kernel[1], p/v.Channels%v.Kernel[1])
					}
				}
				for o, value := range referenceRow(window, r, w, a, out) {
					y[((b*w.n+o)*height+i)*width+j] = value
				}
			}
		}
	}
	return y
}

var convs = []gemm.Conv{
	{Channels: 1, Height: 5, Width: 6, Kernel: [2]int{3, 3}, Pad: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}},
	{Channels: 3, Height: 7, Width: 5, Kernel: [2]int{2, 3}, Pad: [2]int{0, 2}, Stride: [2]int{2, 1}, Dilation: [2]int{1, 1}},
	{Channels: 16, Height: 9, Width: 9, Kernel: [2]int{5, 5}, Pad: [2]int{2, 2}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}},
	{Channels: 4, Height: 11, Width: 8, Kernel: [2]int{3, 2}, Pad: [2]int{3, 1}, Stride: [2]int{3, 2}, Dilation: [2]int{2, 3}},
	{Channels: 5, Height: 1, Width: 9, Kernel: [2]int{1, 4}, Pad: [2]int{0, 0}, Stride: [2]int{1, 3}, Dilation: [2]int{1, 1}},
	{Channels: 20, Height: 4, Width: 4, Kernel: [2]int{1, 1}, Pad: [2]int{0, 0}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}},
}

func TestConvolve(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 13))
	const samples, filters = 3, 18
	for number, v := range convs {
		for _, planar := range []bool{false, true} {
			v.Planar = planar
			k, elements := v.Depth(), v.Channels*v.Height*v.Width
			height, width := v.Out()
			x := activations(rng, samples, elements)
			given := slices.Clone(x)
			w := random(rng, k, filters, k, 8, true, number%2 == 0, number%3 == 0)
			if planar {
				w = random(rng, k, filters, min(k, 32), 4, false, true, false)
			}
			packed, windows := w.pack(t), gemm.NewWindows(v)
			for at, arithmetic := range arithmetics {
				chosen := outputs[at%len(outputs)]
				out := gemm.Output{ReLU: chosen.relu}
				if chosen.bias {
					out.Bias = activations(rng, 1, filters)
				}
				want := convolution(x, samples, v, w, arithmetic.a, out)
				eachTier(func(tier isa.Tier) {
					got := slices.Repeat([]float32{7}, len(want)+3)
					if err := gemm.Convolve(got, filters*height*width, x, elements, samples, windows, packed, arithmetic.a, out); err != nil {
						t.Fatalf("%v, %s, %+v: %v", tier, arithmetic.name, v, err)
					}
					compare(t, fmt.Sprintf("%v, %s, %+v", tier, arithmetic.name, v), got, want, width)
				})
			}
			if difference(x, given) >= 0 {
				t.Fatalf("%+v: Convolve changed its input", v)
			}
		}
	}
}

// TestConvolveBlocks has images whose windows fill several blocks, and more samples than one holds.
func TestConvolveBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(14, 14))
	for _, c := range []struct{ samples, size int }{{2, 120}, {40, 30}} {
		v := gemm.Conv{Channels: 8, Height: c.size, Width: c.size, Kernel: [2]int{3, 3}, Pad: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}
		elements := v.Channels * c.size * c.size
		x := make([]float32, c.samples*elements)
		for i := range x {
			x[i] = float32(rng.IntN(200) - 100)
		}
		const filters = 3
		w := weight{k: v.Depth(), n: filters, group: v.Depth(), bits: 8, signed: true, scales: []float32{1, 2, 4}}
		for range w.k * filters {
			w.codes = append(w.codes, rng.Int64N(255)-127)
		}
		exact := gemm.Arithmetic{Bits: 24}
		want := convolution(x, c.samples, v, w, exact, gemm.Output{})
		got := make([]float32, len(want))
		if err := gemm.Convolve(got, filters*c.size*c.size, x, elements, c.samples, gemm.NewWindows(v), w.pack(t), exact, gemm.Output{}); err != nil {
			t.Fatal(err)
		}
		compare(t, fmt.Sprintf("%d samples of %d×%d", c.samples, c.size, c.size), got, want, c.size)
	}
}

func TestConvolveNotFinite(t *testing.T) {
	v := convs[1]
	elements := v.Channels * v.Height * v.Width
	w := random(rand.New(rand.NewPCG(15, 15)), v.Depth(), 2, v.Depth(), 8, true, false, false).pack(t)
	x := make([]float32, 3*elements)
	x[2*elements+(1*v.Height+4)*v.Width+3] = float32(math.NaN())
	height, width := v.Out()
	err := gemm.Convolve(make([]float32, 3*2*height*width), 2*height*width, x, elements, 3, gemm.NewWindows(v), w, gemm.Arithmetic{Bits: 24}, gemm.Output{})
	if want := "got NaN in sample 2 at channel 1, row 4, column 3"; !errors.Is(err, gemm.ErrValue) || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("error %v, want ErrValue and %q", err, want)
	}
}
