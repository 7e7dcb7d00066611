package workload

import (
	"euryale/internal/gemm"
	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// Affine returns the quantization parameters of Q.
func (o *Operands) Affine() kernel.Affine {
	return kernel.Affine{Scale: o.QScale, Zero: o.QZero, High: 255}
}

// Int8Weight returns W packed, with a scale for each column.
func (o *Operands) Int8Weight() *pack.Matrix {
	m := pack.Matrix{K: o.K, N: o.N, Group: o.K, Scales: o.Scales}
	return pack.New(m, o.columns(func(q int8) int8 { return q }), 8)
}

// Int4Weight returns ⌊W/16⌋ packed in 4 bits, with 16 times the scale of its column for each group of depth.
func (o *Operands) Int4Weight(group int) *pack.Matrix {
	m := pack.Matrix{K: o.K, N: o.N, Group: group}
	for _, s := range o.Scales {
		for range (o.K + group - 1) / group {
			m.Scales = append(m.Scales, 16*s)
		}
	}
	return pack.New(m, o.columns(func(q int8) int8 { return q >> 4 }), 4)
}

// columns returns what f makes of W, [n][k].
func (o *Operands) columns(f func(int8) int8) []int8 {
	y := make([]int8, len(o.W))
	for p := range o.K {
		for j, q := range o.W[p*o.N:][:o.N] {
			y[j*o.K+p] = f(q)
		}
	}
	return y
}

// Static is a range of activations that was given, and Out one of results.
var (
	Static = kernel.Affine{Scale: 1. / 32, Zero: 128, High: 255}
	Out    = kernel.Affine{Scale: 0.5, Zero: 128, High: 255}
)

// Quantized returns the quantized activations.
func (o *Operands) Quantized() gemm.Activations {
	return gemm.Activations{Quantized: o.Q, Params: o.Affine()}
}
