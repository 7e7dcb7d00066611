package gemm_test

import (
	"euryale/internal/gemm"
	"euryale/internal/kernel"
	"euryale/internal/pack"
)

// What most tests want of a plan is one run.

func product(dst, x gemm.Activations, m int, w *pack.Matrix, a gemm.Arithmetic, out gemm.Output) error {
	return gemm.NewProduct(w, a, out).Run(dst, x, m)
}

func multiply(dst, x []float32, m int, w *pack.Matrix, a gemm.Arithmetic, out gemm.Output) error {
	return product(gemm.Activations{Float: dst}, gemm.Activations{Float: x}, m, w, a, out)
}

func multiplyQuantized(dst []float32, q []uint8, zero int32, scale float32, m int, w *pack.Matrix, out gemm.Output) error {
	x := gemm.Activations{Quantized: q, Params: kernel.Affine{Scale: scale, Zero: zero, High: 255}}
	return product(gemm.Activations{Float: dst}, x, m, w, gemm.Arithmetic{}, out)
}

func multiplyFloat16(dst, x []float32, m int, w *pack.Half, out gemm.Output) error {
	return gemm.NewHalfProduct(w, out).Run(gemm.Activations{Float: dst}, gemm.Activations{Float: x}, m)
}

func convolve(dst, x gemm.Activations, samples int, v gemm.Conv, w []*pack.Matrix, a gemm.Arithmetic, out gemm.Output) error {
	return gemm.NewConvolution(v, w, a, out).Run(dst, x, samples)
}
