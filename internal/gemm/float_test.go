package gemm_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"runtime"
	"testing"

	"euryale/internal/gemm"
	"euryale/internal/isa"
	"euryale/internal/pack"
)

// chain returns y after a fused multiply-add with exact arithmetic, for finite numbers.
func chain(y, a, b float32) float32 {
	x := new(big.Float).SetPrec(600)
	x.Mul(x.SetFloat64(float64(a)), new(big.Float).SetPrec(600).SetFloat64(float64(b)))
	y, _ = x.Add(x, new(big.Float).SetFloat64(float64(y))).Float32()
	return y
}

// chains returns x·w for a w [n][k].
func chains(x []float32, m int, w []float32, k, n int, out gemm.Output) []float32 {
	y := make([]float32, m*n)
	for i := range y {
		sum := biasOf(out, i%n)
		for p := range k {
			sum = chain(sum, x[i/n*k+p], w[i%n*k+p])
		}
		y[i] = floatOutput(sum, out)
	}
	return y
}

// floatOutput applies an output to chains that began with its bias.
func floatOutput(y float32, out gemm.Output) float32 {
	if out.ReLU {
		y = max(y, 0)
	}
	return y + 0
}

func biasOf(out gemm.Output, j int) float32 {
	if out.Bias == nil {
		return 0
	}
	return out.Bias[j]
}

// floatNumbers returns numbers of many magnitudes.
func floatNumbers(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64() * math.Exp(2*rng.NormFloat64()))
	}
	return x
}

// eachFloat calls do on every tier, with one thread and with three.
func eachFloat(do func(name string)) {
	for _, threads := range []int{1, 3} {
		before := runtime.GOMAXPROCS(threads)
		eachTier(func(tier isa.Tier) { do(fmt.Sprintf("%v, %d threads", tier, threads)) })
		runtime.GOMAXPROCS(before)
	}
}

// TestFloatProduct compares with exact chains, over tiles and what is left of them, and over blocks of depth.
func TestFloatProduct(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 1))
	count := 0
	for _, m := range []int{1, 2, 3, 7, 13, 24, 25, 61} {
		for _, n := range []int{1, 16, 17, 40, 150} {
			for _, k := range []int{1, 5, 64, 256} {
				if (raceEnabled || testing.Short()) && m*n*k > 1<<15 {
					continue
				}
				x, w, out := floatNumbers(rng, m*k), floatNumbers(rng, k*n), gemm.Output{ReLU: k%2 == 1}
				if n > 1 {
					out.Bias = floatNumbers(rng, n)
				}
				want := chains(x, m, w, k, n, out)
				packed := pack.FloatsFrom(n, w, pack.ColumnMajor(k), pack.Serial)
				if m%2 == 0 {
					rows := make([]float32, k*n)
					for i, v := range w {
						rows[i%k*n+i/k] = v
					}
					packed.Set(rows, pack.RowMajor(k, n), pack.Serial)
				}
				p := gemm.NewFloatProduct(packed, out)
				eachFloat(func(name string) {
					got := make([]float32, m*n)
					if err := p.Run(gemm.Activations{Float: got}, gemm.Activations{Float: x}, m); err != nil {
						t.Fatal(err)
					}
					compare(t, fmt.Sprintf("%s, m %d, k %d, n %d", name, m, k, n), got, want, n)
					count++
				})
			}
		}
	}
	t.Logf("%d products", count)
}

// TestFloatBlocks wants the bits of the generic kernels where rows and depth have several blocks.
func TestFloatBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 2))
	for _, s := range [][3]int{{1, 5000, 48}, {30, 3100, 33}, {200, 1100, 16}} {
		m, k, n := s[0], s[1], s[2]
		x, out := floatNumbers(rng, m*k), gemm.Output{Bias: floatNumbers(rng, n)}
		p := gemm.NewFloatProduct(pack.FloatsFrom(n, floatNumbers(rng, k*n), pack.ColumnMajor(k), pack.Serial), out)
		var want []float32
		eachFloat(func(name string) {
			got := make([]float32, m*n)
			if err := p.Run(gemm.Activations{Float: got}, gemm.Activations{Float: x}, m); err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got // of the generic kernels, which are the first
			}
			compare(t, fmt.Sprintf("%s, %v", name, s), got, want, n)
		})
	}
}

// TestFloatSpecials lets infinities and NaN through, and writes one NaN and no −0.
func TestFloatSpecials(t *testing.T) {
	infinity, nan := float32(math.Inf(1)), math.Float32frombits(0xffc00123)
	w := pack.FloatsFrom(2, []float32{1, -1, 0, 2}, pack.RowMajor(2, 2), pack.Serial)
	for _, c := range []struct {
		x, want []float32
		relu    bool
	}{
		{[]float32{infinity, 1}, []float32{infinity, -infinity}, false},
		{[]float32{infinity, 1}, []float32{infinity, 0}, true},
		{[]float32{1, infinity}, []float32{float32(math.NaN()), infinity}, true},
		{[]float32{nan, 1}, []float32{float32(math.NaN()), float32(math.NaN())}, true},
		{[]float32{float32(math.Copysign(0, -1)), 0}, []float32{0, 0}, false},
	} {
		eachFloat(func(name string) {
			got := make([]float32, 2)
			if err := gemm.NewFloatProduct(w, gemm.Output{ReLU: c.relu}).Run(gemm.Activations{Float: got}, gemm.Activations{Float: c.x}, 1); err != nil {
				t.Fatal(err)
			}
			for j, y := range got {
				want := math.Float32bits(c.want[j])
				if y != y {
					want = 0x7fc00000
				}
				if math.Float32bits(y) != want {
					t.Errorf("%s: %v gives %v, want %v", name, c.x, got, c.want)
				}
			}
		})
	}
}

// floatConv is a convolution to try.
type floatConv struct {
	gemm.Conv
	groups, each, samples int
}

// reference returns exact chains, window by window.
func (c *floatConv) reference(x, filters []float32, out gemm.Output) (y []float32) {
	height, width := c.Out()
	for i := range c.samples * c.groups * c.each * height * width {
		row, column, f := i/width%height, i%width, i/(height*width)%(c.groups*c.each)
		image := x[(i/(height*width)/c.each)*c.Channels*c.Height*c.Width:]
		sum := biasOf(out, f)
		for u := range c.Kernel[0] {
			for v := range c.Kernel[1] {
				r, s := row*c.Stride[0]+u*c.Dilation[0]-c.Pad[0], column*c.Stride[1]+v*c.Dilation[1]-c.Pad[1]
				if r < 0 || r >= c.Height || s < 0 || s >= c.Width {
					continue
				}
				for channel := range c.Channels {
					w := filters[((f*c.Channels+channel)*c.Kernel[0]+u)*c.Kernel[1]+v]
					sum = chain(sum, w, image[(channel*c.Height+r)*c.Width+s])
				}
			}
		}
		y = append(y, floatOutput(sum, out))
	}
	return y
}

// TestFloatConvolution compares with exact chains: strides, pads, dilations and groups of all kinds.
func TestFloatConvolution(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 3))
	list := []floatConv{
		{gemm.Conv{Channels: 1, Height: 28, Width: 28, Kernel: [2]int{5, 5}}, 1, 6, 2},
		{gemm.Conv{Channels: 3, Height: 9, Width: 7, Kernel: [2]int{3, 3}, Pad: [4]int{1, 1, 1, 1}}, 1, 13, 2},
		{gemm.Conv{Channels: 8, Height: 8, Width: 8, Kernel: [2]int{1, 1}}, 1, 17, 2},
		{gemm.Conv{Channels: 8, Height: 7, Width: 7, Kernel: [2]int{1, 1}}, 1, 12, 1},
		{gemm.Conv{Channels: 1, Height: 14, Width: 14, Kernel: [2]int{3, 3}, Pad: [4]int{1, 1, 1, 1}}, 6, 1, 2},
		{gemm.Conv{Channels: 1, Height: 14, Width: 14, Kernel: [2]int{3, 3}, Pad: [4]int{1, 1, 1, 1}, Stride: [2]int{2, 2}}, 6, 1, 2},
		{gemm.Conv{Channels: 1, Height: 3, Width: 3, Kernel: [2]int{3, 3}, Pad: [4]int{1, 1, 1, 1}}, 20, 1, 90},
		{gemm.Conv{Channels: 4, Height: 3, Width: 3, Kernel: [2]int{1, 1}}, 2, 3, 150},
		{gemm.Conv{Channels: 1, Height: 70, Width: 300, Kernel: [2]int{3, 3}}, 1, 2, 1},
		{gemm.Conv{Channels: 256, Height: 5, Width: 5, Kernel: [2]int{1, 1}, Stride: [2]int{2, 2}}, 1, 4, 1},
	}
	for range map[bool]int{true: 60, false: 15}[!raceEnabled && !testing.Short()] {
		v := gemm.Conv{
			Channels: 1 + rng.IntN(5), Kernel: [2]int{1 + rng.IntN(4), 1 + rng.IntN(4)},
			Stride: [2]int{1 + rng.IntN(3), 1 + rng.IntN(3)}, Dilation: [2]int{1 + rng.IntN(3), 1 + rng.IntN(3)},
		}
		for i := range v.Pad {
			v.Pad[i] = rng.IntN(4)
		}
		v.Height, v.Width = v.Dilation[0]*(v.Kernel[0]-1)+1+rng.IntN(12), v.Dilation[1]*(v.Kernel[1]-1)+1+rng.IntN(40)
		list = append(list, floatConv{v, 1 + rng.IntN(3), 1 + rng.IntN(9), 1 + rng.IntN(4)})
	}
	for _, c := range list {
		for i := range 2 {
			c.Stride[i], c.Dilation[i] = max(1, c.Stride[i]), max(1, c.Dilation[i])
		}
		count := c.groups * c.each
		x := floatNumbers(rng, c.samples*c.groups*c.Channels*c.Height*c.Width)
		filters := floatNumbers(rng, count*c.Channels*c.Kernel[0]*c.Kernel[1])
		out := gemm.Output{Bias: floatNumbers(rng, count), ReLU: count%2 == 0}
		want := c.reference(x, filters, out)
		p := gemm.NewFloatConvolution(c.Conv, gemm.NewFloatFilters(filters, c.Channels, c.groups, c.Kernel), out)
		_, width := c.Out()
		eachFloat(func(name string) {
			got := make([]float32, len(want))
			if err := p.Run(gemm.Activations{Float: got}, gemm.Activations{Float: x}, c.samples); err != nil {
				t.Fatal(err)
			}
			compare(t, fmt.Sprintf("%s, %+v", name, c), got, want, width)
		})
	}
}

// TestFloatChannelsLast compares depthwise convolutions, and those with filters of single pixels, with exact chains:
// channels first and last, of the image and of the result.
func TestFloatChannelsLast(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 4))
	one, three, same := [2]int{1, 1}, [2]int{3, 3}, [4]int{1, 1, 1, 1}
	list := []floatConv{
		{gemm.Conv{Channels: 1, Height: 6, Width: 6, Kernel: three, Stride: one, Dilation: one, Pad: same}, 48, 1, 3},
		{gemm.Conv{Channels: 1, Height: 7, Width: 6, Kernel: three, Stride: [2]int{2, 2}, Dilation: one, Pad: [4]int{0, 0, 1, 1}}, 20, 1, 2},
		{gemm.Conv{Channels: 1, Height: 2, Width: 3, Kernel: three, Stride: one, Dilation: one, Pad: [4]int{9, 9, 9, 9}}, 9, 1, 2},
		{gemm.Conv{Channels: 24, Height: 5, Width: 7, Kernel: one, Stride: one, Dilation: one}, 1, 40, 3},
		{gemm.Conv{Channels: 3, Height: 1, Width: 1, Kernel: one, Stride: one, Dilation: one}, 1, 9, 70},
	}
	for range map[bool]int{true: 60, false: 15}[!raceEnabled && !testing.Short()] {
		v := gemm.Conv{
			Channels: 1, Kernel: [2]int{1 + rng.IntN(4), 1 + rng.IntN(4)},
			Stride: [2]int{1 + rng.IntN(3), 1 + rng.IntN(3)}, Dilation: [2]int{1 + rng.IntN(3), 1 + rng.IntN(3)},
		}
		for i := range v.Pad {
			v.Pad[i] = rng.IntN(4)
		}
		v.Height, v.Width = v.Dilation[0]*(v.Kernel[0]-1)+1+rng.IntN(12), v.Dilation[1]*(v.Kernel[1]-1)+1+rng.IntN(20)
		list = append(list, floatConv{v, 1 + rng.IntN(70), 1, 1 + rng.IntN(4)})
	}
	for _, c := range list {
		filters, channels := c.groups*c.each, c.groups*c.Channels
		x, w := floatNumbers(rng, c.samples*channels*c.Height*c.Width), floatNumbers(rng, filters*c.Channels*c.Kernel[0]*c.Kernel[1])
		out := gemm.Output{Bias: floatNumbers(rng, filters), ReLU: filters%2 == 0}
		want := c.reference(x, w, out)
		v := c.Conv
		v.Channels = channels
		height, width := c.Out()
		var p *gemm.FloatChannelsLast
		if c.groups > 1 {
			p = gemm.NewFloatDepthwise(v, gemm.NewDepthwiseFilters(w, channels, c.Kernel), out)
		} else {
			p = gemm.NewFloatPixels(v, pack.FloatsFrom(filters, w, pack.ColumnMajor(channels), pack.Serial), out)
		}
		for layouts := range 4 {
			x, want, from, to := x, want, gemm.Activations{ChannelsLast: layouts&1 > 0}, gemm.Activations{ChannelsLast: layouts&2 > 0}
			if from.ChannelsLast {
				x = turned(x, channels, c.Height*c.Width)
			}
			if to.ChannelsLast {
				want = turned(want, filters, height*width)
			}
			eachFloat(func(name string) {
				from.Float, to.Float = x, make([]float32, len(want))
				if err := p.Run(to, from, c.samples); err != nil {
					t.Fatal(err)
				}
				compare(t, fmt.Sprintf("%s, %+v, layouts %d", name, c, layouts), to.Float, want, filters)
			})
		}
	}
}

// turned returns images of so many channels and pixels with their channels last.
func turned(x []float32, channels, pixels int) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		sample, channel, pixel := i/(channels*pixels), i/pixels%channels, i%pixels
		y[(sample*pixels+pixel)*channels+channel] = v
	}
	return y
}
