package workload

import (
	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// Affine returns the map of Codes.
func (o *Operands) Affine() kernel.Affine {
	return kernel.Affine{Scale: o.CodeScale, Zero: o.CodeZero, High: 255}
}

// Int8Weight returns W packed, with a scale for each column.
func (o *Operands) Int8Weight() *pack.Matrix {
	m := pack.Matrix{K: o.K, N: o.N, Group: o.K, Scales: o.Scales}
	return pack.New(m, o.columns(func(q int8) int8 { return q }), 8)
}

// Int4Weight returns ⌊W/16⌋ packed two codes a byte, with 16 times the scale of its column for each group of depth.
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
	codes := make([]int8, len(o.W))
	for p := range o.K {
		for j, q := range o.W[p*o.N:][:o.N] {
			codes[j*o.K+p] = f(q)
		}
	}
	return codes
}
