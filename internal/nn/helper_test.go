package nn_test

import (
	"math/rand/v2"
	"testing"

	"euryale/internal/nn"
	"euryale/internal/tensortest"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

var (
	fixed24     = nn.Options{Activations: nn.Fixed24}
	fixed16     = nn.Options{Activations: nn.Fixed16}
	dynamicInt8 = nn.Options{Activations: nn.DynamicInt8}
)

// newTensor returns a tensor that owns data.
func newTensor(data []float32, shape ...int) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
}

// gaussian returns n normal deviates.
func gaussian(seed uint64, n int) []float32 { return gaussians(rand.New(rand.NewPCG(seed, 1)), n) }

func gaussians(rng *rand.Rand, n int) []float32 { return tensortest.Gaussian(rng, n, 1) }

// quantize returns gaussian values of shape (in, out) of a scheme.
func quantize(t testing.TB, seed uint64, s qtensor.Scheme, in, out int) *qtensor.QTensor {
	t.Helper()
	q, err := qtensor.Quantize(newTensor(gaussian(seed, in*out), in, out), s)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func mustPack(t testing.TB, q *qtensor.QTensor) *nn.Weight {
	t.Helper()
	w, err := nn.Pack(q)
	if err != nil {
		t.Fatalf("Pack(%v): %v", q, err)
	}
	return w
}

func mustPackFilters(t testing.TB, q *qtensor.QTensor, groups int) *nn.Filters {
	t.Helper()
	f, err := nn.PackFilters(q, groups)
	if err != nil {
		t.Fatalf("PackFilters(%v): %v", q, err)
	}
	return f
}

func window(t testing.TB, pad, stride, dilation []int) nn.Window {
	t.Helper()
	w, err := nn.NewWindow(pad, stride, dilation)
	if err != nil {
		t.Fatal(err)
	}
	return w
}
