package ptq_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"euryale/model"
	"euryale/ptq"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// unequal returns y = x·w, of which the first inputs are far larger than the rest, and samples.
func unequal(t *testing.T) (*model.Model, func(yield func(ptq.Sample, error) bool)) {
	t.Helper()
	const in, out, count = 96, 24, 64
	w, x := gaussian(in*out), gaussian(in*count)
	for i := range x {
		if i%in < 6 {
			x[i] *= 20
		}
	}
	m, err := model.New(&model.Network{
		Inputs: []model.Value{{Name: "x", Shape: []int{-1, in}}}, Outputs: []model.Value{{Name: "y", Shape: []int{-1, out}}},
		Nodes:     []model.Node{{Op: "MatMul", Name: "fc", Inputs: []string{"x", "w"}, Output: "y"}},
		Constants: map[string]*model.Constant{"w": {Shape: []int{in, out}, Data: w}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m, func(yield func(ptq.Sample, error) bool) {
		yield(ptq.Sample{"x": tensor.New(tensor.WithShape(count, in), tensor.WithBacking(x))}, nil)
	}
}

// gaussian returns n numbers of a normal distribution, by its quantiles in a mixed order.
func gaussian(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i*7919%n] = float32(math.Sqrt2 * math.Erfinv(2*(float64(i)+0.5)/float64(n)-1))
	}
	return x
}

// TestScaleSearch compares the default quantizer with RoundToNearest: weights lose less, and results less still,
// since inputs that are large count for more; of 8 bits both are one.
func TestScaleSearch(t *testing.T) {
	float, samples := unequal(t)
	quantized := func(s qtensor.Scheme, by ptq.WeightQuantizer) ptq.LayerReport {
		_, r, err := ptq.Quantize(t.Context(), float, samples, ptq.Config{Weights: &s, WeightQuantizer: by, KeepBiases: true})
		if err != nil {
			t.Fatalf("%v: %v", s, err)
		}
		return r.Layers[0]
	}
	for _, c := range []struct {
		scheme       qtensor.Scheme
		weight, gain float64 // least gains over RoundToNearest, in dB
	}{
		{qtensor.Symmetric(4), 0.5, 0.5},
		{qtensor.PerChannelSymmetric(4, 1), -6, 3},
		{qtensor.PerChannelAffine(3, 1), -6, 3},
		{qtensor.Int4().PerGroup(1, 32), -6, 3},
		{qtensor.PerChannelSymmetric(8, 1), 0, 0},
		{qtensor.Uniform(4), 0, 0},
		{qtensor.Float16(), 0, 0},
		{qtensor.Codebook(4).PerGroup(1, 32), -8, 3},
		{qtensor.Codebook(2).PerGroup(1, 16), -6, 1},
	} {
		plain, found := quantized(c.scheme, ptq.RoundToNearest{}), quantized(c.scheme, nil)
		if !(found.WeightSQNR >= plain.WeightSQNR+c.weight) || !(found.OutputSQNR >= plain.OutputSQNR+c.gain) {
			t.Errorf("%v: weight %.2f and result %.2f dB by ScaleSearch, %.2f and %.2f by RoundToNearest", c.scheme, found.WeightSQNR, found.OutputSQNR,
				plain.WeightSQNR, plain.OutputSQNR)
		}
		if c.gain == 0 && found != plain {
			t.Errorf("%v: got %+v by ScaleSearch, want %+v", c.scheme, found, plain)
		}
	}
}

// TestScaleSearchEnds ends a search by its context.
func TestScaleSearchEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := ptq.Weight{Values: tensor.New(tensor.WithShape(64, 64), tensor.WithBacking(gaussian(64*64)))}
	for _, s := range []qtensor.Scheme{qtensor.Symmetric(4), qtensor.Codebook(4).PerGroup(1, 16)} {
		w.Scheme = s
		if q, err := (ptq.ScaleSearch{}).QuantizeWeight(ctx, w); !errors.Is(err, context.Canceled) || q != nil {
			t.Errorf("%v: got %v, want context.Canceled", s, err)
		}
	}
}
