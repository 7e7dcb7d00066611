package main

import (
	"euryale/bench/internal/workload"
	"euryale/internal/nn"
)

// fewBits returns the products by weights of few bits, whose codes are random: how fast they are does not
// depend on them.
func fewBits() (list []work) {
	for _, f := range workload.Formats() {
		weight := workload.Remember(func(s workload.Shape) (workload.Weight, error) { return f.Random(s.K, s.N) })
		for _, a := range workload.Arithmetics() {
			list = append(list, work{f.Name + "-" + a.Name, f.Name, a.Bits, beyond, func(s shape) (task, error) {
				product := s.(workload.Shape)
				w, err := weight(workload.Shape{K: product.K, N: product.N})
				if err != nil {
					return task{}, err
				}
				return multiplyFew(workload.NewActivations(product), w, a)
			}})
		}
	}
	return list
}

// multiplyFew multiplies rows of float32 by a weight.
func multiplyFew(o *workload.Operands, w workload.Weight, a workload.Arithmetic) (task, error) {
	layer, err := w.Layer(a)
	if err != nil {
		return task{}, err
	}
	y := written(o.M * o.N)
	return task{func() error { return layer.Run(nn.Operand{Float: y}, nn.Operand{Float: o.X}, o.M) }, w.Bytes()}, nil
}
