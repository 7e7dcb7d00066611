package ptq

import (
	"context"
	"slices"

	"euryale/internal/dense"
	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// A function that saturates, such as a sigmoid, gives nearly the same for most of a wide range. The steps of
// its argument are finer where the range ends with what changes the function.

// gridPoints is at how many points of the range of an argument functions are looked at.
const gridPoints = 1025

// narrowed returns parameters for the part of the range of a value in which what is read of functions of it
// changes: beyond an end of it none changes by more than a quarter of a step of 8 bits. The parameters stay
// for a value that anything else reads.
func (s sums) narrowed(v string, p qtensor.Params) (qtensor.Params, error) {
	alone := allOf(s.net.Consumers(v), func(n *ir.Node) bool { return s.functions[n.Output] == v })
	if s.read[v] == nil || !alone {
		return p, nil
	}
	x := make([]float32, gridPoints)
	for i := range x {
		part := float64(float64(i) / (gridPoints - 1)) // which the compiler multiplies
		x[i] = float32(float64(float64(p.Min[0])*(1-part)) + float64(float64(p.Max[0])*part))
	}
	functions, err := s.evaluate(v, x)
	if err != nil {
		return p, err
	}
	first, last := gridPoints, -1
	for _, y := range functions {
		before, after := changes(y)
		first, last = min(first, before), max(last, after)
	}
	if first >= last {
		return p, nil
	}
	return qtensor.NewParams(p.Scheme, x[first:first+1], x[last:last+1])
}

// evaluate returns what is read of functions of v, for values of it.
func (s sums) evaluate(v string, x []float32) (functions [][]float32, err error) {
	g := &ir.Network{Inputs: []ir.Value{{Name: v, Shape: []int{ir.Batch, 1}}}, Constants: s.net.Constants}
	for _, n := range s.net.Nodes {
		if s.functions[n.Output] == v {
			g.Nodes = append(g.Nodes, n)
		}
	}
	for _, name := range s.read[v] {
		g.Outputs = append(g.Outputs, ir.Value{Name: name})
	}
	m, err := model.New(g, nil)
	if err != nil {
		return nil, err
	}
	out, err := m.Run(context.Background(), map[string]tensor.Tensor{v: dense.New(x, tensor.Shape{len(x), 1})})
	if err != nil {
		return nil, err
	}
	for _, name := range s.read[v] {
		y, err := dense.Float32s(out[name])
		if err != nil {
			return nil, err
		}
		functions = append(functions, y)
	}
	return functions, nil
}

// changes returns the indices between which values change: up to the first, and from the last on, they differ
// by at most a quarter of a step of 8 bits between the least and the largest.
func changes(y []float32) (first, last int) {
	most := (slices.Max(y) - slices.Min(y)) / (4 * 255)
	flat := func(i, step int) int {
		low, high := y[i], y[i]
		for {
			if i += step; i < 0 || i == len(y) {
				return i - step
			}
			if low, high = min(low, y[i]), max(high, y[i]); !(high-low <= most) {
				return i - step
			}
		}
	}
	return flat(0, 1), flat(len(y)-1, -1)
}
