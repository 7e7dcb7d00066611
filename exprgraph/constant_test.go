package exprgraph

import (
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// rows is a constant of the batch in rows, all of them the same.
func (z *zoo) rows(name string, shape ...int) node {
	one, err := elements(drawnOf(z.dt, name, shape...))
	if err != nil {
		panic(err)
	}
	shape = append([]int{z.batch}, shape[1:]...)
	all := ofType(z.dt, &value{shape: shape, data: slices.Repeat(one, z.batch)})
	return gorgonia.NewTensor(z.g, z.dt, len(shape), gorgonia.WithName(name), gorgonia.WithShape(shape...), gorgonia.WithValue(all))
}

// constants are networks with expressions of constants, and constants that are shaped by the batch.
var constants = []netCase{
	{"weight times a number", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		return source(x, must(gorgonia.Mul(x, must(gorgonia.HadamardProd(z.weight("w", 4, 3), z.scalar(0.5))))))
	}, []string{"Gemm"}},
	{"weight of a difference", func(z *zoo) Graph { // which float32 would cancel
		x := z.input("x", z.batch, 4)
		w := must(gorgonia.Sub(must(gorgonia.Add(z.weight("w", 4, 3), z.scalar(1<<20))), z.scalar(1<<20)))
		return source(x, must(gorgonia.Mul(x, w)))
	}, []string{"Gemm"}},
	{"masked weight", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		w := must(gorgonia.HadamardProd(z.weight("w", 4, 3), must(gorgonia.Gt(z.weight("mask", 4, 3), z.scalar(0), true))))
		return source(x, z.bias(must(gorgonia.Mul(x, w)), "b"))
	}, []string{"Gemm"}},
	{"weight norm", func(z *zoo) Graph {
		x, v := z.input("x", z.batch, 4), z.weight("v", 4, 3)
		norm := must(gorgonia.Sqrt(must(gorgonia.Sum(must(gorgonia.Square(v)), 0))))
		w := must(gorgonia.BroadcastHadamardDiv(v, norm, nil, []byte{0}))
		w = must(gorgonia.BroadcastHadamardProd(w, z.weight("g", 3), nil, []byte{0}))
		return source(x, must(gorgonia.Mul(x, w)))
	}, []string{"Gemm"}},
	{"slices of a fused weight", func(z *zoo) Graph {
		x, w := z.input("x", z.batch, 4), z.weight("w", 4, 6)
		a := must(gorgonia.Mul(x, must(gorgonia.Slice(w, nil, gorgonia.S(0, 3)))))
		b := must(gorgonia.Mul(x, must(gorgonia.Slice(w, nil, gorgonia.S(3, 6)))))
		return source(x, must(gorgonia.HadamardProd(must(gorgonia.Sigmoid(a)), must(gorgonia.Tanh(b)))))
	}, []string{"Gemm", "Sigmoid", "Gemm", "Tanh", "Mul"}},
	{"concat of weights", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		w := must(gorgonia.Concat(1, z.weight("a", 4, 3), z.weight("b", 4, 2)))
		return source(x, must(gorgonia.Mul(x, w)))
	}, []string{"Gemm"}},
	{"product of weights, transposed", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		w := must(gorgonia.Mul(z.weight("a", 3, 2), z.weight("b", 2, 4)))
		return source(x, must(gorgonia.Mul(x, must(gorgonia.Transpose(w)))))
	}, []string{"Gemm"}},
	{"computed filters", func(z *zoo) Graph {
		x := z.input("x", z.batch, 1, 4, 4)
		return source(x, conv(x, must(gorgonia.Tanh(z.weight("w", 2, 1, 3, 3))), 0, 1))
	}, []string{"Conv"}},
	{"bias of images", func(z *zoo) Graph {
		x := z.input("x", z.batch, 1, 4, 4)
		bias := &value{shape: []int{z.batch, 2, 4, 4}}
		for i := range 32 * z.batch {
			bias.data = append(bias.data, float32(i/16%2)-0.25)
		}
		b := gorgonia.NewTensor(z.g, z.dt, 4, gorgonia.WithName("bias"), gorgonia.WithShape(z.batch, 2, 4, 4), gorgonia.WithValue(ofType(z.dt, bias)))
		return source(x, must(gorgonia.Rectify(must(gorgonia.Add(conv(x, z.weight("w", 2, 1, 3, 3), 1, 1), b)))))
	}, []string{"Conv", "Relu"}},
	{"bias of rows", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		return source(x, must(gorgonia.Add(must(gorgonia.Mul(x, z.weight("w", 4, 3))), z.rows("b", 1, 3))))
	}, []string{"Gemm"}},
	{"zero states", func(z *zoo) Graph {
		x, h, cell := z.input("x", z.batch, 4), z.full(0, z.batch, 3), z.full(0, z.batch, 3)
		for range 2 {
			gate := func(name string) node {
				return must(gorgonia.Add(must(gorgonia.Mul(x, z.weight("x"+name, 4, 3))), must(gorgonia.Mul(h, z.weight("h"+name, 3, 3)))))
			}
			forget, input := must(gorgonia.Sigmoid(gate("forget"))), must(gorgonia.Sigmoid(gate("input")))
			cell = must(gorgonia.Add(must(gorgonia.HadamardProd(forget, cell)), must(gorgonia.HadamardProd(input, must(gorgonia.Tanh(gate("cell")))))))
			h = must(gorgonia.HadamardProd(must(gorgonia.Sigmoid(gate("output"))), must(gorgonia.Tanh(cell))))
		}
		return source(x, h)
	}, nil},
	{"ones minus z", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		gate := must(gorgonia.Sigmoid(must(gorgonia.Mul(x, z.weight("w", 4, 4)))))
		return source(x, must(gorgonia.HadamardProd(must(gorgonia.Sub(z.full(1, z.batch, 4), gate)), x)))
	}, []string{"Gemm", "Sigmoid", "Sub", "Mul"}},
	{"columns of ones", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		return source(x, must(gorgonia.Mul(must(gorgonia.Concat(1, x, z.full(1, z.batch, 1))), z.weight("w", 5, 3))))
	}, []string{"Expand", "Concat", "Gemm"}},
	{"zero padding", func(z *zoo) Graph {
		x := z.input("x", z.batch, 2, 3, 3)
		h := must(gorgonia.Concat(1, x, z.full(0, z.batch, 1, 3, 3)))
		return source(x, must(gorgonia.Add(h, conv(x, z.weight("w", 3, 2, 3, 3), 1, 1))))
	}, []string{"Expand", "Concat", "Conv", "Add"}},
	{"weight for each sample", func(z *zoo) Graph {
		x := z.input("x", z.batch, 3, 4)
		return source(x, must(gorgonia.BatchedMatMul(x, z.rows("w", 1, 4, 5))))
	}, []string{"MatMul"}},
	{"repeated operand", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		_, y, err := gorgonia.Broadcast(x, z.weight("w", 4), gorgonia.NewBroadcastPattern(nil, []byte{0}))
		return source(x, must(gorgonia.Concat(1, x, must(y, err))))
	}, []string{"Expand", "Concat"}},
	{"repeated output", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		_, y, err := gorgonia.Broadcast(x, z.weight("w", 4), gorgonia.NewBroadcastPattern(nil, []byte{0}))
		return source(x, must(y, err))
	}, []string{"Expand"}},
	{"repeated within samples", func(z *zoo) Graph {
		x := z.input("x", z.batch, 3)
		_, y, err := gorgonia.Broadcast(z.full(0, z.batch, 2, 3), must(gorgonia.Reshape(x, tensor.Shape{z.batch, 1, 3})),
			gorgonia.NewBroadcastPattern(nil, []byte{1}))
		return source(x, must(gorgonia.Reshape(must(y, err), tensor.Shape{z.batch, 6})))
	}, []string{"Reshape", "Expand", "Reshape"}},
	{"rows that become samples", func(z *zoo) Graph {
		x := z.input("x", z.batch*5, 6)
		h := must(gorgonia.Reshape(must(gorgonia.Tanh(x)), tensor.Shape{z.batch, 30}))
		return source(x, must(gorgonia.Mul(h, z.weight("w", 30, 4))))
	}, []string{"Tanh", "Reshape", "Gemm"}},
	{"constants of the scale of the batch", func(z *zoo) Graph {
		x := z.input("x", z.batch, 2, 3)
		h := must(gorgonia.Reshape(x, tensor.Shape{z.batch * 2, 3}))
		h = must(gorgonia.Concat(1, h, z.full(2, z.batch*2, 1)))
		return source(x, must(gorgonia.Add(h, z.full(1, z.batch*2, 4))))
	}, []string{"Reshape", "Expand", "Reshape", "Concat", "Add"}},
}
