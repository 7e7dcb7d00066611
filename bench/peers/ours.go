package main

import (
	"euryale/bench/peers/duel"
	"euryale/internal/gemm"
	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// Everything of this module that the peers run against is in this file.

// ours returns our contender, which writes dst.
func ours[T float32 | uint8](dst []T, run func() error, output func() []float32) duel.Contender {
	clear(dst)
	return duel.Contender{Name: "ours", Kernel: kernel.Current().Tier.String(), Run: run, Output: output}
}

// packed returns the weight with a scale for each column.
func packed(o *duel.Operands) *pack.Matrix {
	codes := make([]int8, len(o.W)) // [n][k]
	for p := range o.K {
		for j, q := range o.W[p*o.N:][:o.N] {
			codes[j*o.K+p] = q
		}
	}
	return pack.New(pack.Matrix{K: o.K, N: o.N, Group: o.K, Scales: o.Scales}, codes, 8)
}

// oursCodes multiplies rows of codes by the packed weight.
func oursCodes(o *duel.Operands, _ int) (duel.Contender, error) {
	w, y := packed(o), make([]float32, o.M*o.N)
	return ours(y, func() error {
		gemm.MultiplyCodes(y, o.Codes, o.CodeZero, o.CodeScale, o.M, w, gemm.Output{})
		return nil
	}, func() []float32 { return y }), nil
}

// oursFloat multiplies rows of float32 by the packed weight.
func oursFloat(a gemm.Arithmetic) entrant {
	return func(o *duel.Operands, _ int) (duel.Contender, error) {
		w, y := packed(o), make([]float32, o.M*o.N)
		return ours(y, func() error {
			return gemm.Multiply(y, o.X, o.M, w, a, gemm.Output{})
		}, func() []float32 { return y }), nil
	}
}

func affine(o *duel.Operands) kernel.Affine {
	return kernel.Affine{Scale: o.CodeScale, Zero: o.CodeZero, High: 255}
}

func oursQuantize(o *duel.Operands, _ int) (duel.Contender, error) {
	q := make([]uint8, len(o.X))
	return ours(q, func() error {
		kernel.Quantize(q, o.X, affine(o))
		return nil
	}, func() []float32 { return o.Elements(q) }), nil
}

func oursDequantize(o *duel.Operands, _ int) (duel.Contender, error) {
	y := make([]float32, len(o.Codes))
	return ours(y, func() error {
		kernel.Dequantize(y, o.Codes, affine(o))
		return nil
	}, func() []float32 { return y }), nil
}
