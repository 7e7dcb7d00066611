package main

import (
	"euryale/bench/internal/workload"
	"euryale/bench/peers/duel"
	"euryale/bench/peers/onednn"
	"euryale/internal/half"
)

// oneDNN returns the contender of a primitive; output returns its result as real values.
func oneDNN(name string, p *onednn.Primitive, err error, output func(*onednn.Primitive) []float32) (duel.Contender, error) {
	if err != nil {
		return duel.Contender{}, err
	}
	return duel.Contender{
		Name: "onednn " + name, Kernel: p.Kernel(),
		Run: p.Run, Close: p.Close, Output: func() []float32 { return output(p) },
	}, nil
}

func size(o *workload.Operands) onednn.Size { return onednn.Size{M: o.M, K: o.K, N: o.N} }

func oneDNNInt8(o *workload.Operands, threads int) (duel.Contender, error) {
	scales := make([]float32, o.N)
	for j, s := range o.Scales {
		scales[j] = o.QScale * s
	}
	p, err := onednn.MatMulU8S8(size(o), o.Q, o.W, scales, threads)
	return oneDNN("u8s8", p, err, onednn.Output[float32])
}

func oneDNNFloat(o *workload.Operands, threads int) (duel.Contender, error) {
	p, err := onednn.MatMulF32(size(o), o.X, o.FloatWeights(), threads)
	return oneDNN("f32", p, err, onednn.Output[float32])
}

func oneDNNBFloat16(o *workload.Operands, threads int) (duel.Contender, error) {
	p, err := onednn.MatMulBF16(size(o), bfloat16(o.X), bfloat16(o.FloatWeights()), threads)
	return oneDNN("bf16", p, err, onednn.Output[float32])
}

func bfloat16(x []float32) []uint16 {
	b, f := make([]uint16, len(x)), half.BFloat16()
	for i, v := range x {
		b[i] = f.Encode(v)
	}
	return b
}

func oneDNNQuantize(o *workload.Operands, threads int) (duel.Contender, error) {
	p, err := onednn.Quantize(o.X, o.QScale, o.QZero, threads)
	return oneDNN("reorder", p, err, func(p *onednn.Primitive) []float32 { return o.Elements(onednn.Output[uint8](p)) })
}

func oneDNNDequantize(o *workload.Operands, threads int) (duel.Contender, error) {
	p, err := onednn.Dequantize(o.Q, o.QScale, o.QZero, threads)
	return oneDNN("reorder", p, err, onednn.Output[float32])
}
