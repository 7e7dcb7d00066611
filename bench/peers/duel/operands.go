package duel

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Operands are what all contenders of one shape multiply or convert. Every list is written in full.
type Operands struct {
	Shape
	X     []float32 // [m][k] gaussian activations
	Codes []uint8   // [m][k] activations as codes, uniform: the element is CodeScale·(q − CodeZero)

	CodeScale float32
	CodeZero  int32

	W      []int8    // [k][n] gaussian codes of the weight: the element is Scales[j]·q
	Scales []float32 // [n]
}

// NewOperands returns operands of a shape, the same at every call. The zero point of a product is 0, as behind a ReLU: a
// peer does not pay for one.
func NewOperands(s Shape) *Operands {
	r := rand.New(rand.NewPCG(1, 2))
	o := &Operands{Shape: s, CodeScale: 1. / 37}
	if s.N == 0 {
		o.CodeZero = 128
	}
	o.X = make([]float32, s.M*s.K)
	o.Codes = make([]uint8, s.M*s.K)
	for i := range o.X {
		o.X[i] = float32(r.NormFloat64())
		o.Codes[i] = uint8(r.Uint32())
	}
	o.W = make([]int8, s.K*s.N)
	for i := range o.W {
		const deviation = 127 / 3.5 // of a column of a thousand whose largest magnitude becomes 127
		o.W[i] = int8(max(-127, min(127, math.Round(deviation*r.NormFloat64()))))
	}
	o.Scales = make([]float32, s.N)
	for j := range o.Scales {
		o.Scales[j] = 0.001 * (1 + r.Float32())
	}
	return o
}

// Element returns the real number that q stands for among activations.
func (o *Operands) Element(q uint8) float32 { return o.CodeScale * float32(int32(q)-o.CodeZero) }

// Elements returns the real numbers of codes of activations.
func (o *Operands) Elements(codes []uint8) []float32 {
	x := make([]float32, len(codes))
	for i, q := range codes {
		x[i] = o.Element(q)
	}
	return x
}

// FloatWeights returns the elements of W, [k][n].
func (o *Operands) FloatWeights() []float32 {
	w := make([]float32, len(o.W))
	for i, q := range o.W {
		w[i] = o.Scales[i%o.N] * float32(q)
	}
	return w
}

// Truth is the right result at some places of an output.
type Truth struct {
	at   []int
	want []float64
}

// sampled bounds the rows, the columns and the numbers of a truth: enough for a mean, few enough to be quick.
const (
	sampledRows    = 16
	sampledColumns = 128
	sampledNumbers = 1 << 16
)

// FloatProduct returns X·W in float64.
func (o *Operands) FloatProduct() Truth {
	return o.product(func(i int) float64 { return float64(o.X[i]) })
}

// CodeProduct returns the product of the elements of Codes and W in float64.
func (o *Operands) CodeProduct() Truth { return o.product(o.code) }

// Floats returns X: what codes stand for, more or less.
func (o *Operands) Floats() Truth {
	return o.numbers(func(i int) float64 { return float64(o.X[i]) })
}

// CodeElements returns the elements of Codes in float64.
func (o *Operands) CodeElements() Truth { return o.numbers(o.code) }

func (o *Operands) code(i int) float64 {
	return float64(o.CodeScale) * float64(int32(o.Codes[i])-o.CodeZero)
}

func (o *Operands) numbers(x func(int) float64) (t Truth) {
	for _, i := range spread(len(o.X), sampledNumbers) {
		t.at, t.want = append(t.at, i), append(t.want, x(i))
	}
	return t
}

func (o *Operands) product(x func(int) float64) (t Truth) {
	columns := spread(o.N, sampledColumns)
	for _, i := range spread(o.M, sampledRows) {
		sums := make([]float64, len(columns))
		for p := range o.K {
			a, row := x(i*o.K+p), o.W[p*o.N:][:o.N]
			for c, j := range columns {
				sums[c] += a * float64(row[j])
			}
		}
		for c, j := range columns {
			t.at, t.want = append(t.at, i*o.N+j), append(t.want, float64(o.Scales[j])*sums[c])
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

// SQNR returns 10·log10(Σ want² / Σ (want − got)²), at most Exact and at least 0, which NaN gives too. got is the
// whole output.
func (t Truth) SQNR(got []float32) float64 {
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
	return max(0, min(Exact, db))
}
