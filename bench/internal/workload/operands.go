package workload

import (
	"math"
	"math/rand/v2"
)

// Operands are what everyone multiplies or converts who is measured on a shape. Every
// list is written in full.
type Operands struct {
	Shape
	X []float32 // [m][k] gaussian activations
	Q []uint8   // [m][k] uniform quantized activations: the element is QScale·(q − QZero)

	QScale float32
	QZero  int32

	W      []int8    // [k][n] gaussian quantized weight: the element is Scales[j]·q
	Scales []float32 // [n]
}

// NewOperands returns operands of a shape, the same at every call, and W for all shapes of its size. The zero
// point of a product is 0, as behind a ReLU: a peer does not pay for one.
func NewOperands(s Shape) *Operands {
	o := NewActivations(s)
	r := rand.New(rand.NewPCG(uint64(s.K), uint64(s.N)))
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

// NewActivations returns the operands of NewOperands without a weight.
func NewActivations(s Shape) *Operands {
	r := rand.New(rand.NewPCG(1, 2))
	o := &Operands{Shape: s, QScale: 1. / 37}
	if s.N == 0 {
		o.QZero = 128
	}
	o.X = make([]float32, s.M*s.K)
	o.Q = make([]uint8, s.M*s.K)
	for i := range o.X {
		o.X[i] = float32(r.NormFloat64())
		o.Q[i] = uint8(r.Uint32())
	}
	return o
}

// Element returns QScale·(q − QZero).
func (o *Operands) Element(q uint8) float32 { return o.QScale * float32(int32(q)-o.QZero) }

// Elements returns x[i] = QScale·(q[i] − QZero).
func (o *Operands) Elements(q []uint8) []float32 {
	x := make([]float32, len(q))
	for i := range q {
		x[i] = o.Element(q[i])
	}
	return x
}

// columns returns the elements of W, [n][k].
func (o *Operands) columns() []float32 {
	w := make([]float32, len(o.W))
	for p := range o.K {
		for j, q := range o.W[p*o.N:][:o.N] {
			w[j*o.K+p] = o.Scales[j] * float32(q)
		}
	}
	return w
}

// FloatWeights returns the elements of W, [k][n].
func (o *Operands) FloatWeights() []float32 {
	w := make([]float32, len(o.W))
	for i, q := range o.W {
		w[i] = o.Scales[i%o.N] * float32(q)
	}
	return w
}
