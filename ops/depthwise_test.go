package ops_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"euryale/internal/isa"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

var depthwiseCases = []convCase{
	{in: 2, height: 5, width: 6, kernel: []int{3, 3}, pad: []int{1, 1}, stride: []int{1, 1}, dilation: []int{1, 1}},
	{in: 16, height: 9, width: 8, kernel: []int{3, 3}, pad: []int{1, 1}, stride: []int{2, 1}, dilation: []int{1, 1}},
	{in: 37, height: 11, width: 10, kernel: []int{5, 4}, pad: []int{3, 2}, stride: []int{1, 2}, dilation: []int{1, 2}},
	{in: 48, height: 1, width: 40, kernel: []int{1, 7}, pad: []int{0, 0}, stride: []int{1, 1}, dilation: []int{1, 3}},
	{in: 24, height: 7, width: 9, kernel: []int{3, 3}, pad: []int{1, 1}, stride: []int{2, 2}, dilation: []int{1, 1}},
	{in: 20, height: 30, width: 31, kernel: []int{9, 8}, pad: []int{4, 4}, stride: []int{1, 1}, dilation: []int{1, 1}},
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
	one, err := qtensor.FromCodes(tensor.New(tensor.WithShape(1, 1, shape[2], shape[3]), tensor.WithBacking(slices.Clone(q.Codes().Int8s()[channel*size:][:size]))), p)
	if err != nil {
		t.Fatal(err)
	}
	return one
}

// TestDepthwise holds filters that have a channel each to convolutions of the channels by themselves, from
// and to numbers and codes, with all kernels.
func TestDepthwise(t *testing.T) {
	const samples = 3
	compute := static(t, qtensor.Affine(8), -2.5, 3)
	for _, c := range depthwiseCases {
		for _, scheme := range []qtensor.Scheme{qtensor.PerChannelSymmetric(8, 0), qtensor.Symmetric(8), qtensor.Int4().PerAxis(0), qtensor.PerChannelSymmetric(3, 0)} {
			name := fmt.Sprintf("%d channels of %d×%d, kernel %v, %v", c.in, c.height, c.width, c.kernel, scheme)
			c.out, c.groups = c.in, c.in
			q := c.filters(t, 5, scheme)
			bias := gaussian(6, c.out)
			prepare := func(q *qtensor.QTensor, groups int, bias []float32) *ops.Prepared {
				f, err := ops.PackConv2d(q, groups)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				p, err := f.Prepare(c.height, c.width, c.pad, c.stride, c.dilation, ops.WithCompute(compute), ops.WithBias(newTensor(bias, len(bias))), ops.WithReLU())
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				return p
			}
			all := prepare(q, c.groups, bias)
			takes, ok := all.TakesCodes()
			if !ok || !all.GivesCodes() || ops.ConvCodes(compute, scheme, tensor.Shape{c.in, c.height, c.width}, q.Shape(), c.pad, c.groups) != (ops.Exchange{Takes: true, Codes: takes, Gives: true}) {
				t.Fatalf("%s: takes codes %t, gives codes %t, want both", name, ok, all.GivesCodes())
			}
			image, out := c.height*c.width, all.Out()
			pixels := out[1] * out[2]
			x := gaussians(rand.New(rand.NewPCG(8, 8)), samples*c.in*image)
			want := make([]float32, samples*c.in*pixels)
			for channel := range c.in {
				one := prepare(filterOf(t, q, channel), 1, bias[channel:][:1])
				for s := range samples {
					if err := one.Run(want[(s*c.in+channel)*pixels:][:pixels], x[(s*c.in+channel)*image:][:image], 1); err != nil {
						t.Fatalf("%s: %v", name, err)
					}
				}
			}
			codes := ops.Samples{Codes: channelsLast(quantized(t, x, qtensor.Affine(8), -2.5, 3), samples, c.in), Map: takes}
			next, _ := static(t, qtensor.Affine(8), 0, 4).Codes()
			wantCodes := channelsLast(quantized(t, want, qtensor.Affine(8), 0, 4), samples, c.in)
			for _, tier := range isa.All() {
				if !isa.Supported(tier) {
					continue
				}
				restore := isa.Use(tier)
				for _, from := range []ops.Samples{{Float: x}, codes} {
					got := ops.Samples{Float: make([]float32, len(want))}
					if err := all.RunSamples(got, from, samples); err != nil || !slices.Equal(got.Float, want) {
						t.Errorf("%s, %v, codes given %t: error %v, or other bits", name, tier, from.Codes != nil, err)
					}
					got = ops.Samples{Codes: make([]uint8, len(want)), Map: next}
					if err := all.RunSamples(got, from, samples); err != nil || !slices.Equal(got.Codes, wantCodes) {
						t.Errorf("%s, %v, codes given %t: error %v, or other codes", name, tier, from.Codes != nil, err)
					}
				}
				restore()
			}
		}
	}
}

// TestDepthwiseNamesPlaces has a NaN in a channel.
func TestDepthwiseNamesPlaces(t *testing.T) {
	c := convCase{1, 20, 6, 5, 20, 20, []int{3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1}}
	p, err := c.pack(t, c.filters(t, 3, qtensor.PerChannelSymmetric(8, 0))).Prepare(c.height, c.width, c.pad, nil, nil, ops.WithCompute(static(t, qtensor.Affine(8), -1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	x, y := make([]float32, 2*20*30), make([]float32, 2*20*30)
	x[(20+17)*30+3*5+2] = float32(math.NaN())
	if err := p.Run(y, x, 2); err == nil || !strings.Contains(err.Error(), "sample 1 at channel 17, row 3, column 2") {
		t.Errorf("got error %v, want it to name sample 1, channel 17, row 3, column 2", err)
	}
}

// TestNotDepthwise goes through what is like it.
func TestNotDepthwise(t *testing.T) {
	images, filters, s := tensor.Shape{8, 6, 6}, tensor.Shape{8, 1, 3, 3}, qtensor.PerChannelSymmetric(8, 0)
	compute := static(t, qtensor.Affine(8), -1, 1)
	for _, c := range []struct {
		name            string
		images, filters tensor.Shape
		pad             []int
		groups          int
		scheme          qtensor.Scheme
	}{
		{"two channels each", images, tensor.Shape{8, 2, 3, 3}, nil, 4, s},
		{"two filters each", images, tensor.Shape{16, 1, 3, 3}, nil, 8, s},
		{"zero points", images, filters, nil, 8, qtensor.PerChannelAffine(8, 0)},
		{"offsets", images, filters, nil, 8, qtensor.Uniform(8)},
		{"groups of scales", images, filters, nil, 8, qtensor.Int4().PerGroup(0, 4)},
		{"much padding", images, filters, []int{16000, 16000}, 8, s},
		{"no image", tensor.Shape{6}, filters, nil, 8, s},
		{"no filters", images, tensor.Shape{8, 3, 3}, nil, 8, s},
		{"a pad of one number", images, filters, []int{1}, 8, s},
		{"a pad below 0", images, filters, []int{-1, 0}, 8, s},
	} {
		if e := ops.ConvCodes(compute, c.scheme, c.images, c.filters, c.pad, c.groups); e.Takes || e.Gives {
			t.Errorf("%s: taken for one channel each", c.name)
		}
	}
	for _, dynamic := range []ops.Compute{{}, ops.Fixed24(), ops.Fixed16(), ops.DynamicInt8()} {
		if e := ops.ConvCodes(dynamic, s, images, filters, nil, 8); e.Takes || e.Gives {
			t.Errorf("%v: takes or gives codes of a channel each", dynamic)
		}
	}
	if strconv.IntSize == 64 { // else such images are too big for a layer
		c := convCase{in: 8, out: 8, groups: 8, kernel: []int{3, 3}}
		p, err := c.pack(t, c.filters(t, 3, s)).Prepare(6, 6, []int{8000, 8000}, nil, nil, ops.WithCompute(static(t, qtensor.Affine(8), -1, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if _, takes := p.TakesCodes(); takes || p.GivesCodes() {
			t.Error("images of more numbers than one block has: taken for one channel each")
		}
	}
	if e := ops.ConvCodes(compute, s, images, filters, []int{1, 1}, 8); !e.Takes || !e.Gives {
		t.Error("one channel each: not taken for that")
	}
}
