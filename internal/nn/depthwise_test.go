package nn_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"euryale/internal/isa"
	"euryale/internal/nn"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// convCase is a convolution whose filters have a channel each.
type convCase struct {
	channels, height, width       int
	kernel, pad, stride, dilation []int
}

func (c convCase) filters(t *testing.T, seed uint64, s qtensor.Scheme) *qtensor.QTensor {
	t.Helper()
	n := c.channels * c.kernel[0] * c.kernel[1]
	q, err := qtensor.Quantize(newTensor(gaussian(seed, n), c.channels, 1, c.kernel[0], c.kernel[1]), s)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

var depthwiseCases = []convCase{
	{channels: 2, height: 5, width: 6, kernel: []int{3, 3}, pad: []int{1, 1}, stride: []int{1, 1}, dilation: []int{1, 1}},
	{channels: 16, height: 9, width: 8, kernel: []int{3, 3}, pad: []int{1, 1}, stride: []int{2, 1}, dilation: []int{1, 1}},
	{channels: 37, height: 11, width: 10, kernel: []int{5, 4}, pad: []int{3, 2}, stride: []int{1, 2}, dilation: []int{1, 2}},
	{channels: 48, height: 1, width: 40, kernel: []int{1, 7}, pad: []int{0, 0}, stride: []int{1, 1}, dilation: []int{1, 3}},
	{channels: 24, height: 7, width: 9, kernel: []int{3, 3}, pad: []int{1, 1}, stride: []int{2, 2}, dilation: []int{1, 1}},
	{channels: 8, height: 7, width: 6, kernel: []int{3, 3}, pad: []int{1, 1}, stride: []int{2, 1}, dilation: []int{1, 1}},
	{channels: 4, height: 5, width: 8, kernel: []int{3, 2}, pad: []int{1, 0}, stride: []int{1, 1}, dilation: []int{1, 1}},
	{channels: 4, height: 5, width: 9, kernel: []int{3, 2}, pad: []int{1, 0}, stride: []int{1, 1}, dilation: []int{1, 1}},
	{channels: 20, height: 30, width: 31, kernel: []int{9, 8}, pad: []int{4, 4}, stride: []int{1, 1}, dilation: []int{1, 1}},
}

// filterOf returns one of filters that have a channel each, as a convolution of that channel.
func filterOf(t *testing.T, q *qtensor.QTensor, channel int) *qtensor.QTensor {
	t.Helper()
	shape, p := q.Shape(), q.Params()
	size := shape[2] * shape[3]
	if len(p.Scales) > 1 {
		p.Scales = p.Scales[channel:][:1]
		p.Min, p.Max = nil, nil
	}
	one, err := qtensor.FromCodes(tensor.New(tensor.WithShape(1, 1, shape[2], shape[3]),
		tensor.WithBacking(slices.Clone(q.Codes().Int8s()[channel*size:][:size]))), p)
	if err != nil {
		t.Fatal(err)
	}
	return one
}

// TestDepthwise compares filters that have a channel each with convolutions of the channels by themselves,
// from and to float32 and quantized activations, with all kernels.
func TestDepthwise(t *testing.T) {
	const samples = 3
	static := over(t, -2.5, 3)
	for number, c := range depthwiseCases {
		for of, scheme := range []qtensor.Scheme{
			qtensor.PerChannelSymmetric(8, 0), qtensor.Symmetric(8),
			qtensor.Int4().PerAxis(0), qtensor.PerChannelSymmetric(3, 0),
		} {
			if testing.Short() && (number+of)%4 > 0 { // each has its turn
				continue
			}
			name := fmt.Sprintf("%d channels of %d×%d, kernel %v, %v", c.channels, c.height, c.width, c.kernel, scheme)
			q := c.filters(t, 5, scheme)
			bias := gaussian(6, c.channels)
			prepare := func(q *qtensor.QTensor, groups int, bias []float32) *nn.Layer {
				o := static
				o.Bias, o.ReLU = bias, true
				l, err := mustPackFilters(t, q, groups).Prepare(c.height, c.width, window(t, c.pad, c.stride, c.dilation), o)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				return l
			}
			all := prepare(q, c.channels, bias)
			takes := paramsOf(t, static)
			want := nn.IO{TakesQuantized: true, Params: takes, GivesQuantized: true}
			if io := nn.ConvIO(static, scheme, []int{c.channels, c.height, c.width}, q.Shape(), c.pad, c.channels); all.IO() != want || io != want {
				t.Fatalf("%s: takes and gives %+v, and ConvIO says %+v, want %+v", name, all.IO(), io, want)
			}
			image, out := c.height*c.width, all.Out()
			pixels := out[1] * out[2]
			x := gaussians(rand.New(rand.NewPCG(8, 8)), samples*c.channels*image)
			results := make([]float32, samples*c.channels*pixels)
			for channel := range c.channels {
				one := prepare(filterOf(t, q, channel), 1, bias[channel:][:1])
				for s := range samples {
					if err := one.Run(nn.Operand{Float: results[(s*c.channels+channel)*pixels:][:pixels]},
						nn.Operand{Float: x[(s*c.channels+channel)*image:][:image]}, 1); err != nil {
						t.Fatalf("%s: %v", name, err)
					}
				}
			}
			xq := nn.Operand{Quantized: channelsLast(quantized(t, x, qtensor.Affine(8), -2.5, 3), samples, c.channels), Params: takes}
			next := paramsOf(t, over(t, 0, 4))
			wantQ := channelsLast(quantized(t, results, qtensor.Affine(8), 0, 4), samples, c.channels)
			for _, tier := range isa.All() {
				if !isa.Supported(tier) {
					continue
				}
				restore := isa.Use(tier)
				for _, from := range []nn.Operand{{Float: x}, xq} {
					got := nn.Operand{Float: make([]float32, len(results))}
					if err := all.Run(got, from, samples); err != nil || !slices.Equal(got.Float, results) {
						t.Errorf("%s, %v, quantized x %t: error %v, or other bits", name, tier, from.Quantized != nil, err)
					}
					got = nn.Operand{Quantized: make([]uint8, len(results)), Params: next}
					if err := all.Run(got, from, samples); err != nil || !slices.Equal(got.Quantized, wantQ) {
						t.Errorf("%s, %v, quantized x %t: error %v, or other quantized values", name, tier, from.Quantized != nil, err)
					}
				}
				restore()
			}
		}
	}
}

// over returns StaticInt8 of 8 unsigned bits over a range.
func over(t *testing.T, low, high float32) nn.Options {
	t.Helper()
	return static(t, qtensor.Affine(8), low, high)
}

// TestDepthwiseNamesPlaces has a NaN in a channel.
func TestDepthwiseNamesPlaces(t *testing.T) {
	c := convCase{channels: 20, kernel: []int{3, 3}}
	l, err := mustPackFilters(t, c.filters(t, 3, qtensor.PerChannelSymmetric(8, 0)), 20).Prepare(6, 5,
		window(t, []int{1, 1}, nil, nil), over(t, -1, 1))
	if err != nil {
		t.Fatal(err)
	}
	x, y := make([]float32, 2*20*30), make([]float32, 2*20*30)
	x[(20+17)*30+3*5+2] = float32(math.NaN())
	if err := l.Run(nn.Operand{Float: y}, nn.Operand{Float: x}, 2); err == nil ||
		!strings.Contains(err.Error(), "sample 1 at channel 17, row 3, column 2") {
		t.Errorf("got error %v, want it to name sample 1, channel 17, row 3, column 2", err)
	}
}

// TestNotDepthwise goes through what is like it.
func TestNotDepthwise(t *testing.T) {
	images, filters, s := []int{8, 6, 6}, []int{8, 1, 3, 3}, qtensor.PerChannelSymmetric(8, 0)
	static := over(t, -1, 1)
	for _, c := range []struct {
		name            string
		images, filters []int
		pad             []int
		groups          int
		scheme          qtensor.Scheme
	}{
		{"two channels each", images, []int{8, 2, 3, 3}, nil, 4, s},
		{"two filters each", images, []int{16, 1, 3, 3}, nil, 8, s},
		{"zero points", images, filters, nil, 8, qtensor.PerChannelAffine(8, 0)},
		{"offsets", images, filters, nil, 8, qtensor.Uniform(8)},
		{"groups of scales", images, filters, nil, 8, qtensor.Int4().PerGroup(0, 4)},
		{"much padding", images, filters, []int{16000, 16000}, 8, s},
		{"much padding below and right", images, filters, []int{0, 0, 32000, 32000}, 8, s},
		{"no image", []int{6}, filters, nil, 8, s},
		{"no filters", images, []int{8, 3, 3}, nil, 8, s},
		{"a pad of one value", images, filters, []int{1}, 8, s},
		{"a pad below 0", images, filters, []int{-1, 0}, 8, s},
	} {
		if io := nn.ConvIO(static, c.scheme, c.images, c.filters, c.pad, c.groups); io.TakesQuantized || io.GivesQuantized {
			t.Errorf("%s: taken for one channel each", c.name)
		}
	}
	for _, o := range []nn.Options{{}, fixed24, {Activations: nn.Fixed16}, dynamicInt8} {
		if io := nn.ConvIO(o, s, images, filters, nil, 8); io.TakesQuantized || io.GivesQuantized {
			t.Errorf("%v: takes or gives quantized activations channel by channel", o.Activations)
		}
	}
	if strconv.IntSize == 64 { // else such images are too big for a layer
		c := convCase{channels: 8, kernel: []int{3, 3}}
		l, err := mustPackFilters(t, c.filters(t, 3, s), 8).Prepare(6, 6, window(t, []int{8000, 8000}, nil, nil), static)
		if err != nil {
			t.Fatal(err)
		}
		if l.IO().TakesQuantized || l.IO().GivesQuantized {
			t.Error("images of more values than one block has: taken for one channel each")
		}
	}
	if io := nn.ConvIO(static, s, images, filters, []int{1, 1}, 8); !io.TakesQuantized || !io.GivesQuantized {
		t.Error("one channel each: not taken for that")
	}
}

// TestDepthwiseBytes bounds the memory of filters with a channel each by what a file holds, until a layer
// without static activations is prepared.
func TestDepthwiseBytes(t *testing.T) {
	for _, side := range []int{3, 5} {
		for _, scheme := range []qtensor.Scheme{qtensor.PerChannelSymmetric(8, 0), qtensor.Int4().PerAxis(0)} {
			for _, channels := range []int{32, 72, 960} {
				q := convCase{channels: channels, kernel: []int{side, side}}.filters(t, 3, scheme)
				f := mustPackFilters(t, q, channels)
				prepare := func(o nn.Options) {
					t.Helper()
					if _, err := f.Prepare(8, 8, window(t, nil, nil, nil), o); err != nil {
						t.Fatal(err)
					}
				}
				prepare(over(t, -1, 1))
				small := f.Bytes()
				if small < q.Bytes() || small > 4*q.Bytes() {
					t.Errorf("%v: got %d bytes, want up to 4 times the %d of the tensor", q, small, q.Bytes())
				}
				prepare(fixed24)
				if f.Bytes() <= small {
					t.Errorf("%v: got %d bytes with filters for other activations too, want more than %d", q, f.Bytes(), small)
				}
			}
		}
	}
}
