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
	return pack.From(m, pack.SourceOf(o.W, pack.RowMajor(o.K, o.N), 8), pack.Serial)
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
