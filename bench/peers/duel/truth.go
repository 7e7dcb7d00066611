package duel

import (
	"math"
	"slices"

	"euryale/bench/internal/workload"
)

// Truth is the right result at some places of an output. The zero Truth knows nothing.
type Truth struct {
	at   []int
	want []float64
}

// sampled bounds the rows, the columns and the elements of a truth: enough for a mean,
// few enough to be quick.
const (
	sampledRows     = 16
	sampledColumns  = 128
	sampledElements = 1 << 16
)

// FloatProduct returns X·W in float64.
func FloatProduct(o *workload.Operands) Truth { return WeightProduct(o, column(o)) }

// WeightProduct returns the product of X and a weight in float64; of sets w to a column of it.
func WeightProduct(o *workload.Operands, of func(j int, w []float64)) Truth {
	return product(o, func(i int) float64 { return float64(o.X[i]) }, of)
}

// QuantizedProduct returns the product of Q dequantized and W in float64.
func QuantizedProduct(o *workload.Operands) Truth { return product(o, dequantized(o), column(o)) }

// Floats returns X, which a quantization of it comes near.
func Floats(o *workload.Operands) Truth {
	return elements(o, func(i int) float64 { return float64(o.X[i]) })
}

// Dequantized returns Q dequantized in float64.
func Dequantized(o *workload.Operands) Truth { return elements(o, dequantized(o)) }

// dequantized returns the elements QScale·(q − QZero) of Q.
func dequantized(o *workload.Operands) func(i int) float64 {
	return func(i int) float64 { return float64(o.QScale) * float64(int32(o.Q[i])-o.QZero) }
}

func elements(o *workload.Operands, x func(int) float64) Truth {
	return Sample(len(o.X), sampledElements, x)
}

// Sample returns what is right at so many places of an output, or at all of its own where it has fewer.
func Sample(outputs, places int, want func(at int) float64) (t Truth) {
	for _, i := range spread(outputs, places) {
		t.at, t.want = append(t.at, i), append(t.want, want(i))
	}
	return t
}

// column returns what sets w to a column of W.
func column(o *workload.Operands) func(j int, w []float64) {
	return func(j int, w []float64) {
		for p := range w {
			w[p] = float64(o.Scales[j]) * float64(o.W[p*o.N+j])
		}
	}
}

func product(o *workload.Operands, x func(int) float64, of func(j int, w []float64)) (t Truth) {
	rows, w := spread(o.M, sampledRows), make([]float64, o.K)
	for _, j := range spread(o.N, sampledColumns) {
		of(j, w)
		for _, i := range rows {
			var sum float64
			for p, v := range w {
				sum += float64(x(i*o.K+p) * v)
			}
			t.at, t.want = append(t.at, i*o.N+j), append(t.want, sum)
		}
	}
	return t
}

// spread returns at most count indexes below n, evenly spread, both ends among them.
func spread(n, count int) []int {
	count = min(n, count)
	at := make([]int, 0, count)
	for i := range count {
		at = append(at, int(int64(i)*int64(n-1)/int64(max(count-1, 1))))
	}
	return slices.Compact(at)
}

// Exact is the ratio, in dB, that stands for no noise at all.
const Exact = 200

// SQNR returns 10·log10(Σ want² / Σ (want − got)²), at most Exact and at least 0, which
// NaN gives too. got is the whole output. It is unknown of no output, and where the truth is.
func (t Truth) SQNR(got []float32) Decibels {
	if len(t.at) == 0 || len(got) == 0 {
		return Decibels(math.NaN())
	}
	var signal, noise float64
	for s, i := range t.at {
		d := t.want[s] - float64(got[i])
		signal += t.want[s] * t.want[s]
		noise += d * d
	}
	db := 10 * math.Log10(signal/noise)
	if math.IsNaN(db) && noise != 0 {
		return 0
	}
	if noise == 0 {
		return Exact
	}
	return Decibels(max(0, min(Exact, db)))
}
