package gemm_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/gemm"
	"euryale/internal/isa"
	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// unequal returns n convolutions with pads of up to the kernel's size on each side, whose kernels are up to
// as large as the padded images.
func unequal(rng *rand.Rand, n int) []gemm.Conv {
	var list []gemm.Conv
	for len(list) < n {
		v := gemm.Conv{Channels: []int{1, 2, 3, 4, 5, 8, 16, 17}[rng.IntN(8)], Height: 1 + rng.IntN(8), Width: 1 + rng.IntN(8)}
		sizes := [2]int{v.Height, v.Width}
		for i, size := range sizes {
			v.Kernel[i], v.Stride[i], v.Dilation[i] = 1+rng.IntN(5), 1+rng.IntN(3), 1+rng.IntN(3)
			v.Pad[i], v.Pad[i+2] = rng.IntN(v.Kernel[i]+1), rng.IntN(v.Kernel[i]+1)
			if rng.IntN(4) == 0 {
				v.Kernel[i], v.Dilation[i] = size+v.Pad[i]+v.Pad[i+2], 1
			}
		}
		if rng.IntN(3) == 0 {
			v.Width += 30
		}
		if fits := padByHand(v); fits.Height > (v.Kernel[0]-1)*v.Dilation[0] && fits.Width > (v.Kernel[1]-1)*v.Dilation[1] {
			list = append(list, v)
		}
	}
	return list
}

// padByHand returns the convolution without padding of images that are padded.
func padByHand(v gemm.Conv) gemm.Conv {
	v.Height, v.Width, v.Pad = v.Pad[0]+v.Height+v.Pad[2], v.Pad[1]+v.Width+v.Pad[3], [4]int{}
	return v
}

// padded returns images, (image, channel, row, column), with zeros around them.
func padded(x []float32, v gemm.Conv) []float32 {
	large, rows := padByHand(v), len(x)/v.Width
	y := make([]float32, rows/v.Height*large.Height*large.Width)
	for i := range rows {
		copy(y[(i/v.Height*large.Height+i%v.Height+v.Pad[0])*large.Width+v.Pad[1]:], x[i*v.Width:][:v.Width])
	}
	return y
}

// A padKind is a way to convolve.
type padKind struct {
	name                      string
	groups                    int // of v.Channels each
	affine, planar, depthwise bool
}

var padKinds = []padKind{
	{name: "simple", groups: 1},
	{name: "with zero points and offsets", groups: 1, affine: true},
	{name: "planar", groups: 1, planar: true},
	{name: "groups", groups: 3},
	{name: "planar groups", groups: 2, planar: true},
	{name: "depthwise", groups: 1, depthwise: true},
}

// weights returns a weight for each group, as the reference has them, and the packed ones.
func (k padKind) weights(t *testing.T, rng *rand.Rand, v gemm.Conv, filters int) (list []weight, packed []*pack.Matrix) {
	for range k.groups {
		var w weight
		switch depth := v.Depth(); {
		case k.depthwise:
			w = random(rng, depth, filters, depth, 8, true, false, false)
		case k.planar:
			w = random(rng, depth, filters, min(depth, 32), 4, false, true, false)
		default:
			w = random(rng, depth, filters, depth, 8, true, k.affine, k.affine)
			fillUp(w, v)
		}
		list, packed = append(list, w), append(packed, w.pack(t))
	}
	return list, packed
}

// reference returns what convolution does for each group by itself, or for each channel of a depthwise one.
func (k padKind) reference(x []float32, samples int, v gemm.Conv, weights []weight, a gemm.Arithmetic, out gemm.Output) []float32 {
	groups := k.groups
	if k.depthwise {
		w := weights[0]
		groups, weights = v.Channels, nil
		for i := range groups {
			weights = append(weights, weight{k: w.k, n: 1, group: w.k, bits: w.bits, signed: true, codes: w.codes[i*w.k:][:w.k], scales: w.scales[i:][:1]})
		}
		v.Channels, v.NCHW, v.Depthwise = 1, true, false
	}
	height, width := v.Out()
	size, filters := v.Channels*v.Height*v.Width, weights[0].n
	pixels := filters * height * width
	y := make([]float32, samples*groups*pixels)
	for i := range samples * groups {
		g := i % groups
		own := gemm.Output{Bias: out.Bias[g*filters:][:filters], ReLU: out.ReLU}
		copy(y[i*pixels:], convolution(x[i*size:][:size], 1, v, weights[g], a, own))
	}
	return y
}

// TestPads compares convolutions with pads of four sizes with the reference, and with convolutions without
// padding of images that were padded with zeros: of every kind and arithmetic, from and to real and quantized
// values.
func TestPads(t *testing.T) {
	tried := 400
	if raceEnabled || testing.Short() {
		tried = 40
	}
	rng := rand.New(rand.NewPCG(22, 22))
	const samples = 2
	runs := map[string]int{}
	for number, v := range unequal(rng, tried) {
		for at, k := range padKinds {
			v := v
			v.NCHW, v.Depthwise = k.planar, k.depthwise
			a := arithmetics[(number+at)%len(arithmetics)]
			if k.depthwise {
				a = arithmetics[3+number%5]
			}
			filters := 1 + rng.IntN(19)
			if k.depthwise {
				filters = v.Channels
			}
			weights, packed := k.weights(t, rng, v, filters)
			out := gemm.Output{Bias: make([]float32, k.groups*filters), ReLU: number%2 == 0}
			for i := range out.Bias {
				out.Bias[i] = float32(rng.NormFloat64())
			}
			x := make([]float32, samples*k.groups*v.Channels*v.Height*v.Width)
			for i := range x {
				x[i] = float32(rng.NormFloat64())
			}
			want := k.reference(x, samples, v, weights, a.a, out)
			low, high, _ := kernel.MinMax(want)
			to := kernel.AffineOf(low/2, high/2, 255) // half of the range saturates
			wantCodes := make([]uint8, len(want))
			kernel.Quantize(wantCodes, want, to)
			wantCodes = channelsLast(wantCodes, samples, k.groups*filters)
			run := func(how string, v gemm.Conv, x gemm.Activations) {
				windows, name := v, fmt.Sprintf("%s, %s, %s, %+v", k.name, how, a.name, v)
				eachTier(func(tier isa.Tier) {
					got := slices.Repeat([]float32{7}, len(want)+3)
					if err := convolve(gemm.Activations{Float: got}, x, samples, windows, packed, a.a, out); err != nil {
						t.Fatalf("%v, %s: %v", tier, name, err)
					}
					_, width := v.Out()
					compare(t, fmt.Sprintf("%v, %s", tier, name), got, want, width)
					runs[k.name]++
					if k.groups > 1 {
						return
					}
					codes := make([]uint8, len(want))
					if err := convolve(gemm.Activations{Quantized: codes, Params: to}, x, samples, windows, packed, a.a, out); err != nil || !slices.Equal(codes, wantCodes) {
						t.Fatalf("%v, %s: error %v, or other codes", tier, name, err)
					}
					runs[k.name]++
				})
			}
			for _, c := range []struct {
				how string
				v   gemm.Conv
				x   []float32
			}{{"padded", v, x}, {"padded by hand", padByHand(v), padded(x, v)}} {
				run(c.how, c.v, gemm.Activations{Float: c.x})
				if a.a.Static != nil && a.a.Static.Low == 0 && k.groups == 1 && !k.planar {
					codes := make([]uint8, len(c.x))
					kernel.Quantize(codes, c.x, *a.a.Static)
					run(c.how+", quantized", c.v, gemm.Activations{Quantized: channelsLast(codes, samples, v.Channels), Params: *a.a.Static})
				}
			}
		}
	}
	t.Logf("%d geometries, in runs %v", tried, runs)
}
