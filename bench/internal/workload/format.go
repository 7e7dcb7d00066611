package workload

import (
	"euryale/internal/nn"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// Format is weights of few bits that the programs measure: Scheme is that of a weight (out, in).
type Format struct {
	Name   string
	Scheme qtensor.Scheme
}

// Formats returns those that the module is measured by.
func Formats() []Format {
	return []Format{
		{"int4-g32", qtensor.Codebook(4).PerGroup(0, 32)},
		{"int4-g128", qtensor.Codebook(4).PerGroup(0, 128)},
		{"int4-exact-g32", qtensor.Int4().PerGroup(0, 32).WithScales(qtensor.ScaleFloat16)},
		{"int3-g32", qtensor.Codebook(3).PerGroup(0, 32)},
		{"int2-g32", qtensor.Codebook(2).PerGroup(0, 32)},
	}
}

// Arithmetic is what rows of float32 become while they are multiplied.
type Arithmetic struct {
	Name        string
	Activations nn.Activations
	Bits        int
}

// Arithmetics returns those that a Format is measured with.
func Arithmetics() []Arithmetic {
	return []Arithmetic{{"dynamic", nn.DynamicInt8, 8}, {"fixed24", nn.Fixed24, 24}}
}

// Weight is a weight of a Format.
type Weight struct {
	*nn.Weight                  // packed
	Quantized  *qtensor.QTensor // (out, in)
}

// Quantize returns W quantized, by parameters that are searched for.
func (f Format) Quantize(o *Operands) (Weight, error) {
	w := tensor.New(tensor.WithShape(o.N, o.K), tensor.WithBacking(o.columns()))
	q, err := qtensor.Quantize(w, f.Scheme, qtensor.WithSearch(qtensor.Search{}))
	if err != nil {
		return Weight{}, err
	}
	return packed(q)
}

// packed packs a weight (out, in).
func packed(q *qtensor.QTensor) (Weight, error) {
	w, err := nn.PackMatrix(q, true, 1)
	return Weight{w, q}, err
}

// Layer returns what multiplies rows by w.
func (w Weight) Layer(a Arithmetic) (*nn.Layer, error) {
	return w.Prepare(nn.Options{Activations: a.Activations})
}
