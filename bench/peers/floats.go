package main

import (
	"iter"

	"euryale/bench/internal/workload"
	"euryale/bench/peers/duel"
	"euryale/internal/gemm"
	"euryale/internal/half"
	"euryale/internal/pack"
)

// floats returns the works whose weights are floats.
func floats() []work {
	beyond := func(entrants ...entrant[*workload.Operands]) func(workload.Options) iter.Seq[task] {
		tasks := products(duel.FloatProduct, entrants...)
		return func(o workload.Options) iter.Seq[task] {
			return tasks(workload.Options{Shapes: o.Products(workload.Beyond())})
		}
	}
	return []work{
		{"float32", "floats", beyond(oursSingles, oneDNNFloat, ortFloat, gonumFloat, gomlxFloat, reading(packedAs(4)))},
		{"float16", "floats", beyond(oursHalves(half.Float16()), beside(oursSingles), reading(packedAs(2)))},
		{"bfloat16", "floats", beyond(oursHalves(half.BFloat16()), oneDNNBFloat16, beside(oursSingles), reading(packedAs(2)))},
		{"float32-conv", "floats", convolutions(oursFloatConv, ortConv)},
	}
}

// packedAs returns how many bytes a weight of so many for an element has in panels.
func packedAs(element int) func(o *workload.Operands) (int, error) {
	return func(o *workload.Operands) (int, error) { return element * o.K * (o.N + 15) / 16 * 16, nil }
}

// beside shows a contender of ours aside.
func beside(enter entrant[*workload.Operands]) entrant[*workload.Operands] {
	return func(o *workload.Operands, threads int) (duel.Contender, error) {
		c, err := enter(o, threads)
		c.Name, c.Aside = "ours f32", true
		return c, err
	}
}

func oursSingles(o *workload.Operands, _ int) (duel.Contender, error) {
	w := pack.FloatsFrom(o.N, o.FloatWeights(), pack.RowMajor(o.K, o.N), pack.Serial)
	return oursFloats(o, gemm.NewFloatProduct(w, gemm.Output{}))
}

func oursHalves(f half.Format) entrant[*workload.Operands] {
	return func(o *workload.Operands, _ int) (duel.Contender, error) {
		w := o.FloatWeights()
		codes := make([]uint16, len(w))
		for i, x := range w {
			codes[i] = f.Encode(x)
		}
		return oursFloats(o, gemm.NewHalfProduct(pack.HalfFrom(o.N, codes, pack.RowMajor(o.K, o.N), f, pack.Serial), gemm.Output{}))
	}
}

func oursFloats(o *workload.Operands, p *gemm.FloatProduct) (duel.Contender, error) {
	y := make([]float32, o.M*o.N)
	return ours(y, func() error { return p.Run(gemm.Activations{Float: y}, gemm.Activations{Float: o.X}, o.M) },
		func() []float32 { return y }), nil
}

func oursFloatConv(i *workload.Images, _ int) (duel.Contender, error) {
	kernel, pad := [2]int{i.Kernel, i.Kernel}, i.Pad()
	v := gemm.Conv{
		Height: i.Side, Width: i.Side, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Pad: [4]int{pad, pad, pad, pad},
	}
	p := gemm.NewFloatConvolution(v, gemm.NewFloatFilters(i.FloatWeights(), i.Channels, 1, kernel), gemm.Output{})
	y := make([]float32, i.Outputs())
	return ours(y, func() error {
		return p.Run(gemm.Activations{Float: y}, gemm.Activations{Float: i.X}, workload.Batch)
	}, func() []float32 { return y }), nil
}
