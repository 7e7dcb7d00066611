package ops_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"euryale/internal/nn"
	"euryale/internal/tensortest"
	"euryale/model"
	"euryale/ops"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// product returns x·w in float64, for w as q dequantizes.
func product(t testing.TB, x []float32, m int, q *qtensor.QTensor) []float64 {
	t.Helper()
	d, err := q.Dequantize(tensor.Float64)
	if err != nil {
		t.Fatal(err)
	}
	in, out := q.Shape()[0], q.Shape()[1]
	w := d.Float64s()
	y := make([]float64, m*out)
	for i := range m {
		for p := range in {
			for j := range out {
				y[i*out+j] += float64(x[i*in+p]) * w[p*out+j]
			}
		}
	}
	return y
}

func decibels(got []float32, want []float64) float64 {
	var signal, noise float64
	for i, v := range want {
		signal += v * v
		noise += (float64(got[i]) - v) * (float64(got[i]) - v)
	}
	return 10 * math.Log10(signal/noise)
}

// TestAccuracy compares each of Activations with the SQNR that its doc gives, at a depth of 1024.
func TestAccuracy(t *testing.T) {
	const m, in, out = 32, 1024, 48
	x := gaussian(1, m*in)
	static, err := qtensor.NewParams(qtensor.Affine(8), []float32{slices.Min(x)}, []float32{slices.Max(x)})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []qtensor.Scheme{
		qtensor.PerChannelSymmetric(8, 1), qtensor.PerChannelAffine(8, 1), qtensor.Uniform(8).PerAxis(1), qtensor.PowerOfTwo(8),
		qtensor.Int4().PerGroup(1, 32), qtensor.UInt4().PerGroup(1, 100).WithScales(qtensor.ScaleFloat16), qtensor.Float16(), qtensor.BFloat16(),
	} {
		q := mustQuantize(t, 2, s, in, out)
		w := mustPack(t, q)
		want := product(t, x, m, q)
		for _, c := range []struct {
			compute nn.Options
			least   float64
		}{{fixed24, 130}, {fixed16, 80}, {dynamicInt8, 38}, {staticInt8(static), 36}} {
			if s.IsFloat() && c.compute.Activations.String() != "fixed24" {
				continue
			}
			got := mustDo(t, mustOp(t, tensor.Float32, 2, w, under(c.compute)), newTensor(x, m, in))
			db := decibels(got, want)
			t.Logf("%-16v %-14v %6.1f dB", s, c.compute, db)
			least := c.least
			if s.IsFloat() { // chains in float32
				least = 120
			}
			if !(db >= least) {
				t.Errorf("%v, %v: %.1f dB, want at least %v", s, c.compute, db, least)
			}
		}
	}
}

// TestLikeGorgonia compares a layer with the same layer in Gorgonia's own ops over dequantized weights.
func TestLikeGorgonia(t *testing.T) {
	const m, in, out = 5, 40, 7
	inMachines(t, func(t *testing.T, newRunner func(*gorgonia.ExprGraph) *runner) {
		for _, s := range schemes {
			q := mustQuantize(t, 3, s, in, out)
			d, err := q.Dequantize(tensor.Float32)
			if err != nil {
				t.Fatal(err)
			}
			g := gorgonia.NewGraph()
			x := input(g, "x", tensor.Float32, m, in)
			bias := newTensor(gaussian(4, out), out)
			ours := mustLinear(t, x, mustPack(t, q), ops.WithBias(bias), ops.WithReLU())
			w := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName("w"), gorgonia.WithShape(in, out), gorgonia.WithValue(d))
			b := gorgonia.NewVector(g, tensor.Float32, gorgonia.WithName("b"), gorgonia.WithShape(out), gorgonia.WithValue(bias.Clone()))
			own := gorgonia.Must(gorgonia.Rectify(gorgonia.Must(gorgonia.BroadcastAdd(gorgonia.Must(gorgonia.Mul(x, w)), b, nil, []byte{0}))))
			var got, want gorgonia.Value
			gorgonia.Read(ours, &got)
			gorgonia.Read(own, &want)
			newRunner(g).mustRun(t, x, newTensor(gaussian(5, m*in), m, in))
			if got, want := valuesOf(t, got), valuesOf(t, want); !isClose(got, want, 1e-6) {
				t.Errorf("%v: got %v, Gorgonia gives %v", s, got, want)
			}
		}
	})
}

// TestLinearByHand has a layer whose every value is small and exact.
func TestLinearByHand(t *testing.T) {
	q, err := qtensor.FromCodes(newTensor([]uint8{3, 1, 7, 0, 15, 8}, 3, 2), qtensor.Params{
		Scheme: qtensor.UInt4().PerGroup(1, 2), Scales: []float32{1, 2, -4, 8}, ZeroPoints: []int32{1, 2, 3, 4},
	})
	if err != nil {
		t.Fatal(err)
	}
	w := mustPack(t, q)
	// Columns of w: 1·(3−1), 1·(7−1), 2·(15−2) and −4·(1−3), −4·(0−3), 8·(8−4).
	x := newTensor([]float32{1, 2, 3, -1, 0, 1}, 2, 3)
	for _, c := range []struct {
		name string
		opts []ops.LayerOption
		want []float32
	}{
		{"plain", nil, []float32{92, 128, 24, 24}},
		{"bias", []ops.LayerOption{ops.WithBias(newTensor([]float32{-100, 0.5}, 2))}, []float32{-8, 128.5, -76, 24.5}},
		{"bias, ReLU", []ops.LayerOption{ops.WithReLU(), ops.WithBias(newTensor([]float64{-100, 0.5}, 1, 2))}, []float32{0, 128.5, 0, 24.5}},
		{"fixed16", []ops.LayerOption{ops.WithActivations(model.Fixed16)}, []float32{92, 128, 24, 24}},
	} {
		if got := mustDo(t, mustOp(t, tensor.Float32, 2, w, c.opts...), x); !tensortest.SameBits(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestRowsAlone multiplies each row of a batch by itself, under all Activations, as a matrix and as a vector.
func TestRowsAlone(t *testing.T) {
	const m, in, out = 67, 33, 5
	rng := rand.New(rand.NewPCG(6, 6))
	x := rowsOf(rng, m, in)
	for _, s := range []qtensor.Scheme{qtensor.UInt4().PerGroup(1, 8), qtensor.BFloat16()} {
		w := mustPack(t, mustQuantize(t, 7, s, in, out))
		for _, c := range computings(t) {
			if s.IsFloat() && c.bits != 24 {
				continue
			}
			matrix := mustOp(t, tensor.Float32, 2, w, under(c.compute))
			vector := mustOp(t, tensor.Float32, 1, w, under(c.compute))
			batch := mustDo(t, matrix, newTensor(slices.Clone(x), m, in))
			for i := range m {
				row := slices.Clone(x[i*in:][:in])
				if got := mustDo(t, matrix, newTensor(row, 1, in)); !tensortest.SameBits(got, batch[i*out:][:out]) {
					t.Errorf("%v, %v: row %d is %v alone and %v in the batch", s, c, i, got, batch[i*out:][:out])
				}
				if got := mustDo(t, vector, newTensor(row, in)); !tensortest.SameBits(got, batch[i*out:][:out]) {
					t.Errorf("%v, %v: row %d is %v as a vector and %v in the batch", s, c, i, got, batch[i*out:][:out])
				}
			}
		}
	}
}

// TestFloat64 has values that only float64 can distinguish: they are rounded to float32 first.
func TestFloat64(t *testing.T) {
	const m, in, out = 3, 9, 4
	w := mustWeight(t, 8, in, out)
	narrow := gaussian(9, m*in)
	wide := fill(m*in, func(i int) float64 { return float64(narrow[i]) * (1 + 1e-9) })
	want := mustDo(t, mustOp(t, tensor.Float32, 2, w), newTensor(narrow, m, in))
	y, err := mustOp(t, tensor.Float64, 2, w).Do(newTensor(wide, m, in))
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range y.Data().([]float64) {
		if got != float64(want[i]) {
			t.Errorf("element %d is %v in float64, want %v", i, got, want[i])
		}
	}
}
