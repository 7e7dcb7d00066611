package main

import (
	"iter"

	"euryale/bench/internal/workload"
	"euryale/bench/peers/duel"
	"euryale/internal/gemm"
	"euryale/internal/nn"

	"gorgonia.org/tensor"
)

// searched bounds the weights whose parameters are searched for; larger ones get random codes, which nobody
// can compare with the float weight.
const searched = 1 << 25

// fewBits returns products by weights of few bits.
func fewBits() (list []work) {
	for _, f := range workload.Formats() {
		weight := workload.Remember(func(size workload.Shape) (workload.Weight, error) {
			if size.K*size.N > searched {
				return f.Random(size.K, size.N)
			}
			return f.Quantize(workload.NewOperands(size))
		})
		for _, a := range workload.Arithmetics() {
			entrants := append([]entrant[*workload.Operands]{oursFew(weight, a)}, blockPeers(f, a)...)
			entrants = append(entrants, oursBeside(a), reading(bytesOf(weight)))
			tasks := products(fewTruth, entrants...)
			list = append(list, work{f.Name + "-" + a.Name, f.Name, func(o workload.Options) iter.Seq[task] {
				return tasks(workload.Options{Shapes: o.Products(workload.Beyond())})
			}})
		}
	}
	return list
}

// fewTruth is by the float weight, where everyone's own weight was made of it.
func fewTruth(o *workload.Operands) duel.Truth {
	if o.K*o.N > searched {
		return duel.Truth{}
	}
	return duel.FloatProduct(o)
}

// weights returns the weight of a size, whose M is 0.
type weights = func(size workload.Shape) (workload.Weight, error)

func oursFew(weight weights, a workload.Arithmetic) entrant[*workload.Operands] {
	return func(o *workload.Operands, _ int) (duel.Contender, error) {
		w, err := weight(workload.Shape{K: o.K, N: o.N})
		if err != nil {
			return duel.Contender{}, err
		}
		layer, err := w.Layer(a)
		if err != nil {
			return duel.Contender{}, err
		}
		float, err := w.Quantized.Dequantize(tensor.Float32)
		if err != nil {
			return duel.Contender{}, err
		}
		columns, y := float.Float32s(), make([]float32, o.M*o.N)
		c := ours(y, func() error {
			return layer.Run(nn.Operand{Float: y}, nn.Operand{Float: o.X}, o.M)
		}, func() []float32 { return y })
		c.Own = duel.WeightProduct(o, func(j int, w []float64) {
			for p := range w {
				w[p] = float64(columns[j*o.K+p])
			}
		})
		return c, nil
	}
}

// oursBeside multiplies by 8-bit weights in the same arithmetic, and is shown aside.
func oursBeside(a workload.Arithmetic) entrant[*workload.Operands] {
	var arithmetic gemm.Arithmetic
	if a.Activations == nn.Fixed24 {
		arithmetic.Bits = a.Bits
	}
	int8s := oursFloat(arithmetic)
	return func(o *workload.Operands, threads int) (duel.Contender, error) {
		c, err := int8s(o, threads)
		c.Name, c.Aside, c.Own = "ours w8", true, duel.FloatProduct(o)
		return c, err
	}
}
