package exprgraph

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

type node = *gorgonia.Node

// zoo makes the graphs of one network, on weights that all of them share.
type zoo struct {
	dt      tensor.Dtype
	weights map[string]*tensor.Dense
	g       *gorgonia.ExprGraph
	batch   int
}

func drawnOf(dt tensor.Dtype, seed string, shape ...int) *tensor.Dense {
	h := fnv.New64a()
	_, _ = h.Write([]byte(seed))
	rng := rand.New(rand.NewPCG(h.Sum64(), 1))
	f32, f64 := make([]float32, size(shape)), make([]float64, size(shape))
	for i := range f32 {
		f32[i] = float32(rng.NormFloat64() / 2)
		f64[i] = float64(f32[i])
	}
	if dt == tensor.Float64 {
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(f64))
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(f32))
}

// input is a tensor of the given shape, without a value.
func (z *zoo) input(name string, shape ...int) node {
	return gorgonia.NewTensor(z.g, z.dt, len(shape), gorgonia.WithName(name), gorgonia.WithShape(shape...))
}

func (z *zoo) weight(name string, shape ...int) node {
	w, ok := z.weights[name]
	if !ok {
		w = drawnOf(z.dt, name, shape...)
		z.weights[name] = w
	}
	return gorgonia.NewTensor(z.g, z.dt, len(shape), gorgonia.WithName(name), gorgonia.WithShape(shape...), gorgonia.WithValue(w))
}

func (z *zoo) scalar(x float64) node {
	if z.dt == tensor.Float64 {
		return gorgonia.NewConstant(x)
	}
	return gorgonia.NewConstant(float32(x))
}

// full is a constant of one number.
func (z *zoo) full(x float64, shape ...int) node {
	t := tensor.New(tensor.Of(z.dt), tensor.WithShape(shape...))
	if err := t.Memset(map[tensor.Dtype]any{tensor.Float32: float32(x), tensor.Float64: x}[z.dt]); err != nil {
		panic(err) // of another type
	}
	return gorgonia.NewTensor(z.g, z.dt, len(shape), gorgonia.WithName(fmt.Sprint("full of ", x)), gorgonia.WithShape(shape...), gorgonia.WithValue(t))
}

// norm is a batch normalization with statistics.
func (z *zoo) norm(x node, name string, ones ...int) node {
	channels := x.Shape()[1]
	shape := append([]int{1, channels}, ones...)
	y, _, _, op, err := gorgonia.BatchNorm(x, z.weight(name+".gamma", shape...), z.weight(name+".beta", shape...), 0.9, 1e-5)
	if err != nil {
		panic(err)
	}
	mean, variance := drawnOf(z.dt, name+".mean", channels), drawnOf(z.dt, name+".variance", channels)
	if _, err := variance.Mul(variance, tensor.UseUnsafe()); err != nil {
		panic(err)
	}
	if err := op.SetStats(mean, variance); err != nil {
		panic(err)
	}
	return y
}

func (z *zoo) build(net func(*zoo) Graph) func(int) (Graph, error) {
	return func(batch int) (Graph, error) {
		graph := zoo{z.dt, z.weights, gorgonia.NewGraph(), batch}
		return net(&graph), nil
	}
}

func source(x, y node) Graph {
	return Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{y}}
}

func must(n node, err error) node { return gorgonia.Must(n, err) }

func (z *zoo) bias(x node, name string) node {
	return must(gorgonia.BroadcastAdd(x, z.weight(name, x.Shape()[1]), nil, []byte{0}))
}

func conv(x, w node, pad, stride int) node {
	return must(gorgonia.Conv2d(x, w, tensor.Shape(w.Shape()[2:]), []int{pad, pad}, []int{stride, stride}, nil))
}

// network is one that is read in the tests, with the ops that have to come out.
type netCase struct {
	name string
	net  func(*zoo) Graph
	ops  []string
}

var networks = slices.Concat(operations, []netCase{
	{"MLP", func(z *zoo) Graph {
		x := z.input("x", z.batch, 7)
		h := must(gorgonia.Rectify(z.bias(must(gorgonia.Mul(x, z.weight("w1", 7, 5))), "b1")))
		h = must(gorgonia.Dropout(h, 0.5))
		h = must(gorgonia.BroadcastAdd(must(gorgonia.Mul(h, z.weight("w2", 5, 6))), z.weight("b2", 1, 6), nil, []byte{0}))
		h = must(gorgonia.Tanh(h))
		h = must(gorgonia.BroadcastAdd(z.weight("b3", 1, 4), must(gorgonia.Mul(h, z.weight("w3", 6, 4))), []byte{0}, nil))
		return source(x, must(gorgonia.SoftMax(h)))
	}, []string{"Gemm", "Relu", "Gemm", "Tanh", "Gemm", "Softmax"}},
	{"weights transposed", func(z *zoo) Graph {
		x := z.input("x", z.batch, 7)
		h := must(gorgonia.Mul(x, must(gorgonia.Transpose(z.weight("w", 5, 7), 1, 0))))
		h = must(gorgonia.Sub(h, z.scalar(0.25)))
		return source(x, must(gorgonia.LeakyRelu(h, 0.1)))
	}, []string{"Gemm", "LeakyRelu"}},
	{"features by samples", func(z *zoo) Graph {
		x := z.input("x", 7, z.batch)
		h := must(gorgonia.Mul(z.weight("w1", 5, 7), x))
		h = must(gorgonia.BroadcastAdd(h, z.weight("b1", 5), nil, []byte{1}))
		return source(x, must(gorgonia.Mul(z.weight("w2", 4, 5), must(gorgonia.Rectify(h)))))
	}, []string{"Transpose", "Gemm", "Relu", "Gemm", "Transpose"}},
	{"matrix and vector", func(z *zoo) Graph {
		x := z.input("x", z.batch, 7)
		y := must(gorgonia.Add(must(gorgonia.Mul(x, z.weight("w", 7))), z.scalar(0.5)))
		return source(x, must(gorgonia.Sigmoid(y)))
	}, []string{"Gemm", "Reshape", "Sigmoid"}},
	{"one sample", func(z *zoo) Graph {
		x := z.input("x", 7)
		h := must(gorgonia.Add(must(gorgonia.Mul(z.weight("w1", 5, 7), x)), z.weight("b1", 5)))
		return source(x, must(gorgonia.Mul(must(gorgonia.Rectify(h)), z.weight("w2", 5, 3))))
	}, []string{"Reshape", "Gemm", "Reshape", "Add", "Relu", "Reshape", "Gemm", "Reshape"}},
	{"LeNet", func(z *zoo) Graph {
		x := z.input("x", z.batch, 1, 12, 12)
		h := conv(x, z.weight("conv1", 4, 1, 5, 5), 2, 1)
		h = must(gorgonia.BroadcastAdd(h, z.weight("bias1", 1, 4, 1, 1), nil, []byte{0, 2, 3}))
		h = must(gorgonia.MaxPool2D(must(gorgonia.Rectify(h)), tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
		h = must(gorgonia.Rectify(conv(h, z.weight("conv2", 6, 4, 3, 3), 0, 1)))
		h = must(gorgonia.MaxPool2D(h, tensor.Shape{3, 3}, []int{1, 1}, []int{2, 2}))
		h = must(gorgonia.Reshape(h, tensor.Shape{z.batch, 6 * 2 * 2}))
		return source(x, z.bias(must(gorgonia.Mul(h, z.weight("fc", 24, 10))), "b"))
	}, []string{"Conv", "Relu", "MaxPool", "Conv", "Relu", "MaxPool", "Reshape", "Gemm"}},
	{"convolutions", func(z *zoo) Graph {
		x := z.input("x", z.batch, 2, 11, 9)
		h := must(gorgonia.Conv2d(x, z.weight("a", 3, 2, 3, 2), tensor.Shape{3, 2}, []int{1, 2}, []int{2, 1}, []int{1, 2}))
		h = conv(h, z.weight("b", 2, 3, 1, 1), 0, 2)
		h = must(gorgonia.Reshape(h, tensor.Shape{z.batch, 2, 1, 18}))
		return source(x, must(gorgonia.Conv1d(h, z.weight("c", 3, 2, 1, 4), 4, 1, 2, 3)))
	}, []string{"Conv", "Conv", "Reshape", "Conv"}},
	{"residual", func(z *zoo) Graph {
		x := z.input("x", z.batch, 3, 8, 8)
		h := must(gorgonia.Rectify(z.norm(conv(x, z.weight("stem", 4, 3, 3, 3), 1, 1), "bn1", 1, 1)))
		side := z.norm(conv(h, z.weight("body", 4, 4, 3, 3), 1, 1), "bn2", 1, 1)
		h = must(gorgonia.Rectify(must(gorgonia.Add(h, side))))
		h = z.norm(h, "bn3", 1, 1)
		h = must(gorgonia.GlobalAveragePool2D(h))
		h = must(gorgonia.Reshape(h, tensor.Shape{z.batch, 4}))
		return source(x, z.norm(z.bias(must(gorgonia.Mul(h, z.weight("fc", 4, 5))), "b"), "bn4"))
	}, []string{"Conv", "Relu", "Conv", "Add", "Relu", "Mul", "Add", "GlobalAveragePool", "Reshape", "Gemm"}},
	{"average pools", func(z *zoo) Graph {
		x := z.input("x", z.batch, 2, 6, 9)
		h := must(gorgonia.AveragePool2D(x, tensor.Shape{3, 3}, []int{1, 1}, []int{1, 1}))
		return source(x, must(gorgonia.AveragePool2D(h, tensor.Shape{2, 3}, []int{0, 1}, []int{2, 2})))
	}, []string{"AveragePool", "AveragePool", "Div"}},
	{"autoencoder", func(z *zoo) Graph {
		x := z.input("x", z.batch, 8)
		code := must(gorgonia.Sigmoid(z.bias(must(gorgonia.Mul(x, z.weight("encode", 8, 3))), "eb")))
		y := must(gorgonia.Sigmoid(z.bias(must(gorgonia.Mul(code, z.weight("decode", 3, 8))), "db")))
		return Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{code, y}}
	}, []string{"Gemm", "Sigmoid", "Gemm", "Sigmoid"}},
	{"attention", func(z *zoo) Graph {
		const length, width = 5, 6
		x := z.input("x", z.batch, length, width)
		flat := must(gorgonia.Reshape(x, tensor.Shape{z.batch * length, width}))
		project := func(name string) node {
			y := must(gorgonia.Mul(flat, z.weight(name, width, width)))
			return must(gorgonia.Reshape(y, tensor.Shape{z.batch, length, width}))
		}
		scores := must(gorgonia.BatchedMatMul(project("q"), must(gorgonia.Transpose(project("k"), 0, 2, 1))))
		scores = must(gorgonia.HadamardProd(scores, z.scalar(0.5)))
		flatScores := must(gorgonia.SoftMax(must(gorgonia.Reshape(scores, tensor.Shape{z.batch * length, length}))))
		scores = must(gorgonia.Reshape(flatScores, tensor.Shape{z.batch, length, length}))
		return source(x, must(gorgonia.BatchedMatMul(scores, project("v"))))
	}, []string{
		"Reshape", "Gemm", "Reshape", "Gemm", "Reshape", "Transpose", "MatMul", "Mul", "Reshape", "Softmax",
		"Reshape", "Gemm", "Reshape", "MatMul",
	}},
	{"elementwise", func(z *zoo) Graph {
		x, y := z.input("x", z.batch, 6), z.input("y", z.batch, 6)
		sum := must(gorgonia.Sub(must(gorgonia.Add(x, y)), must(gorgonia.HadamardProd(x, z.scalar(3)))))
		square := must(gorgonia.Add(must(gorgonia.Square(y)), z.scalar(1)))
		h := must(gorgonia.HadamardDiv(must(gorgonia.Neg(sum)), square))
		h = must(gorgonia.BroadcastHadamardProd(h, z.weight("each", 6), nil, []byte{0}))
		h = must(gorgonia.Concat(1, h, x, must(gorgonia.Sub(z.scalar(1), y))))
		return Graph{Inputs: gorgonia.Nodes{x, y}, Outputs: gorgonia.Nodes{h}}
	}, []string{"Add", "Mul", "Sub", "Mul", "Mul", "Add", "Div", "Mul", "Sub", "Concat"}},
	{"shared and unnamed weights", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		w := z.weight("w", 4, 4)
		h := must(gorgonia.Tanh(z.bias(must(gorgonia.Mul(x, w)), "b")))
		h = must(gorgonia.Tanh(must(gorgonia.Mul(h, w))))
		unnamed := gorgonia.NewMatrix(z.g, z.dt, gorgonia.WithShape(4, 4), gorgonia.WithValue(drawnOf(z.dt, "unnamed", 4, 4)))
		return source(x, must(gorgonia.Mul(h, unnamed)))
	}, []string{"Gemm", "Tanh", "Gemm", "Tanh", "Gemm"}},
	{"product both read", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		h := must(gorgonia.Mul(x, z.weight("w", 4, 3))) // read twice: its bias must not go into it
		return source(x, must(gorgonia.HadamardProd(z.bias(h, "b"), h)))
	}, []string{"Gemm", "Add", "Mul"}},
	{"vector and matrix", func(z *zoo) Graph {
		x := z.input("x", 7, z.batch)
		return source(x, must(gorgonia.Mul(z.weight("w", 7), x)))
	}, []string{"Transpose", "Gemm", "Reshape"}},
	{"activation and vector", func(z *zoo) Graph {
		x, v := z.input("x", z.batch, 7), z.input("v", 7)
		return Graph{Inputs: gorgonia.Nodes{x, v}, Outputs: gorgonia.Nodes{must(gorgonia.Mul(x, v))}}
	}, []string{"Reshape", "MatMul", "Reshape"}},
	{"batches", func(z *zoo) Graph {
		x, y := z.input("x", z.batch, 2, 4, 3), z.input("y", z.batch, 2, 5, 4)
		h := must(gorgonia.BatchedMatMul(x, y, true, true)) // 3 by 5
		_, w, err := gorgonia.Broadcast(h, z.weight("w", 1, 1, 5, 6), gorgonia.NewBroadcastPattern(nil, []byte{0, 1}))
		h = must(gorgonia.BatchedMatMul(h, must(w, err)))
		return Graph{Inputs: gorgonia.Nodes{x, y}, Outputs: gorgonia.Nodes{must(gorgonia.SoftMax(h, 1))}}
	}, []string{"Transpose", "Transpose", "MatMul", "MatMul", "Softmax"}},
	{"constants", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		b := z.g.AddNode(gorgonia.NewConstant(drawnOf(z.dt, "constant", 1, 3)))
		h := must(gorgonia.BroadcastAdd(must(gorgonia.Mul(x, z.weight("w", 4, 3))), b, nil, []byte{0}))
		positive := must(gorgonia.Gt(h, z.scalar(0), true))
		return source(x, must(gorgonia.HadamardProd(positive, h)))
	}, []string{"Gemm", "Relu"}},
	{"trained", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		w := z.weight("w", 4, 3)
		y := must(gorgonia.Sigmoid(must(gorgonia.Mul(x, w))))
		target := gorgonia.NewMatrix(z.g, z.dt, gorgonia.WithName("target"), gorgonia.WithValue(drawnOf(z.dt, "target", z.batch, 3)))
		loss := must(gorgonia.Mean(must(gorgonia.Square(must(gorgonia.Sub(y, target))))))
		if _, err := gorgonia.Grad(loss, w); err != nil {
			panic(err)
		}
		return source(x, y)
	}, []string{"Gemm", "Sigmoid"}},
	{"transposed twice", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		h := must(gorgonia.Mul(z.weight("w1", 5, 4), must(gorgonia.Transpose(x, 1, 0))))
		h = must(gorgonia.BroadcastAdd(h, z.weight("b1", 5, 1), nil, []byte{1}))
		h = must(gorgonia.SoftMax(must(gorgonia.Neg(must(gorgonia.Tanh(h)))), 0))
		h = must(gorgonia.Mul(z.weight("w2", 3, 5), must(gorgonia.Sub(z.scalar(1), h))))
		h = must(gorgonia.BroadcastSub(h, z.weight("b2", 3), nil, []byte{1}))
		return source(x, must(gorgonia.Transpose(h)))
	}, []string{"Gemm", "Tanh", "Mul", "Softmax", "Sub", "Gemm"}},
	{"channels last", func(z *zoo) Graph {
		x := z.input("x", z.batch, 5, 4, 2)
		h := conv(must(gorgonia.Transpose(x, 0, 3, 1, 2)), z.weight("w", 3, 2, 2, 3), 1, 1)
		h = must(gorgonia.Transpose(h, 0, 2, 3, 1))
		h = must(gorgonia.Rectify(must(gorgonia.BroadcastAdd(h, z.weight("b", 3), nil, []byte{0, 1, 2}))))
		return source(x, must(gorgonia.LeakyRelu(must(gorgonia.Transpose(h, 3, 0, 1, 2)), 0.2)))
	}, []string{"Transpose", "Conv", "Relu", "LeakyRelu", "Transpose"}},
	{"reshaped twice", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4, 3)
		h := must(gorgonia.Reshape(x, tensor.Shape{z.batch, 12}))
		h = must(gorgonia.Reshape(h, tensor.Shape{z.batch, 2, 6}))
		back := must(gorgonia.Reshape(h, tensor.Shape{z.batch, 4, 3}))
		w := must(gorgonia.Reshape(z.weight("w", 36), tensor.Shape{12, 3}))
		y := must(gorgonia.Mul(must(gorgonia.Reshape(back, tensor.Shape{z.batch, 12})), w))
		return Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{must(gorgonia.Tanh(h)), y}}
	}, []string{"Reshape", "Tanh", "Reshape", "Gemm"}},
	{"broadcasts", func(z *zoo) Graph {
		x, y, c := z.input("x", z.batch, 3, 4), z.input("y", z.batch, 3), z.input("c", z.batch, 1, 4)
		return Graph{Inputs: gorgonia.Nodes{x, y, c}, Outputs: gorgonia.Nodes{
			must(gorgonia.BroadcastAdd(x, z.weight("middle", 3), nil, []byte{0, 2})),
			must(gorgonia.BroadcastSub(z.weight("sample", 1, 3, 4), x, []byte{0}, nil)),
			must(gorgonia.BroadcastHadamardProd(x, y, nil, []byte{2})),
			must(gorgonia.BroadcastSub(c, x, []byte{1}, nil)),
			must(gorgonia.BroadcastHadamardDiv(c, z.weight("rows", 1, 3, 1), []byte{1}, []byte{0, 2})),
			must(gorgonia.Add(z.scalar(2), must(gorgonia.HadamardDiv(z.scalar(1), x)))),
		}}
	}, []string{"Add", "Sub", "Reshape", "Mul", "Sub", "Div", "Div", "Add"}},
	{"clipped", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		y := must(gorgonia.MinBetween(must(gorgonia.MaxBetween(x, z.full(-0.5, z.batch, 4))), z.full(0.75, z.batch, 4)))
		lower := must(gorgonia.MaxBetween(z.full(0.25, z.batch, 4), must(gorgonia.MinBetween(x, z.full(0, z.batch, 4)))))
		crossed := must(gorgonia.MinBetween(must(gorgonia.MaxBetween(x, z.full(0.5, z.batch, 4))), z.full(0.25, z.batch, 4)))
		return Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{y, lower, crossed}}
	}, []string{"Clip", "Clip", "Clip", "Clip", "Clip"}},
	{"uneven padding", func(z *zoo) Graph {
		x := z.input("x", z.batch, 1, 5, 4)
		var outputs gorgonia.Nodes
		for _, pads := range [][]int{{0, 1, 0, 1}, {1, 0, 0, 0}, {1, 0, 1, 2}, {0, 0, 2, 1}} {
			outputs = append(outputs, must(gorgonia.MaxPool2D(x, tensor.Shape{3, 3}, pads, []int{2, 1})),
				must(gorgonia.AveragePool2D(x, tensor.Shape{3, 3}, pads, []int{1, 2})))
		}
		return Graph{Inputs: gorgonia.Nodes{x}, Outputs: outputs}
	}, []string{
		"MaxPool", "AveragePool", "Div", "MaxPool", "AveragePool", "Div", "MaxPool", "AveragePool", "Div", "MaxPool", "AveragePool", "Div",
	}},
	{"comparisons", func(z *zoo) Graph {
		x, w := z.input("x", z.batch, 4), z.weight("w", 4, 3)
		y := must(gorgonia.Mul(x, w))
		var outputs gorgonia.Nodes
		for _, compare := range []func(a, b node, same bool) (node, error){gorgonia.Gt, gorgonia.Gte, gorgonia.Lt, gorgonia.Lte, gorgonia.Eq, gorgonia.Ne} {
			outputs = append(outputs, must(gorgonia.HadamardProd(y, must(compare(must(gorgonia.Tanh(y)), z.scalar(0.25), true)))))
		}
		larger := must(gorgonia.MaxBetween(y, must(gorgonia.Neg(y))))
		return Graph{Inputs: gorgonia.Nodes{x}, Outputs: append(outputs, larger, must(gorgonia.MinBetween(larger, y)))}
	}, []string{
		"Gemm", "Tanh", "Greater", "Cast", "Mul", "GreaterOrEqual", "Cast", "Mul", "Less", "Cast", "Mul", "LessOrEqual", "Cast", "Mul",
		"Equal", "Cast", "Mul", "Equal", "Not", "Cast", "Mul", "Mul", "Max", "Min",
	}},
	{"biases and scales", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		h := z.bias(z.bias(must(gorgonia.Mul(x, z.weight("w", 4, 3))), "b"), "c")
		h = must(gorgonia.BroadcastHadamardProd(h, z.weight("scale", 1, 3), nil, []byte{0})) // no normalization
		h = must(gorgonia.Mul(h, z.weight("v", 3, 5)))
		return source(x, must(gorgonia.Sub(must(gorgonia.Reshape(h, tensor.Shape{z.batch, 5, 1})), z.scalar(0.5))))
	}, []string{"Gemm", "Mul", "Gemm", "Reshape"}},
	{"normalizations", func(z *zoo) Graph {
		x := z.input("x", z.batch, 2, 5, 5)
		h := z.norm(x, "first", 1, 1)
		h = conv(h, z.weight("w", 3, 2, 2, 2), 0, 1)
		h = must(gorgonia.BroadcastAdd(h, z.weight("b", 3), nil, []byte{0, 2, 3}))
		h = z.norm(z.norm(h, "second", 1, 1), "third", 1, 1)
		return Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{h, z.norm(h, "fourth", 1, 1)}}
	}, []string{"Mul", "Add", "Conv", "Mul", "Add"}},
	{"embedding", func(z *zoo) Graph {
		words := gorgonia.NewMatrix(z.g, tensor.Int, gorgonia.WithName("words"), gorgonia.WithShape(z.batch, 3))
		list := must(gorgonia.Reshape(words, tensor.Shape{z.batch * 3}))
		h := must(gorgonia.Reshape(must(gorgonia.ByIndices(z.weight("table", 5, 4), list, 0)), tensor.Shape{z.batch, 12}))
		return source(words, must(gorgonia.Mul(h, z.weight("w", 12, 2))))
	}, []string{"Reshape", "Gather", "Reshape", "Gemm"}},
	{"functions", func(z *zoo) Graph {
		x := z.input("x", z.batch, 6)
		positive := must(gorgonia.Add(must(gorgonia.Square(x)), z.scalar(0.5)))
		var outputs gorgonia.Nodes
		for _, f := range []func(node) (node, error){
			gorgonia.Abs, gorgonia.Sign, gorgonia.Ceil, gorgonia.Floor, gorgonia.Sin,
			gorgonia.Cos, gorgonia.Exp, gorgonia.Cube, gorgonia.Softplus,
		} {
			outputs = append(outputs, must(f(x)))
		}
		for _, f := range []func(node) (node, error){gorgonia.Log, gorgonia.Sqrt, gorgonia.Inverse, gorgonia.InverseSqrt} {
			outputs = append(outputs, must(f(positive)))
		}
		return Graph{Inputs: gorgonia.Nodes{x}, Outputs: append(outputs, must(gorgonia.Pow(positive, z.scalar(1.5))))}
	}, []string{
		"Abs", "Sign", "Ceil", "Floor", "Sin", "Cos", "Exp", "Mul", "Mul", "Softplus", "Mul", "Add", "Log",
		"Sqrt", "Reciprocal", "Sqrt", "Reciprocal", "Pow",
	}},
	{"reductions", func(z *zoo) Graph {
		x, y := z.input("x", z.batch, 3, 4, 5), z.input("y", z.batch, 3, 4)
		return Graph{Inputs: gorgonia.Nodes{x, y}, Outputs: gorgonia.Nodes{
			must(gorgonia.Sum(x, 1)), must(gorgonia.Sum(x, 3)), must(gorgonia.Mean(x, 1, 3)), must(gorgonia.LogSoftMax(x, 3)),
			must(gorgonia.Max(y, 2)), // which says that it overwrites its operand: Gorgonia gives it to nothing else
		}}
	}, []string{"ReduceSum", "ReduceSum", "ReduceSum", "Div", "LogSoftmax", "ReduceMax"}},
	{"layer normalization", func(z *zoo) Graph {
		x := z.input("x", z.batch, 6)
		x1, mean, err := gorgonia.Broadcast(x, must(gorgonia.Reshape(must(gorgonia.Mean(x, 1)), tensor.Shape{z.batch, 1})),
			gorgonia.NewBroadcastPattern(nil, []byte{1}))
		off := must(gorgonia.Sub(must(x1, err), mean))
		variance := must(gorgonia.Reshape(must(gorgonia.Mean(must(gorgonia.Square(off)), 1)), tensor.Shape{z.batch, 1}))
		deviation := must(gorgonia.Sqrt(must(gorgonia.Add(variance, z.scalar(1e-3)))))
		h := must(gorgonia.BroadcastHadamardDiv(off, deviation, nil, []byte{1}))
		return source(x, must(gorgonia.BroadcastHadamardProd(h, z.weight("gain", 1, 6), nil, []byte{0})))
	}, []string{"ReduceSum", "Div", "Reshape", "Sub", "Mul", "ReduceSum", "Div", "Reshape", "Add", "Sqrt", "Div", "Mul"}},
	{"slices", func(z *zoo) Graph {
		x := z.input("x", z.batch, 6, 8)
		return Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{
			must(gorgonia.Slice(x, nil, gorgonia.S(1, 4))),
			must(gorgonia.Slice(x, nil, nil, gorgonia.S(2, 8))),
			must(gorgonia.Slice(x, nil, gorgonia.S(3))),
			must(gorgonia.Slice(x, nil, gorgonia.S(0, 2), gorgonia.S(5, 7))),
		}}
	}, []string{"Slice", "Slice", "Slice", "Reshape", "Slice", "Slice"}},
	{"depthwise-separable", func(z *zoo) Graph {
		x := z.input("x", z.batch, 3, 8, 8)
		var each gorgonia.Nodes
		for c := range 3 {
			channel := must(gorgonia.Reshape(must(gorgonia.Slice(x, nil, gorgonia.S(c))), tensor.Shape{z.batch, 1, 8, 8}))
			each = append(each, z.norm(conv(channel, z.weight(string(rune('a'+c)), 2, 1, 3, 3), 1, 1), string(rune('p'+c)), 1, 1))
		}
		h := must(gorgonia.Rectify(z.norm(must(gorgonia.Concat(1, each...)), "depth", 1, 1)))
		return source(x, must(gorgonia.Rectify(z.norm(conv(h, z.weight("points", 5, 6, 1, 1), 0, 1), "point", 1, 1))))
	}, []string{"Conv", "Relu", "Conv", "Relu"}},
	{"convolutions that are no groups", func(z *zoo) Graph {
		x, y := z.input("x", z.batch, 4, 5, 5), z.input("y", z.batch, 4, 5, 5)
		of := func(x node, name string, from, to, kernel int) node {
			part := must(gorgonia.Slice(x, nil, gorgonia.S(from, to)))
			return conv(part, z.weight(name, 2, to-from, kernel, kernel), kernel/2, 1)
		}
		read := of(x, "l", 2, 4, 3)
		return Graph{Inputs: gorgonia.Nodes{x, y}, Outputs: gorgonia.Nodes{
			must(gorgonia.Concat(1, of(x, "a", 0, 2, 3), of(y, "b", 2, 4, 3))),
			must(gorgonia.Concat(1, of(x, "c", 0, 2, 3), of(x, "d", 2, 4, 1))),
			must(gorgonia.Concat(1, of(x, "e", 2, 4, 3), of(x, "f", 0, 2, 3))),
			must(gorgonia.Concat(2, of(x, "g", 0, 2, 3), of(x, "h", 2, 4, 3))),
			must(gorgonia.Concat(1, of(x, "k", 0, 2, 3), read)), must(gorgonia.Tanh(read)),
			must(gorgonia.Concat(1, of(x, "m", 0, 2, 3), of(x, "n", 2, 4, 3))), // these are
			must(gorgonia.Concat(1, of(x, "o", 1, 3, 3), of(x, "q", 2, 4, 3))),
		}}
	}, []string{
		"Slice", "Conv", "Slice", "Conv", "Concat", "Conv", "Slice", "Conv", "Concat", "Conv", "Conv", "Concat",
		"Conv", "Conv", "Concat", "Conv", "Conv", "Concat", "Tanh", "Conv", "Slice", "Conv", "Conv", "Concat",
	}},
	{"products of batches with a constant", func(z *zoo) Graph {
		x := z.input("x", z.batch, 3, 4)
		each := func(w node) node { // for every sample
			_, w, err := gorgonia.Broadcast(x, w, gorgonia.NewBroadcastPattern(nil, []byte{0}))
			return must(w, err)
		}
		transposed := must(gorgonia.Transpose(z.weight("c", 1, 5, 4), 0, 2, 1))
		return Graph{Inputs: gorgonia.Nodes{x}, Outputs: gorgonia.Nodes{
			must(gorgonia.BatchedMatMul(x, each(z.weight("a", 1, 4, 5)))),
			must(gorgonia.BatchedMatMul(x, each(z.weight("b", 1, 5, 4)), false, true)),
			must(gorgonia.BatchedMatMul(x, each(transposed))),
			must(gorgonia.BatchedMatMul(x, each(z.weight("d", 1, 3, 5)), true, false)),
			must(gorgonia.BatchedMatMul(each(z.weight("e", 1, 5, 3)), x)),
			must(gorgonia.BatchedMatMul(each(z.weight("f", 1, 3, 5)), x, true, false)),
			must(gorgonia.BatchedMatMul(each(z.weight("g", 1, 5, 4)), x, false, true)),
		}}
	}, []string{
		"MatMul", "MatMul", "MatMul", "Transpose", "MatMul", "Transpose", "MatMul", "Transpose", "Transpose", "MatMul",
		"Transpose",
		"MatMul", "Transpose",
	}},
	{"Tensordot", func(z *zoo) Graph {
		x, y := z.input("x", z.batch, 3, 4), z.input("y", z.batch, 4)
		dot := func(x node, over int, w node, row int) node {
			return must(gorgonia.Tensordot([]int{over}, []int{row}, x, w))
		}
		return Graph{Inputs: gorgonia.Nodes{x, y}, Outputs: gorgonia.Nodes{
			dot(y, 1, z.weight("a", 4, 5), 0), dot(y, 1, z.weight("b", 5, 4), 1),
			dot(x, 2, z.weight("c", 4, 5), 0), dot(x, 2, z.weight("d", 5, 4), 1), dot(x, 1, z.weight("e", 3, 5), 0),
		}}
	}, []string{"Gemm", "Gemm", "MatMul", "MatMul", "Transpose", "MatMul"}},
	{"passed on", func(z *zoo) Graph {
		x := z.input("x", z.batch, 4)
		return Graph{Inputs: gorgonia.Nodes{x}, Outputs: slices.Repeat(gorgonia.Nodes{must(gorgonia.Reshape(x, tensor.Shape{4 * z.batch}))}, 2)}
	}, []string{"Reshape", "Identity"}},
})

func init() {
	if strconv.IntSize == 32 { // where Gorgonia's Tensordot fails: "repeated axis 1 in permutation pattern"
		networks = slices.DeleteFunc(networks, func(n netCase) bool { return strings.HasPrefix(n.name, "Tensordot") })
	}
}
