package gemm_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"euryale/internal/gemm"
	"euryale/internal/isa"
	"euryale/internal/kernel"
	"euryale/internal/pack"
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
					if kernel := v.Kernel[0] * v.Kernel[1]; v.NCHW {
						at(p/kernel, p%kernel/v.Kernel[1], p%v.Kernel[1])
					} else {
						if row := p % v.RowDepth(); row < v.Channels*v.Kernel[1] {
							at(row%v.Channels, p/v.RowDepth(), row/v.Channels)
						} else {
							window = append(window, 0) // fills the row up
						}
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

// convs are convolutions of every kind, and some with pads of four sizes.
var convs = append([]gemm.Conv{
	{Channels: 1, Height: 5, Width: 6, Kernel: [2]int{3, 3}, Pad: [4]int{1, 1, 1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}},
	{Channels: 3, Height: 7, Width: 5, Kernel: [2]int{2, 3}, Pad: [4]int{0, 2, 0, 2}, Stride: [2]int{2, 1}, Dilation: [2]int{1, 1}},
	{Channels: 16, Height: 9, Width: 9, Kernel: [2]int{5, 5}, Pad: [4]int{2, 2, 2, 2}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}},
	{Channels: 4, Height: 11, Width: 8, Kernel: [2]int{3, 2}, Pad: [4]int{3, 1, 3, 1}, Stride: [2]int{3, 2}, Dilation: [2]int{2, 3}},
	{Channels: 5, Height: 1, Width: 9, Kernel: [2]int{1, 4}, Pad: [4]int{0, 0, 0, 0}, Stride: [2]int{1, 3}, Dilation: [2]int{1, 1}},
	{Channels: 8, Height: 9, Width: 12, Kernel: [2]int{3, 3}, Pad: [4]int{1, 2, 1, 2}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 2}},
	{Channels: 3, Height: 5, Width: 3, Kernel: [2]int{2, 3}, Pad: [4]int{0, 0, 0, 0}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}},
	{Channels: 1, Height: 6, Width: 37, Kernel: [2]int{5, 5}, Pad: [4]int{2, 2, 2, 2}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}},
	{Channels: 3, Height: 7, Width: 70, Kernel: [2]int{3, 3}, Pad: [4]int{1, 1, 1, 1}, Stride: [2]int{2, 2}, Dilation: [2]int{1, 1}},
	{Channels: 2, Height: 9, Width: 50, Kernel: [2]int{3, 7}, Pad: [4]int{0, 3, 0, 3}, Stride: [2]int{1, 2}, Dilation: [2]int{3, 1}},
	{Channels: 3, Height: 6, Width: 20, Kernel: [2]int{2, 3}, Pad: [4]int{1, 1, 1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{2, 2}},
	{Channels: 6, Height: 5, Width: 8, Kernel: [2]int{2, 3}, Pad: [4]int{0, 2, 0, 2}, Stride: [2]int{2, 1}, Dilation: [2]int{1, 2}},
	{Channels: 20, Height: 4, Width: 4, Kernel: [2]int{1, 1}, Pad: [4]int{0, 0, 0, 0}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}},
}, unequal(rand.New(rand.NewPCG(20, 20)), 24)...)

// fillUp sets to zero the codes of w that fill rows of filters up.
func fillUp(w weight, v gemm.Conv) {
	for i := range w.codes {
		if i%w.k%v.RowDepth() >= v.Channels*v.Kernel[1] {
			w.codes[i] = 0
		}
	}
}

func TestConvolve(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 13))
	const samples, filters = 3, 18
	for number, v := range convs {
		for _, planar := range []bool{false, true} {
			v.NCHW = planar
			k, elements := v.Depth(), v.Channels*v.Height*v.Width
			_, width := v.Out()
			x := activations(rng, samples, elements)
			given := slices.Clone(x)
			w := random(rng, k, filters, k, 8, true, number%2 == 0, number%3 == 0)
			if planar {
				w = random(rng, k, filters, min(k, 32), 4, false, true, false)
			} else {
				fillUp(w, v)
			}
			packed, windows := w.pack(t), v
			for at, arithmetic := range arithmetics {
				if testing.Short() && (number+at)%4 > 0 { // each has its turn
					continue
				}
				chosen := outputs[at%len(outputs)]
				out := gemm.Output{ReLU: chosen.relu}
				if chosen.bias {
					out.Bias = activations(rng, 1, filters)
				}
				want := convolution(x, samples, v, w, arithmetic.a, out)
				eachTier(func(tier isa.Tier) {
					got := slices.Repeat([]float32{7}, len(want)+3)
					if err := convolve(gemm.Activations{Float: got}, gemm.Activations{Float: x}, samples, windows, []*pack.Matrix{packed}, arithmetic.a, out); err != nil {
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

// channelsLast returns images, (sample, channel, pixel), as (sample, pixel, channel).
func channelsLast[T any](x []T, samples, channels int) []T {
	pixels := len(x) / samples / channels
	y := make([]T, len(x))
	for i, v := range x {
		sample, channel, pixel := i/(channels*pixels), i/pixels%channels, i%pixels
		y[(sample*pixels+pixel)*channels+channel] = v
	}
	return y
}

// TestConvolveQuantized gives images as quantized values and as the real values that they stand for, and
// takes results of both kinds.
func TestConvolveQuantized(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 15))
	const samples, filters = 5, 18
	for number, v := range convs {
		for _, simple := range []bool{true, false} {
			k, elements := v.Depth(), v.Channels*v.Height*v.Width
			_, width := v.Out()
			given := kernel.Affine{Scale: 0.25, Zero: int32(60 * number % 256), High: 255}
			codes, x := make([]uint8, samples*elements), make([]float32, samples*elements)
			for i := range codes {
				codes[i] = uint8(rng.UintN(256))
				x[i] = 0.25 * float32(int32(codes[i])-given.Zero)
			}
			w := random(rng, k, filters, k, 8, true, !simple, !simple)
			fillUp(w, v)
			packed, windows := w.pack(t), v
			out := gemm.Output{Bias: activations(rng, 1, filters), ReLU: number%2 == 0}
			want := convolution(x, samples, v, w, gemm.Arithmetic{Static: &given}, out)
			low, high, _ := kernel.MinMax(want)
			to := kernel.AffineOf(low/2, high/2, 255) // half of the range saturates
			wantCodes := make([]uint8, len(want))
			kernel.Quantize(wantCodes, want, to)
			wantCodes = channelsLast(wantCodes, samples, filters)
			source := gemm.Activations{Quantized: channelsLast(codes, samples, v.Channels), Params: given}
			name := fmt.Sprintf("%+v, simple %v", v, simple)
			eachTier(func(tier isa.Tier) {
				got := slices.Repeat([]float32{7}, len(want)+3)
				if err := convolve(gemm.Activations{Float: got}, source, samples, windows, []*pack.Matrix{packed}, gemm.Arithmetic{}, out); err != nil {
					t.Fatalf("%v, %s: %v", tier, name, err)
				}
				compare(t, fmt.Sprintf("%v, %s", tier, name), got, want, width)
				gotCodes := slices.Repeat([]uint8{7}, len(want)+3)
				for _, x := range []gemm.Activations{source, {Float: x}} {
					if err := convolve(gemm.Activations{Quantized: gotCodes, Params: to}, x, samples, windows, []*pack.Matrix{packed}, gemm.Arithmetic{Static: &given}, out); err != nil {
						t.Fatalf("%v, %s: %v", tier, name, err)
					}
					for i, q := range gotCodes {
						if i < len(wantCodes) && q != wantCodes[i] || i >= len(wantCodes) && q != 7 {
							t.Fatalf("%v, %s: code %d is %d, want %d", tier, name, i, q, append(wantCodes, 7, 7, 7)[i])
						}
					}
				}
			})
		}
	}
}

// TestConvolveOverflow has results that no float32 holds, by their scale or with their bias, which no
// quantized value stands for: in a block of two samples, the second of them. The first is named, though an
// earlier filter has one at a later pixel.
func TestConvolveOverflow(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const samples = 8
	for _, c := range []struct {
		scales [2]float32
		code   int8 // of filter 1; that of filter 0 is 1
		bias   float32
	}{
		{[2]float32{1, math.MaxFloat32}, 1, 0},
		{[2]float32{1, 1e33}, 1, math.MaxFloat32},
		{[2]float32{0.4 * math.MaxFloat32, 0.4 * math.MaxFloat32}, 2, 0},
	} {
		for _, channels := range []int{1, 4} {
			v := gemm.Conv{Channels: channels, Height: 3, Width: 4, Kernel: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}
			w := pack.New(pack.Matrix{K: 4, N: 2, Group: 4, Scales: c.scales[:]}, []int8{1, 0, 0, 0, c.code, 0, 0, 0}, 8)
			x := gemm.Activations{Quantized: make([]uint8, samples*channels*12), Params: kernel.Affine{Scale: 1, High: 255}}
			x.Quantized[(5*12+6)*channels], x.Quantized[(5*12+7)*channels] = 2, 3
			eachTier(func(tier isa.Tier) {
				err := convolve(gemm.Activations{Quantized: make([]uint8, samples*24), Params: x.Params}, x, samples, v, []*pack.Matrix{w}, gemm.Arithmetic{}, gemm.Output{Bias: []float32{0, c.bias}})
				if !errors.Is(err, gemm.ErrValue) || !strings.Contains(err.Error(), "sample 5, filter 1, row 1, column 2") {
					t.Errorf("%v, %d channels, %+v: got error %v, want one of sample 5, filter 1, row 1, column 2", tier, channels, c, err)
				}
			})
		}
	}
}

// TestConvolveBlocks has images whose windows fill several blocks, and more samples than one holds.
func TestConvolveBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(14, 14))
	exact, given := gemm.Arithmetic{Bits: 24}, gemm.Arithmetic{Static: &kernel.Affine{Scale: 1, Zero: 100, High: 255}}
	for _, c := range []struct {
		samples, size, channels int
		arithmetic              gemm.Arithmetic
	}{{2, 120, 8, exact}, {40, 30, 8, exact}, {5, 300, 1, given}} {
		v := gemm.Conv{Channels: c.channels, Height: c.size, Width: c.size, Kernel: [2]int{3, 3}, Pad: [4]int{1, 1, 1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}
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
		fillUp(w, v)
		want := convolution(x, c.samples, v, w, c.arithmetic, gemm.Output{})
		got := make([]float32, len(want))
		if err := convolve(gemm.Activations{Float: got}, gemm.Activations{Float: x}, c.samples, v, []*pack.Matrix{w.pack(t)}, c.arithmetic, gemm.Output{}); err != nil {
			t.Fatal(err)
		}
		compare(t, fmt.Sprintf("%d samples of %d×%d", c.samples, c.size, c.size), got, want, c.size)
	}
}

// TestConvolveGroups gives each group of channels what it has alone.
func TestConvolveGroups(t *testing.T) {
	rng := rand.New(rand.NewPCG(16, 16))
	const samples, groups, filters = 3, 4, 5
	for number, v := range convs {
		k, elements := v.Depth(), v.Channels*v.Height*v.Width
		height, width := v.Out()
		out := gemm.Output{Bias: activations(rng, 1, groups*filters), ReLU: number%2 == 0}
		var packed []*pack.Matrix
		x, want := make([]float32, samples*groups*elements), make([]float32, samples*groups*filters*height*width)
		for g := range groups {
			own := activations(rng, samples, elements)
			w := random(rng, k, filters, k, 8, true, number%3 == 0, false)
			fillUp(w, v)
			packed = append(packed, w.pack(t))
			results := convolution(own, samples, v, w, gemm.Arithmetic{}, gemm.Output{Bias: out.Bias[g*filters:][:filters], ReLU: out.ReLU})
			for i := range samples {
				copy(x[(i*groups+g)*elements:], own[i*elements:][:elements])
				size := filters * height * width
				copy(want[(i*groups+g)*size:], results[i*size:][:size])
			}
		}
		eachTier(func(tier isa.Tier) {
			got := slices.Repeat([]float32{7}, len(want)+3)
			if err := convolve(gemm.Activations{Float: got}, gemm.Activations{Float: x}, samples, v, packed, gemm.Arithmetic{}, out); err != nil {
				t.Fatalf("%v, %+v: %v", tier, v, err)
			}
			compare(t, fmt.Sprintf("%v, %+v", tier, v), got, want, width)
			at := (2*groups+3)*elements + elements - 1
			old := x[at]
			x[at] = float32(math.Inf(1))
			err := convolve(gemm.Activations{Float: got}, gemm.Activations{Float: x}, samples, v, packed, gemm.Arithmetic{}, out)
			x[at] = old
			if place := fmt.Sprintf("sample 2 at channel %d, row %d, column %d", groups*v.Channels-1, v.Height-1, v.Width-1); err == nil || !strings.HasSuffix(err.Error(), place) {
				t.Errorf("%v, %+v: got error %v, want one of %s", tier, v, err, place)
			}
		})
	}
}

// TestConvolveGroupsOfBlocks has more images of groups than a block holds, a number of which no block's is a
// multiple, and names what is not finite in a later block: an activation, and a result that is to be
// quantized.
func TestConvolveGroupsOfBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 17))
	const samples, groups, filters, size, pixels = 70, 3, 2, 32, 32 * 32
	v := gemm.Conv{Channels: 1, Height: size, Width: size, Kernel: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}
	windows := v
	given := gemm.Arithmetic{Static: &kernel.Affine{Scale: 1, Zero: 100, High: 255}}
	x := make([]float32, samples*groups*pixels)
	for i := range x {
		x[i] = float32(rng.IntN(200) - 100)
	}
	var packed []*pack.Matrix
	want := make([]float32, samples*groups*filters*pixels)
	for g := range groups {
		w := weight{k: v.Depth(), n: filters, group: v.Depth(), bits: 8, signed: true, scales: []float32{1, 2}, codes: make([]int64, v.Depth()*filters)}
		w.codes[0], w.codes[v.Depth()] = int64(g+1), int64(-10*g-7)
		packed = append(packed, w.pack(t))
		for i := range samples {
			for p := range pixels {
				image := i*groups + g
				for j := range filters {
					want[(image*filters+j)*pixels+p] = w.scales[j]*float32(w.codes[j*w.k])*x[image*pixels+p] + 0
				}
			}
		}
	}
	const bad = 66
	at := ((bad*groups+1)*size+5)*size + 6
	eachTier(func(tier isa.Tier) {
		got := slices.Repeat([]float32{7}, len(want)+3)
		if err := convolve(gemm.Activations{Float: got}, gemm.Activations{Float: x}, samples, windows, packed, given, gemm.Output{}); err != nil {
			t.Fatalf("%v: %v", tier, err)
		}
		compare(t, fmt.Sprintf("%v, %d samples in %d groups", tier, samples, groups), got, want, size)
		old := x[at]
		x[at] = float32(math.NaN())
		err := convolve(gemm.Activations{Float: got}, gemm.Activations{Float: x}, samples, windows, packed, given, gemm.Output{})
		x[at] = old
		if place := fmt.Sprintf("NaN in sample %d at channel 1, row 5, column 6", bad); err == nil || !strings.HasSuffix(err.Error(), place) {
			t.Errorf("%v: got error %v, want one of %s", tier, err, place)
		}
		codes := make([]uint8, samples*pixels)
		codes[bad*pixels+5*size+6] = 2
		w := pack.New(pack.Matrix{K: 4, N: filters, Group: 4, Scales: []float32{1, math.MaxFloat32}}, []int8{1, 0, 0, 0, 1, 0, 0, 0}, 8)
		m := kernel.Affine{Scale: 1, High: 255}
		err = convolve(gemm.Activations{Quantized: make([]uint8, samples*filters*pixels), Params: m}, gemm.Activations{Quantized: codes, Params: m}, samples, windows, []*pack.Matrix{w}, gemm.Arithmetic{}, gemm.Output{})
		if place := fmt.Sprintf("sample %d, filter 1, row 5, column 6", bad); !errors.Is(err, gemm.ErrValue) || !strings.Contains(err.Error(), place) {
			t.Errorf("%v: got error %v, want one of %s", tier, err, place)
		}
	})
}

func TestConvolveNotFinite(t *testing.T) {
	v := convs[1]
	elements := v.Channels * v.Height * v.Width
	w := random(rand.New(rand.NewPCG(15, 15)), v.Depth(), 2, v.Depth(), 8, true, false, false).pack(t)
	x := make([]float32, 3*elements)
	x[2*elements+(1*v.Height+4)*v.Width+3] = float32(math.NaN())
	height, width := v.Out()
	err := convolve(gemm.Activations{Float: make([]float32, 3*2*height*width)}, gemm.Activations{Float: x}, 3, v, []*pack.Matrix{w}, gemm.Arithmetic{Bits: 24}, gemm.Output{})
	if want := "got NaN in sample 2 at channel 1, row 4, column 3"; !errors.Is(err, gemm.ErrValue) || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("error %v, want ErrValue and %q", err, want)
	}
}
