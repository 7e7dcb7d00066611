package exprgraph

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// indices is a constant vector of integers.
func (z *zoo) indices(list ...int) node {
	return gorgonia.NewVector(z.g, tensor.Int, gorgonia.WithName(fmt.Sprint("indices ", list)), gorgonia.WithShape(len(list)),
		gorgonia.WithValue(tensor.New(tensor.WithShape(len(list)), tensor.WithBacking(list))))
}

// whole is an input of integers.
func (z *zoo) whole(name string, shape ...int) node {
	return gorgonia.NewTensor(z.g, tensor.Int, len(shape), gorgonia.WithName(name), gorgonia.WithShape(shape...))
}

// several returns a graph of some inputs.
func several(inputs gorgonia.Nodes, outputs ...node) Graph {
	return Graph{Inputs: inputs, Outputs: outputs}
}

// operations are networks of a kind of op each.
var operations = []netCase{
	{"Upsample2D", func(z *zoo) Graph {
		x := z.input("x", z.batch, 2, 3, 4)
		return several(gorgonia.Nodes{x}, must(gorgonia.Upsample2D(x, 1)), must(gorgonia.Upsample2D(x, 2)), must(gorgonia.Upsample2D(x, 3)))
	}, []string{"Resize", "Resize", "Resize"}},
	{"logarithms and exponentials", func(z *zoo) Graph {
		x := z.input("x", z.batch, 6)
		positive := must(gorgonia.Add(must(gorgonia.Square(x)), z.scalar(0.5)))
		small := must(gorgonia.HadamardProd(x, z.scalar(1e-9)))
		return several(gorgonia.Nodes{x}, must(gorgonia.Log2(positive)), must(gorgonia.Log1p(positive)), must(gorgonia.Expm1(x)),
			must(gorgonia.Log1p(small)), must(gorgonia.Expm1(small)))
	}, []string{"Mul", "Add", "Log", "Div", "Log1p", "Expm1", "Mul", "Log1p", "Expm1"}},
	{"Sparsemax", func(z *zoo) Graph {
		x, y := z.input("x", z.batch, 6), z.input("y", z.batch, 3, 4)
		return several(gorgonia.Nodes{x, y}, must(gorgonia.Sparsemax(x)), must(gorgonia.Sparsemax(must(gorgonia.Cube(x)), 1)),
			must(gorgonia.Sparsemax(y)))
	}, []string{"Sparsemax", "Mul", "Mul", "Sparsemax", "Sparsemax"}},
	{"Sparsemax of a transposed matrix", func(z *zoo) Graph {
		x := z.input("x", 5, z.batch)
		return source(x, must(gorgonia.Sparsemax(must(gorgonia.Transpose(must(gorgonia.Mul(z.weight("w", 4, 5), x)), 1, 0)))))
	}, []string{"Transpose", "Gemm", "Sparsemax"}},
	{"inner and outer products", func(z *zoo) Graph {
		x, y, v := z.input("x", 4), z.input("y", 4), z.input("v", z.batch)
		return several(gorgonia.Nodes{x, y, v}, must(gorgonia.Mul(x, z.weight("a", 4))), must(gorgonia.Mul(z.weight("b", 4), y)),
			must(gorgonia.Mul(x, y)), must(gorgonia.OuterProd(x, z.weight("c", 3))), must(gorgonia.OuterProd(z.weight("d", 3), x)),
			must(gorgonia.OuterProd(v, y)), must(gorgonia.OuterProd(z.weight("e", 2), v)))
	}, []string{
		"Reshape", "Gemm", "Reshape", "Reshape", "Gemm", "Reshape", "Reshape", "Reshape", "MatMul", "Reshape", "Reshape", "Mul", "Reshape",
		"Mul", "Reshape", "Reshape", "Mul", "Reshape", "Mul",
	}},
	{"Tensordot of several axes", func(z *zoo) Graph {
		x, y := z.input("x", z.batch, 2, 3), z.input("y", 3, 2, 4)
		dot := func(overA, overB []int, a, b node) node { return must(gorgonia.Tensordot(overA, overB, a, b)) }
		return several(gorgonia.Nodes{x, y},
			dot([]int{1, 2}, []int{0, 1}, x, z.weight("a", 2, 3, 5)),
			dot([]int{2, 1}, []int{0, 1}, x, z.weight("b", 3, 2, 4)),
			dot([]int{2}, []int{1}, x, z.weight("c", 4, 3, 2)),
			dot([]int{1, 2}, []int{1, 0}, x, y),
			dot([]int{1, 2}, []int{1, 2}, z.weight("d", 5, 2, 3), x),
			dot([]int{0}, []int{2}, z.weight("e", 3, 5), x),
		)
	}, []string{
		"Reshape", "Gemm", "Transpose", "Reshape", "Gemm", "Reshape", "Gemm", "Reshape", "Transpose", "Reshape", "Reshape", "MatMul",
		"Transpose", "Reshape", "Transpose", "Gemm", "Transpose", "Transpose", "Reshape", "Transpose", "Gemm", "Transpose", "Reshape",
	}},
	{"means", func(z *zoo) Graph {
		x, y, w, v := z.input("x", z.batch, 3, 4), z.input("y", z.batch, 2, 2, 4), z.input("w", z.batch, 1, 3, 4), z.input("v", 3, 2)
		return several(gorgonia.Nodes{x, y, w, v}, must(gorgonia.Mean(x, 2)), must(gorgonia.Mean(x, 1)), must(gorgonia.Mean(x, 2, 1)),
			must(gorgonia.Mean(y, 2)), must(gorgonia.Mean(y, 1, 2, 3)), must(gorgonia.Mean(w, 2)), must(gorgonia.Mean(w, 1, 3)), must(gorgonia.Mean(v)))
	}, slices.Repeat([]string{"ReduceSum", "Div"}, 8)},
	{"GroupNorm", func(z *zoo) Graph {
		x, y, w := z.input("x", z.batch, 4, 3, 3), z.input("y", z.batch, 6), z.input("w", z.batch, 1, 263)
		norm := func(x node, name string, groups int) node {
			channels := x.Shape()[1]
			shape := append([]int{1, channels}, tensor.Shape{1, 1, 1}[:x.Dims()-2]...)
			return must(gorgonia.GroupNorm(x, z.weight(name+".s", shape...), z.weight(name+".b", shape...), groups, channels, 1e-5))
		}
		return several(gorgonia.Nodes{x, y, w}, norm(x, "a", 2), norm(x, "b", 1), norm(x, "c", 4), norm(y, "d", 3), norm(w, "e", 1))
	}, func() (ops []string) {
		normed := []string{"ReduceSum", "Div", "Sub", "Mul", "ReduceSum", "Div", "Add", "Sqrt", "Div"}
		for range 4 {
			ops = slices.Concat(ops, []string{"Reshape"}, normed, []string{"Reshape", "Mul", "Add"})
		}
		return slices.Concat(ops, normed, []string{"Mul", "Add"}) // one group of one channel
	}()},
	{"ByIndices by constants", func(z *zoo) Graph {
		x, y, v := z.input("x", z.batch, 5), z.input("y", z.batch, 2, 3), z.input("v", 5, z.batch)
		return several(gorgonia.Nodes{x, y, v}, must(gorgonia.ByIndices(x, z.indices(4, 0, 0, 2), 1)), must(gorgonia.ByIndices(y, z.indices(1, 1, 0), 1)),
			must(gorgonia.ByIndices(y, z.indices(2, 1), 2)), must(gorgonia.ByIndices(v, z.indices(3, 1, 4), 0)),
			must(gorgonia.Mul(x, must(gorgonia.ByIndices(z.weight("w", 7, 4), z.indices(6, 0, 5, 2, 2), 0)))))
	}, []string{"Gather", "Gather", "Gather", "Gather", "Gemm"}},
	{"comparisons that give bool", func(z *zoo) Graph {
		x, y := z.input("x", z.batch, 4), z.input("y", z.batch, 4)
		less := must(gorgonia.Lt(x, y, false))
		other := must(gorgonia.Ne(must(gorgonia.Gte(x, must(gorgonia.Tanh(y)), false)), less, false))
		var outputs gorgonia.Nodes
		for _, compare := range []func(a, b node, same bool) (node, error){gorgonia.Gt, gorgonia.Lte} {
			outputs = append(outputs, must(compare(x, y, false))) // of what TapeMachine does not overwrite
		}
		return several(gorgonia.Nodes{x, y}, append(outputs, less, other, must(gorgonia.Transpose(less, 1, 0)),
			must(gorgonia.Reshape(other, tensor.Shape{z.batch, 2, 2})), must(gorgonia.Concat(1, less, other)),
			must(gorgonia.Slice(less, nil, gorgonia.S(1, 3))))...)
	}, []string{
		"Greater", "Cast", "LessOrEqual", "Cast", "Less", "Cast", "Tanh", "GreaterOrEqual", "Cast", "Equal", "Not", "Cast", "Transpose",
		"Reshape", "Concat", "Slice",
	}},
	{"outputs given twice, and an input", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		y := must(gorgonia.Mul(x, z.weight("w", 4, 3)))
		return several(gorgonia.Nodes{x}, y, x, y, z.bias(y, "b"), x)
	}, []string{"Gemm", "Identity", "Identity", "Add", "Identity"}},
	{"ByIndices by inputs", func(z *zoo) Graph {
		words := z.whole("words", z.batch)
		return several(gorgonia.Nodes{words}, must(gorgonia.ByIndices(z.weight("rows", 5, 3), words, 0)),
			must(gorgonia.ByIndices(z.weight("columns", 4, 5), words, 1)), must(gorgonia.ByIndices(z.weight("middle", 1, 5, 2), words, 1)))
	}, []string{"Gather", "Gather", "Transpose", "Gather", "Transpose"}},
}
