package exprgraph_test

import (
	"fmt"

	"euryale/exprgraph"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// build makes the network's graph for a batch. All graphs share the tensors of weights.
func (n *randomNet) build(batch int) (exprgraph.Graph, error) {
	g, s := gorgonia.NewGraph(), exprgraph.Graph{}
	nodes := make([]*gorgonia.Node, len(n.values))
	for i := range n.values {
		v := &n.values[i]
		if v.isLeaf() {
			nodes[i] = n.leaf(g, i, batch)
			if v.op == "input" || v.op == "indices" {
				s.Inputs = append(s.Inputs, nodes[i])
			}
			continue
		}
		in := make(gorgonia.Nodes, len(v.in))
		for k, j := range v.in {
			in[k] = nodes[j]
		}
		y, err := v.node(in, batch)
		if err != nil {
			return s, fmt.Errorf("v%d: %w", i, err)
		}
		nodes[i] = y
	}
	for _, i := range n.outputs {
		s.Outputs = append(s.Outputs, nodes[i])
	}
	return s, nil
}

func (n *randomNet) leaf(g *gorgonia.ExprGraph, i, batch int) *gorgonia.Node {
	v := &n.values[i]
	shape, name := sizes(v.shape, batch), gorgonia.WithName(fmt.Sprint("v", i))
	switch {
	case v.op == "input":
		return gorgonia.NewTensor(g, n.dt, len(shape), gorgonia.WithShape(shape...), name)
	case v.op == "indices":
		return gorgonia.NewTensor(g, tensor.Int, len(shape), gorgonia.WithShape(shape...), name)
	case v.op == "scalar" && n.dt == tensor.Float64:
		return gorgonia.NewConstant(v.nums[0])
	case v.op == "scalar":
		return gorgonia.NewConstant(float32(v.nums[0]))
	}
	w := n.weights[i]
	if w == nil || v.op == "by batch" {
		w = v.tensor(n.dt, batch)
		n.weights[i] = w
	}
	return gorgonia.NewTensor(g, n.dt, len(shape), gorgonia.WithShape(shape...), name, gorgonia.WithValue(w))
}

// The layouts of a weight, ints[1].
const (
	rowMajor = iota
	transposedLazily
	columnsOfAWiderOne
	columnMajor
	layouts
)

// tensor returns the elements of a leaf, a matrix in its layout.
func (v *randomValue) tensor(dt tensor.Dtype, batch int) *tensor.Dense {
	shape, x := sizes(v.shape, batch), v.elements(batch)
	layout := rowMajor
	if v.op == "weight" && len(shape) == 2 && min(shape[0], shape[1]) > 1 {
		layout = v.ints[1]
	}
	at := func(row, column int) float64 { return x[row*shape[1]+column] }
	var y []float64
	switch layout {
	case transposedLazily, columnMajor:
		for c := range shape[1] {
			for r := range shape[0] {
				y = append(y, at(r, c))
			}
		}
	case columnsOfAWiderOne:
		for r := range shape[0] {
			y = append(y, 99)
			for c := range shape[1] {
				y = append(y, at(r, c))
			}
			y = append(y, 99)
		}
	default:
		y = x
	}
	var data any = convertTo[float32](y)
	if dt == tensor.Float64 {
		data = y
	}
	switch layout {
	case transposedLazily:
		t := tensor.New(tensor.WithShape(shape[1], shape[0]), tensor.WithBacking(data))
		if err := t.T(); err != nil {
			panic(err) // of a matrix
		}
		return t
	case columnMajor:
		return tensor.New(tensor.AsFortran(data), tensor.WithShape(shape...))
	case columnsOfAWiderOne:
		t := tensor.New(tensor.WithShape(shape[0], shape[1]+2), tensor.WithBacking(data))
		view, err := t.Slice(nil, gorgonia.S(1, shape[1]+1))
		if err != nil {
			panic(err) // of columns that are there
		}
		return view.(*tensor.Dense)
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
}

type (
	node1 = func(*gorgonia.Node) (*gorgonia.Node, error)
	node2 = func(a, b *gorgonia.Node) (*gorgonia.Node, error)
)

// functions are Gorgonia's of one operand.
var functions = map[string]node1{
	"tanh": gorgonia.Tanh, "sigmoid": gorgonia.Sigmoid, "relu": gorgonia.Rectify, "abs": gorgonia.Abs, "sign": gorgonia.Sign,
	"neg": gorgonia.Neg, "square": gorgonia.Square, "cube": gorgonia.Cube, "softplus": gorgonia.Softplus, "sin": gorgonia.Sin,
	"cos": gorgonia.Cos, "ceil": gorgonia.Ceil, "floor": gorgonia.Floor, "mish": gorgonia.Mish, "exp": gorgonia.Exp,
	"expm1": gorgonia.Expm1, "log": gorgonia.Log, "sqrt": gorgonia.Sqrt, "inverse": gorgonia.Inverse,
	"inverse sqrt": gorgonia.InverseSqrt, "log1p": gorgonia.Log1p, "log2": gorgonia.Log2,
	"global average pool": gorgonia.GlobalAveragePool2D,
}

// pairwise are Gorgonia's of two operands.
var pairwise = map[string]node2{
	"add": gorgonia.Add, "sub": gorgonia.Sub, "mul": gorgonia.HadamardProd, "div": gorgonia.HadamardDiv, "pow": gorgonia.Pow,
	"min": gorgonia.MinBetween, "max": gorgonia.MaxBetween,
	"gt": same(gorgonia.Gt), "gte": same(gorgonia.Gte), "lt": same(gorgonia.Lt), "lte": same(gorgonia.Lte), "eq": same(gorgonia.Eq),
	"ne":      same(gorgonia.Ne),
	"product": gorgonia.Mul, "outer": gorgonia.OuterProd,
}

// same returns a comparison that gives values of the type that it compares.
func same(f func(a, b *gorgonia.Node, retSame bool) (*gorgonia.Node, error)) node2 {
	return func(a, b *gorgonia.Node) (*gorgonia.Node, error) { return f(a, b, true) }
}

// node applies the operation.
func (v *randomValue) node(in gorgonia.Nodes, batch int) (*gorgonia.Node, error) {
	if f, ok := functions[v.op]; ok {
		return f(in[0])
	}
	if f, ok := pairwise[v.op]; ok {
		if len(v.ints) == 2 && v.ints[0]|v.ints[1] != 0 {
			a, b, err := gorgonia.Broadcast(in[0], in[1], gorgonia.NewBroadcastPattern(axesOf(v.ints[0]), axesOf(v.ints[1])))
			if err != nil {
				return nil, err
			}
			return f(a, b)
		}
		return f(in[0], in[1])
	}
	return nodeMakers[v.op](v, in, batch)
}

// axesOf returns the bits of a mask.
func axesOf(mask int) (axes []byte) {
	for i := range 8 {
		if mask>>i&1 != 0 {
			axes = append(axes, byte(i))
		}
	}
	return axes
}

var nodeMakers = map[string]func(v *randomValue, in gorgonia.Nodes, batch int) (*gorgonia.Node, error){
	"leaky relu": func(v *randomValue, in gorgonia.Nodes, _ int) (*gorgonia.Node, error) {
		return gorgonia.LeakyRelu(in[0], v.nums[0])
	},
	"dropout": func(v *randomValue, in gorgonia.Nodes, _ int) (*gorgonia.Node, error) {
		return gorgonia.Dropout(in[0], v.nums[0])
	},
	"batched product": func(v *randomValue, in gorgonia.Nodes, _ int) (*gorgonia.Node, error) {
		return gorgonia.BatchedMatMul(in[0], in[1], v.ints[0] != 0, v.ints[1] != 0)
	},
	"tensordot": func(v *randomValue, in gorgonia.Nodes, _ int) (*gorgonia.Node, error) {
		half := len(v.ints) / 2
		return gorgonia.Tensordot(append([]int(nil), v.ints[:half]...), append([]int(nil), v.ints[half:]...), in[0], in[1])
	},
	"repeat": func(v *randomValue, in gorgonia.Nodes, _ int) (*gorgonia.Node, error) {
		_, y, err := gorgonia.Broadcast(in[1], in[0], gorgonia.NewBroadcastPattern(nil, axesOf(v.ints[0])))
		return y, err
	},
	"reshape": func(v *randomValue, in gorgonia.Nodes, batch int) (*gorgonia.Node, error) {
		return gorgonia.Reshape(in[0], sizes(v.shape, batch))
	},
	"transpose": func(v *randomValue, in gorgonia.Nodes, _ int) (*gorgonia.Node, error) {
		return gorgonia.Transpose(in[0], append([]int(nil), v.ints...)...)
	},
	"slice": func(v *randomValue, in gorgonia.Nodes, _ int) (*gorgonia.Node, error) {
		list := make([]tensor.Slice, v.ints[0]+1)
		list[v.ints[0]] = gorgonia.S(v.ints[1], v.ints[2], v.ints[3])
		return gorgonia.Slice(in[0], list...)
	},
	"part of the batch": func(v *randomValue, in gorgonia.Nodes, batch int) (*gorgonia.Node, error) {
		list := make([]tensor.Slice, v.ints[0]+1)
		list[v.ints[0]] = gorgonia.S(v.ints[1]*batch, v.ints[2]*batch)
		return gorgonia.Slice(in[0], list...)
	},
	"concat": func(v *randomValue, in gorgonia.Nodes, _ int) (*gorgonia.Node, error) {
		return gorgonia.Concat(v.ints[0], in...)
	},
	"convolution": func(v *randomValue, in gorgonia.Nodes, _ int) (*gorgonia.Node, error) {
		return gorgonia.Conv2d(in[0], in[1], append(tensor.Shape(nil), v.ints[:2]...), pairOf(v.ints, 2), pairOf(v.ints, 4), pairOf(v.ints, 6))
	},
	"max pool": func(v *randomValue, in gorgonia.Nodes, _ int) (*gorgonia.Node, error) {
		return gorgonia.MaxPool2D(in[0], append(tensor.Shape(nil), v.ints[:2]...), append([]int(nil), v.ints[4:]...), pairOf(v.ints, 2))
	},
	"average pool": func(v *randomValue, in gorgonia.Nodes, _ int) (*gorgonia.Node, error) {
		return gorgonia.AveragePool2D(in[0], append(tensor.Shape(nil), v.ints[:2]...), append([]int(nil), v.ints[4:]...), pairOf(v.ints, 2))
	},
	"upsample": func(v *randomValue, in gorgonia.Nodes, _ int) (*gorgonia.Node, error) {
		return gorgonia.Upsample2D(in[0], v.ints[0])
	},
	"norm": func(v *randomValue, in gorgonia.Nodes, _ int) (*gorgonia.Node, error) {
		y, _, _, op, err := gorgonia.BatchNorm(in[0], in[1], in[2], 0.9, v.nums[0])
		if err != nil {
			return nil, err
		}
		mean, variance := v.statistics(in[0].Shape()[1])
		if in[0].Dtype() == tensor.Float64 {
			return y, op.SetStats(tensor.New(tensor.WithShape(len(mean)), tensor.WithBacking(mean)),
				tensor.New(tensor.WithShape(len(mean)), tensor.WithBacking(variance)))
		}
		return y, op.SetStats(tensor.New(tensor.WithShape(len(mean)), tensor.WithBacking(convertTo[float32](mean))),
			tensor.New(tensor.WithShape(len(mean)), tensor.WithBacking(convertTo[float32](variance))))
	},
	"rows": func(v *randomValue, in gorgonia.Nodes, _ int) (*gorgonia.Node, error) {
		return gorgonia.ByIndices(in[0], in[1], 0)
	},
	"sum": func(v *randomValue, in gorgonia.Nodes, _ int) (*gorgonia.Node, error) {
		return gorgonia.Sum(in[0], append([]int(nil), v.ints...)...)
	},
	"mean": func(v *randomValue, in gorgonia.Nodes, _ int) (*gorgonia.Node, error) {
		return gorgonia.Mean(in[0], append([]int(nil), v.ints...)...)
	},
	"largest": func(v *randomValue, in gorgonia.Nodes, _ int) (*gorgonia.Node, error) {
		return gorgonia.Max(in[0], append([]int(nil), v.ints...)...)
	},
	"softmax": func(v *randomValue, in gorgonia.Nodes, _ int) (*gorgonia.Node, error) {
		return gorgonia.SoftMax(in[0], v.ints[0])
	},
	"log softmax": func(v *randomValue, in gorgonia.Nodes, _ int) (*gorgonia.Node, error) {
		return gorgonia.LogSoftMax(in[0], v.ints[0])
	},
}

func pairOf(list []int, at int) []int { return append([]int(nil), list[at:at+2]...) }
