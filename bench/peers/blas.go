package main

import (
	"euryale/bench/internal/workload"
	"euryale/bench/peers/duel"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gorgonia.org/tensor"
)

// gonumFloat multiplies in float32. Its threads are Go's: GOMAXPROCS.
func gonumFloat(o *workload.Operands, _ int) (duel.Contender, error) {
	general := func(rows, columns int, data []float32) blas32.General {
		return blas32.General{Rows: rows, Cols: columns, Stride: columns, Data: data}
	}
	y := make([]float32, o.M*o.N)
	x, w, z := general(o.M, o.K, o.X), general(o.K, o.N, o.FloatWeights()), general(o.M, o.N, y)
	return duel.Contender{
		Name: "gonum f32",
		Run: func() error {
			blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, x, w, 0, z)
			return nil
		},
		Output: func() []float32 { return y },
	}, nil
}

// gorgoniaFloat multiplies in float32 as Gorgonia's own Mul does, less the machine around it.
func gorgoniaFloat(o *workload.Operands, _ int) (duel.Contender, error) {
	y := make([]float32, o.M*o.N)
	dense := func(rows, columns int, data []float32) *tensor.Dense {
		return tensor.New(tensor.WithShape(rows, columns), tensor.WithBacking(data))
	}
	x, w, z := dense(o.M, o.K, o.X), dense(o.K, o.N, o.FloatWeights()), dense(o.M, o.N, y)
	return duel.Contender{
		Name: "gorgonia f32",
		Run: func() error {
			_, err := tensor.MatMul(x, w, tensor.WithReuse(z))
			return err
		},
		Output: func() []float32 { return y },
	}, nil
}
