package exprgraph

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"euryale/calib"
	"euryale/internal/tensortest"

	"gorgonia.org/tensor"
)

func denseOf[T any](values []T, shape ...int) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values))
}

func gaussians(seed uint64, n int, sigma float64) []float32 {
	return tensortest.Gaussian(rand.New(rand.NewPCG(seed, 0)), n, sigma)
}

func histogramOf(values []float32) *calib.Histogram {
	h := new(calib.Histogram)
	h.Observe(values)
	return h
}

// text returns the profile's JSON.
func text(t *testing.T, p *calib.Profile) string {
	t.Helper()
	var b strings.Builder
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func sameProfile(t *testing.T, got, want *calib.Profile) {
	t.Helper()
	if !reflect.DeepEqual(got.Keys(), want.Keys()) || text(t, got) != text(t, want) {
		t.Errorf("got %s, want %s", text(t, got), text(t, want))
	}
}
