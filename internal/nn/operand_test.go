package nn_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/nn"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// static returns the options of StaticInt8 over a range.
func static(t *testing.T, s qtensor.Scheme, low, high float32) nn.Options {
	t.Helper()
	p, err := qtensor.NewParams(s, []float32{low}, []float32{high})
	if err != nil {
		t.Fatal(err)
	}
	return nn.Options{Activations: nn.StaticInt8, Params: p}
}

// paramsOf returns the parameters of the bytes that StaticInt8 makes.
func paramsOf(t *testing.T, o nn.Options) nn.QuantParams {
	t.Helper()
	p, err := nn.StaticParams(o.Params)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// layerOf returns layers of gaussian weights by their options: dense of 20×6 where groups is 0.
func layerOf(t *testing.T, seed uint64, scheme qtensor.Scheme, groups int) func(nn.Options) *nn.Layer {
	t.Helper()
	shape, bias := []int{20, 6}, gaussian(seed+1, 6)
	if groups > 0 {
		shape = []int{6, 4 / groups, 3, 2}
	}
	q, err := qtensor.Quantize(newTensor(gaussian(seed, tensor.Shape(shape).TotalSize()), shape...), scheme)
	if err != nil {
		t.Fatal(err)
	}
	return func(o nn.Options) *nn.Layer {
		t.Helper()
		var l *nn.Layer
		var err error
		o.Bias = bias
		if groups == 0 {
			l, err = mustPack(t, q).Prepare(o)
		} else {
			o.ReLU = true
			l, err = mustPackFilters(t, q, groups).Prepare(6, 5, window(t, []int{1, 1}, nil, nil), o)
		}
		if err != nil {
			t.Fatal(err)
		}
		return l
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

// TestRunQuantized quantizes what Run reads and gives.
func TestRunQuantized(t *testing.T) {
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
		{"conv in groups of values", qtensor.Int4().PerGroup(0, 8), 1, false, true},
		{"conv in groups of channels", qtensor.PerChannelSymmetric(8, 0), 2, false, false},
	} {
		layer := layerOf(t, 9, c.scheme, c.groups)
		for _, input := range []qtensor.Scheme{qtensor.Affine(8), qtensor.Symmetric(8), qtensor.UInt4()} {
			name := fmt.Sprintf("%s, %v", c.name, input)
			if c.scheme.IsFloat() {
				if p := layer(fixed24); p.IO().GivesQuantized {
					t.Errorf("%s: gives quantized activations", name)
				}
				continue
			}
			low := float32(-2)
			if input == qtensor.Affine(8) {
				low = -1.5
			}
			p := layer(static(t, input, low, 2))
			params, takes := p.IO().Params, p.IO().TakesQuantized
			if takes != c.takes || p.IO().GivesQuantized != c.gives {
				t.Fatalf("%s: takes quantized activations %v, gives %v, want %v and %v", name, takes, p.IO().GivesQuantized, c.takes, c.gives)
			}
			in, out := p.In(), p.Out()
			x := gaussians(rng, samples*in.TotalSize())
			values := make([]float32, samples*out.TotalSize())
			if err := p.Run(nn.Operand{Float: values}, nn.Operand{Float: x}, samples); err != nil {
				t.Fatal(err)
			}
			next := paramsOf(t, static(t, qtensor.Affine(8), -1, 3))
			wantQ := channelsLast(quantized(t, values, qtensor.Affine(8), -1, 3), samples, out[0])
			for _, source := range []bool{false, true} {
				from := nn.Operand{Float: x}
				if source {
					if !c.takes {
						continue
					}
					from = nn.Operand{Quantized: channelsLast(quantized(t, x, input, low, 2), samples, in[0]), Params: params}
				}
				got := nn.Operand{Float: make([]float32, len(values))}
				if err := p.Run(got, from, samples); err != nil || !slices.Equal(got.Float, values) {
					t.Errorf("%s, quantized x %v: got %v, error %v, want %v", name, source, got.Float, err, values)
				}
				if !c.gives {
					continue
				}
				got = nn.Operand{Quantized: make([]uint8, len(values)), Params: next}
				if err := p.Run(got, from, samples); err != nil || !slices.Equal(got.Quantized, wantQ) {
					t.Errorf("%s, quantized x %v: got %v, error %v, want %v", name, source, got.Quantized, err, wantQ)
				}
			}
		}
	}
}

// quantized returns values quantized, counted from the smallest of the scheme.
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
	quantized := make([]uint8, len(x))
	for i := range quantized {
		code, err := q.Code(i)
		if err != nil {
			t.Fatal(err)
		}
		quantized[i] = uint8(code - least)
	}
	return quantized
}

func TestRunRefuses(t *testing.T) {
	layer := layerOf(t, 5, qtensor.PerChannelSymmetric(8, 1), 0)
	p, fixed := layer(static(t, qtensor.Affine(8), -1, 1)), layer(fixed24)
	own := p.IO().Params
	other := layer(static(t, qtensor.Affine(8), -1, 2)).IO().Params
	if own == other {
		t.Fatal("parameters of other ranges compare equal")
	}
	x, y := nn.Operand{Float: make([]float32, 20)}, nn.Operand{Float: make([]float32, 6)}
	for _, c := range []struct {
		name  string
		layer *nn.Layer
		y, x  nn.Operand
		want  error
	}{
		{"other parameters", p, y, nn.Operand{Quantized: make([]uint8, 20), Params: other}, qtensor.ErrParams},
		{"quantized for Fixed24", fixed, y, nn.Operand{Quantized: make([]uint8, 20), Params: own}, qtensor.ErrParams},
		{"quantized without parameters", p, nn.Operand{Quantized: make([]uint8, 6)}, x, qtensor.ErrParams},
		{"quantized without a scale", p, nn.Operand{Quantized: make([]uint8, 6), Params: nn.QuantParams{High: 255}}, x, qtensor.ErrParams},
		{"a scale that is NaN", p, nn.Operand{Quantized: make([]uint8, 6), Params: nn.QuantParams{Scale: float32(math.NaN()), High: 255}}, x, qtensor.ErrParams},
		{"an infinite scale", p, nn.Operand{Quantized: make([]uint8, 6), Params: nn.QuantParams{Scale: float32(math.Inf(1)), High: 255}}, x, qtensor.ErrParams},
		{"a zero point below 0", p, nn.Operand{Quantized: make([]uint8, 6), Params: nn.QuantParams{Scale: 1, Zero: -1, High: 255}}, x, qtensor.ErrParams},
		{"a zero point above High", p, nn.Operand{Quantized: make([]uint8, 6), Params: nn.QuantParams{Scale: 1, Zero: 16, High: 15}}, x, qtensor.ErrParams},
		{"a High past a byte", p, nn.Operand{Quantized: make([]uint8, 6), Params: nn.QuantParams{Scale: 1, High: 256}}, x, qtensor.ErrParams},
		{"too few quantized values", p, y, nn.Operand{Quantized: make([]uint8, 19), Params: own}, qtensor.ErrShape},
		{"too much room", p, nn.Operand{Quantized: make([]uint8, 7), Params: own}, x, qtensor.ErrShape},
		{"nothing", p, nn.Operand{}, x, qtensor.ErrShape},
	} {
		if err := c.layer.Run(c.y, c.x, 1); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

// TestPackMatrix multiplies images in NHWC order, to the bits of images in NCHW order.
func TestPackMatrix(t *testing.T) {
	const samples, channels, out = 3, 4, 6
	x := gaussians(rand.New(rand.NewPCG(5, 6)), samples*20)
	for _, scheme := range []qtensor.Scheme{qtensor.PerChannelSymmetric(8, 1), qtensor.Affine(8), qtensor.BFloat16(), qtensor.Float8E4M3FN().PerAxis(1)} {
		w, err := qtensor.Quantize(newTensor(gaussian(8, 20*out), 20, out), scheme)
		if err != nil {
			t.Fatal(err)
		}
		images, err := nn.PackMatrix(w, false, channels)
		if err != nil {
			t.Fatalf("%v: %v", scheme, err)
		}
		results := func(w *nn.Weight, x []float32) []float32 {
			p, err := w.Prepare(nn.Options{})
			if err != nil {
				t.Fatal(err)
			}
			y := make([]float32, samples*out)
			if err := p.Run(nn.Operand{Float: y}, nn.Operand{Float: x}, samples); err != nil {
				t.Fatal(err)
			}
			return y
		}
		got, want := results(images, channelsLast(x, samples, channels)), results(mustPack(t, w), x)
		for i := range want {
			// Products by floats are added in the order in which they lie.
			if got[i] != want[i] && !(scheme.IsFloat() && math.Abs(float64(got[i]-want[i])) <= 1e-5) {
				t.Errorf("%v: got %v at %d, want %v", scheme, got[i], i, want[i])
			}
		}
	}
	w, err := qtensor.Quantize(newTensor(gaussian(8, 20*out), 20, out), qtensor.Int4().PerGroup(1, 5))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nn.PackMatrix(w, false, channels); !errors.Is(err, qtensor.ErrScheme) {
		t.Errorf("groups: error %v", err)
	}
	for _, channels := range []int{0, -1, 3} {
		if _, err := nn.PackMatrix(w, false, channels); !errors.Is(err, qtensor.ErrShape) {
			t.Errorf("%d channels: error %v", channels, err)
		}
	}
}

// TestSingleThreaded compares a layer without worker threads with the same layer with them.
func TestSingleThreaded(t *testing.T) {
	const samples = 700
	for i, o := range []nn.Options{fixed24, dynamicInt8, static(t, qtensor.Affine(8), -2, 2), fixed24, fixed24} {
		schemes := []qtensor.Scheme{qtensor.PerChannelSymmetric(8, 1), qtensor.BFloat16(), qtensor.Float8E5M2().PerAxis(1)}
		l := layerOf(t, 5, schemes[max(0, i-2)], 0)(o)
		x := nn.Operand{Float: gaussians(rand.New(rand.NewPCG(3, 7)), samples*l.InSize())}
		want, got := make([]float32, samples*l.Out().TotalSize()), make([]float32, samples*l.Out().TotalSize())
		if err := l.Run(nn.Operand{Float: want}, x, samples); err != nil {
			t.Fatal(err)
		}
		single := l.SingleThreaded()
		if err := single.Run(nn.Operand{Float: got}, x, samples); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v: error %v, or other bits", o.Activations, err)
		}
		if single.IO() != l.IO() || !single.In().Eq(l.In()) || !single.Out().Eq(l.Out()) {
			t.Errorf("%v: takes and gives %+v, want %+v", o.Activations, single.IO(), l.IO())
		}
	}
}

// TestPackTransposed compares weights that are stored as (out, in) with those that are stored as (in, out).
func TestPackTransposed(t *testing.T) {
	const samples, in, out, channels = 3, 60, 37, 4
	for _, scheme := range []qtensor.Scheme{
		qtensor.PerChannelSymmetric(8, 1), qtensor.Affine(8), qtensor.Int4(), qtensor.UInt4().PerAxis(1), qtensor.Float16(), qtensor.Float8E4M3FN(), qtensor.Float8E5M2().PerAxis(1),
		qtensor.PerChannelSymmetric(5, 1), qtensor.Int4().PerGroup(1, 7), qtensor.Uniform(8).PerGroup(1, 32),
	} {
		w := quantize(t, 8, scheme, in, out)
		columns, err := w.T()
		if err != nil {
			t.Fatalf("%v: %v", scheme, err)
		}
		x := gaussian(9, samples*in)
		for _, channels := range []int{1, channels} {
			results := func(w *nn.Weight, err error) (y []float32) {
				if scheme.GroupSize() > 0 && channels > 1 {
					if !errors.Is(err, qtensor.ErrScheme) {
						t.Errorf("%v, images: error %v", scheme, err)
					}
					return nil
				}
				var l *nn.Layer
				if err == nil {
					l, err = w.Prepare(nn.Options{})
				}
				if err == nil {
					y = make([]float32, samples*out)
					err = l.Run(nn.Operand{Float: y}, nn.Operand{Float: x}, samples)
				}
				if err != nil {
					t.Fatalf("%v, %d channels: %v", scheme, channels, err)
				}
				return y
			}
			if got, want := results(nn.PackMatrix(columns, true, channels)), results(nn.PackMatrix(w, false, channels)); !slices.Equal(got, want) {
				t.Errorf("%v, %d channels: got %v, want %v", scheme, channels, got, want)
			}
		}
	}
	if _, err := nn.PackMatrix(quantize(t, 8, qtensor.PerChannelSymmetric(8, 1), in, out), true, 1); !errors.Is(err, qtensor.ErrScheme) {
		t.Errorf("scales along the axis that is summed over: error %v", err)
	}
}
