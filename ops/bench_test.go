package ops_test

import (
	"testing"

	"euryale/internal/nn"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestAllocations logs the allocations of a run of a graph of one layer, of which the layer itself makes few:
// the values of the result, and what tensor takes to make a tensor of them and to look at the input.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const m, in, out = 4, 32, 8
	w := mustWeight(t, 1, in, out)
	bias := newTensor(gaussian(2, out), out)
	for _, c := range computings(t)[:4] {
		g := gorgonia.NewGraph()
		x := input(g, "x", tensor.Float32, m, in)
		y := mustLinear(t, x, w, ops.WithBias(bias), ops.WithReLU(), under(c.compute))
		value := newTensor(gaussian(3, m*in), m, in)
		r := &runner{g: g}
		r.mustRun(t, x, value)
		whole := testing.AllocsPerRun(100, func() { r.mustRun(t, x, value) })
		alone := testing.AllocsPerRun(100, func() {
			if _, err := y.Op().Do(value); err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("%v: %v allocations per RunAll and Reset, of which Do %v", c, whole, alone)
		if alone > 20 {
			t.Errorf("%v: Do allocates %v times, want at most 20", c, alone)
		}
	}
}

// BenchmarkLinear runs a graph of one layer, 64×784×512, under each of Activations.
func BenchmarkLinear(b *testing.B) {
	const m, in, out = 64, 784, 512
	static, err := qtensor.NewParams(qtensor.Affine(8), []float32{-4}, []float32{4})
	if err != nil {
		b.Fatal(err)
	}
	x := newTensor(gaussian(1, m*in), m, in)
	for _, s := range []qtensor.Scheme{qtensor.PerChannelSymmetric(8, 1), qtensor.Int4().PerGroup(1, 32), qtensor.BFloat16()} {
		w := mustPack(b, mustQuantize(b, 2, s, in, out))
		for _, compute := range []nn.Options{fixed24, fixed16, dynamicInt8, staticInt8(static)} {
			if s.IsFloat() && compute.Activations.String() != "fixed24" {
				continue
			}
			b.Run(s.String()+"/"+compute.Activations.String(), func(b *testing.B) {
				g := gorgonia.NewGraph()
				node := input(g, "x", tensor.Float32, m, in)
				mustLinear(b, node, w, under(compute))
				r := &runner{g: g}
				b.ReportAllocs()
				for b.Loop() {
					r.mustRun(b, node, x)
				}
				b.ReportMetric(2*m*in*out*float64(b.N)/b.Elapsed().Seconds()/1e9, "GOP/s")
			})
		}
	}
}
