package ops_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// static returns a StaticInt8 over a range.
func static(t *testing.T, s qtensor.Scheme, low, high float32) ops.Compute {
	t.Helper()
	p, err := qtensor.NewParams(s, []float32{low}, []float32{high})
	if err != nil {
		t.Fatal(err)
	}
	return ops.StaticInt8(p)
}

// byCompute returns a layer of gaussian weights for a Compute: dense of 20×6 where groups is 0.
func byCompute(t *testing.T, seed uint64, scheme qtensor.Scheme, groups int) func(ops.Compute) *ops.Prepared {
	t.Helper()
	shape, bias := []int{20, 6}, ops.WithBias(newTensor(gaussian(seed+1, 6), 6))
	if groups > 0 {
		shape = []int{6, 4 / groups, 3, 2}
	}
	q, err := qtensor.Quantize(newTensor(gaussian(seed, tensor.Shape(shape).TotalSize()), shape...), scheme)
	if err != nil {
		t.Fatal(err)
	}
	return func(c ops.Compute) *ops.Prepared {
		t.Helper()
		var p *ops.Prepared
		var err error
		if groups == 0 {
			p, err = mustPack(t, q).Prepare(ops.WithCompute(c), bias)
		} else {
			var f *ops.Filters
			if f, err = ops.PackConv2d(q, groups); err == nil {
				p, err = f.Prepare(6, 5, []int{1, 1}, nil, nil, ops.WithCompute(c), bias, ops.WithReLU())
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
}

// channelsLast returns samples of (channel, pixel) as (pixel, channel).
func channelsLast[T any](x []T, samples, channels int) []T {
	pixels := len(x) / samples / channels
	y := make([]T, len(x))
	for i, v := range x {
		y[(i/(channels*pixels)*pixels+i%pixels)*channels+i/pixels%channels] = v
	}
	return y
}

// TestRunSamples makes codes of what Run reads and gives.
func TestRunSamples(t *testing.T) {
	const samples = 3
	rng := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		name         string
		scheme       qtensor.Scheme
		groups       int // of channels; 0 is dense
		takes, gives bool
	}{
		{"dense", qtensor.PerChannelSymmetric(8, 1), 0, true, true},
		{"dense with zero points", qtensor.PerChannelAffine(8, 1), 0, true, true},
		{"dense in groups", qtensor.Int4().PerGroup(1, 8), 0, true, true},
		{"dense of 16 bits", qtensor.Float16(), 0, false, false},
		{"conv", qtensor.PerChannelSymmetric(8, 0), 1, true, true},
		{"conv with zero points", qtensor.Affine(8), 1, true, true},
		{"conv in groups of numbers", qtensor.Int4().PerGroup(0, 8), 1, false, true},
		{"conv in groups of channels", qtensor.PerChannelSymmetric(8, 0), 2, false, false},
	} {
		layer := byCompute(t, 9, c.scheme, c.groups)
		for _, input := range []qtensor.Scheme{qtensor.Affine(8), qtensor.Symmetric(8), qtensor.UInt4()} {
			name := fmt.Sprintf("%s, %v", c.name, input)
			if c.scheme.IsHalf() {
				if p := layer(ops.Fixed24()); p.GivesCodes() {
					t.Errorf("%s: gives codes", name)
				}
				continue
			}
			low := float32(-2)
			if input == qtensor.Affine(8) {
				low = -1.5
			}
			p := layer(static(t, input, low, 2))
			codes, takes := p.TakesCodes()
			if takes != c.takes || p.GivesCodes() != c.gives {
				t.Fatalf("%s: takes codes %v, gives %v, want %v and %v", name, takes, p.GivesCodes(), c.takes, c.gives)
			}
			in, out := p.In(), p.Out()
			x := gaussians(rng, samples*in.TotalSize())
			numbers := make([]float32, samples*out.TotalSize())
			if err := p.Run(numbers, x, samples); err != nil {
				t.Fatal(err)
			}
			next, _ := layer(static(t, qtensor.Affine(8), -1, 3)).TakesCodes()
			if !c.takes {
				next, _ = byCompute(t, 9, qtensor.Symmetric(8), 0)(static(t, qtensor.Affine(8), -1, 3)).TakesCodes()
			}
			wantCodes := channelsLast(quantized(t, numbers, qtensor.Affine(8), -1, 3), samples, out[0])
			for _, source := range []bool{false, true} {
				from := ops.Samples{Float: x}
				if source {
					if !c.takes {
						continue
					}
					from = ops.Samples{Codes: channelsLast(quantized(t, x, input, low, 2), samples, in[0]), Map: codes}
				}
				got := ops.Samples{Float: make([]float32, len(numbers))}
				if err := p.RunSamples(got, from, samples); err != nil || !slices.Equal(got.Float, numbers) {
					t.Errorf("%s, codes given %v: got %v, error %v, want %v", name, source, got.Float, err, numbers)
				}
				if !c.gives {
					continue
				}
				got = ops.Samples{Codes: make([]uint8, len(numbers)), Map: next}
				if err := p.RunSamples(got, from, samples); err != nil || !slices.Equal(got.Codes, wantCodes) {
					t.Errorf("%s, codes given %v: got codes %v, error %v, want %v", name, source, got.Codes, err, wantCodes)
				}
			}
		}
	}
}

// quantized returns codes of numbers, counted from the lowest.
func quantized(t *testing.T, x []float32, s qtensor.Scheme, low, high float32) []uint8 {
	t.Helper()
	p, err := qtensor.NewParams(s, []float32{low}, []float32{high})
	if err != nil {
		t.Fatal(err)
	}
	q, err := qtensor.QuantizeWith(newTensor(slices.Clone(x), len(x)), p)
	if err != nil {
		t.Fatal(err)
	}
	least, _ := s.CodeRange()
	codes := make([]uint8, len(x))
	for i := range codes {
		code, err := q.Code(i)
		if err != nil {
			t.Fatal(err)
		}
		codes[i] = uint8(code - least)
	}
	return codes
}

func TestRunSamplesRefuses(t *testing.T) {
	layer := byCompute(t, 5, qtensor.PerChannelSymmetric(8, 1), 0)
	p, fixed := layer(static(t, qtensor.Affine(8), -1, 1)), layer(ops.Fixed24())
	own, _ := p.TakesCodes()
	other, _ := layer(static(t, qtensor.Affine(8), -1, 2)).TakesCodes()
	if own == other {
		t.Fatal("codes of other ranges compare equal")
	}
	x, y := ops.Samples{Float: make([]float32, 20)}, ops.Samples{Float: make([]float32, 6)}
	for _, c := range []struct {
		name  string
		layer *ops.Prepared
		y, x  ops.Samples
		want  error
	}{
		{"codes of another map", p, y, ops.Samples{Codes: make([]uint8, 20), Map: other}, qtensor.ErrParams},
		{"codes for Fixed24", fixed, y, ops.Samples{Codes: make([]uint8, 20), Map: own}, qtensor.ErrParams},
		{"codes of no map", p, ops.Samples{Codes: make([]uint8, 6)}, x, qtensor.ErrParams},
		{"codes of no scale", p, ops.Samples{Codes: make([]uint8, 6), Map: ops.Codes{High: 255}}, x, qtensor.ErrParams},
		{"a scale that is no number", p, ops.Samples{Codes: make([]uint8, 6), Map: ops.Codes{Scale: float32(math.NaN()), High: 255}}, x, qtensor.ErrParams},
		{"an infinite scale", p, ops.Samples{Codes: make([]uint8, 6), Map: ops.Codes{Scale: float32(math.Inf(1)), High: 255}}, x, qtensor.ErrParams},
		{"a zero below the codes", p, ops.Samples{Codes: make([]uint8, 6), Map: ops.Codes{Scale: 1, Zero: -1, High: 255}}, x, qtensor.ErrParams},
		{"a zero above the codes", p, ops.Samples{Codes: make([]uint8, 6), Map: ops.Codes{Scale: 1, Zero: 16, High: 15}}, x, qtensor.ErrParams},
		{"codes past a byte", p, ops.Samples{Codes: make([]uint8, 6), Map: ops.Codes{Scale: 1, High: 256}}, x, qtensor.ErrParams},
		{"too few codes", p, y, ops.Samples{Codes: make([]uint8, 19), Map: own}, qtensor.ErrShape},
		{"too much room", p, ops.Samples{Codes: make([]uint8, 7), Map: own}, x, qtensor.ErrShape},
		{"nothing", p, ops.Samples{}, x, qtensor.ErrShape},
	} {
		if err := c.layer.RunSamples(c.y, c.x, 1); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

// TestPackImages multiplies images by pixels, to the bits of images by channels.
func TestPackImages(t *testing.T) {
	const samples, channels, out = 3, 4, 6
	x := gaussians(rand.New(rand.NewPCG(5, 6)), samples*20)
	for _, scheme := range []qtensor.Scheme{qtensor.PerChannelSymmetric(8, 1), qtensor.Affine(8), qtensor.BFloat16()} {
		w, err := qtensor.Quantize(newTensor(gaussian(8, 20*out), 20, out), scheme)
		if err != nil {
			t.Fatal(err)
		}
		images, err := ops.PackImages(w, channels)
		if err != nil {
			t.Fatalf("%v: %v", scheme, err)
		}
		results := func(w *ops.Weight, x []float32) []float32 {
			p, err := w.Prepare()
			if err != nil {
				t.Fatal(err)
			}
			y := make([]float32, samples*out)
			if err := p.Run(y, x, samples); err != nil {
				t.Fatal(err)
			}
			return y
		}
		got, want := results(images, channelsLast(x, samples, channels)), results(mustPack(t, w), x)
		for i := range want {
			// 16-bit weights are summed in float64, in the order in which they lie.
			if got[i] != want[i] && !(scheme.IsHalf() && math.Abs(float64(got[i]-want[i])) <= 1e-6*math.Abs(float64(want[i]))) {
				t.Errorf("%v: got %v at %d, want %v", scheme, got[i], i, want[i])
			}
		}
	}
	w, err := qtensor.Quantize(newTensor(gaussian(8, 20*out), 20, out), qtensor.Int4().PerGroup(1, 5))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ops.PackImages(w, channels); !errors.Is(err, qtensor.ErrScheme) {
		t.Errorf("groups: error %v", err)
	}
	for _, channels := range []int{0, -1, 3} {
		if _, err := ops.PackImages(w, channels); !errors.Is(err, qtensor.ErrShape) {
			t.Errorf("%d channels: error %v", channels, err)
		}
	}
}

// TestAlone holds a layer without help to the same layer with it.
func TestAlone(t *testing.T) {
	const samples = 700
	for i, c := range []ops.Compute{ops.Fixed24(), ops.DynamicInt8(), static(t, qtensor.Affine(8), -2, 2), ops.Fixed24()} {
		p := byCompute(t, 5, []qtensor.Scheme{qtensor.PerChannelSymmetric(8, 1), qtensor.BFloat16()}[i/3], 0)(c)
		x := gaussians(rand.New(rand.NewPCG(3, 7)), samples*p.In().TotalSize())
		want, got := make([]float32, samples*p.Out().TotalSize()), make([]float32, samples*p.Out().TotalSize())
		if err := p.Run(want, x, samples); err != nil {
			t.Fatal(err)
		}
		if err := p.Alone().Run(got, x, samples); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v: error %v, or other bits alone", c, err)
		}
		takes, ok := p.TakesCodes()
		if alone, same := p.Alone().TakesCodes(); alone != takes || same != ok || p.Alone().GivesCodes() != p.GivesCodes() {
			t.Errorf("%v: takes codes %+v, %t alone, want %+v, %t", c, alone, same, takes, ok)
		}
	}
}
