package main

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"

	"gorgonia.org/tensor"
)

// kind is a run that takes long.
type kind struct {
	name  string
	model func() (*model.Model, error) // nil for none
	input func() map[string]tensor.Tensor
	in    map[string]tensor.Tensor
	first bool // every run is the first of its model
}

// many is the elements of most inputs.
const many = 1 << 23

// random returns elements between −1 and 1.
func random(shape ...int) *ir.Constant {
	t := &ir.Constant{Shape: shape, Data: make([]float32, tensor.Shape(shape).TotalSize())}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range t.Data {
		t.Data[i] = 2*rng.Float32() - 1
	}
	return t
}

func dense(t *ir.Constant) *tensor.Dense {
	return tensor.New(tensor.WithShape(t.Shape...), tensor.WithBacking(t.Data))
}

// network is x, one node n and what it gives.
func network(sample []int, n ir.Node, constants map[string]*ir.Constant) *ir.Network {
	n.Name, n.Output = "n", "y"
	if n.Inputs == nil {
		n.Inputs = []string{"x"}
	}
	dtype := ir.Float32
	if n.Op == "Gather" {
		dtype = ir.Int64
	}
	return &ir.Network{
		Inputs:  []ir.Value{{Name: "x", Shape: append([]int{-1}, sample...), Type: dtype}},
		Outputs: []ir.Value{{Name: "y"}},
		Nodes:   []ir.Node{n}, Constants: constants,
	}
}

// inputOf returns what makes an input, of a batch that has about so many elements.
func inputOf(elements int, sample ...int) func() map[string]tensor.Tensor {
	return func() map[string]tensor.Tensor {
		batch := elements / tensor.Shape(sample).TotalSize()
		return map[string]tensor.Tensor{"x": dense(random(append([]int{batch}, sample...)...))}
	}
}

// of returns a kind of one node.
func of(name string, elements int, sample []int, n ir.Node, constants map[string]*ir.Constant) *kind {
	return &kind{name: name, input: inputOf(elements, sample...), model: func() (*model.Model, error) {
		return model.New(network(sample, n, constants), nil)
	}}
}

// allKinds is every op, layers of every arithmetic, and what comes before nodes and behind them.
func allKinds(dir string) (list []*kind, err error) {
	list = append(list, &kind{name: "loops in Go, and no model"})
	one := func(op string) { list = append(list, of(op, many, []int{64}, ir.Node{Op: op}, nil)) }
	for _, op := range []string{
		"Relu", "Sigmoid", "Tanh", "Abs", "Sign", "Ceil", "Floor", "Sin", "Cos", "Exp", "Log", "Sqrt", "Reciprocal", "Softplus", "Log1p",
		"Expm1", "Identity",
	} {
		one(op)
	}
	for _, op := range []string{"Add", "Sub", "Mul", "Div", "Pow"} {
		list = append(list, of(op, many, []int{64}, ir.Node{Op: op, Inputs: []string{"x", "x"}}, nil))
	}
	image := []int{8, 64, 64}
	list = append(list,
		of("LeakyRelu", many, []int{64}, ir.Node{Op: "LeakyRelu", Alpha: new(float32(0.1))}, nil),
		of("BatchNormalization", many, []int{64},
			ir.Node{Op: "BatchNormalization", Inputs: []string{"x", "c", "c", "c", "c"}}, map[string]*ir.Constant{"c": random(64)}),
		of("Greater", many, []int{64}, ir.Node{Op: "Greater", Inputs: []string{"x", "x"}}, nil),
		of("Max", many, []int{64}, ir.Node{Op: "Max", Inputs: []string{"x", "x"}}, nil),
		of("Clip", many, []int{64}, ir.Node{Op: "Clip", Min: new(float32(0)), Max: new(float32(6))}, nil),
		of("Softmax", many, []int{64}, ir.Node{Op: "Softmax", Axis: new(1)}, nil),
		of("LogSoftmax", many, []int{64}, ir.Node{Op: "LogSoftmax", Axis: new(1)}, nil),
		of("ReduceSum", many, []int{64}, ir.Node{Op: "ReduceSum", KeepDims: new(false), Axes: []int{1}}, nil),
		of("ReduceMax", many, []int{64}, ir.Node{Op: "ReduceMax", KeepDims: new(false), Axes: []int{1}}, nil),
		of("FakeQuantize", many, []int{64}, ir.Node{Op: "FakeQuantize", Scale: 0.01, ZeroPoint: 128, QuantMax: 255}, nil),
		of("Slice", many, []int{64}, ir.Node{Op: "Slice", Axes: []int{1}, Starts: []int{1}, Ends: []int{63}}, nil),
		of("Reshape", many, []int{64}, ir.Node{Op: "Reshape", Shape: []int{-1, 8, 8}}, nil),
		of("Transpose", many, []int{64}, ir.Node{Op: "Transpose", Perm: []int{1, 0}}, nil),
		of("Concat", many, []int{64}, ir.Node{Op: "Concat", Inputs: []string{"x", "x"}, Axis: new(1)}, nil),
		of("MaxPool", many, image, ir.Node{Op: "MaxPool", Kernel: []int{5, 5}}, nil),
		of("AveragePool", many, image, ir.Node{Op: "AveragePool", CountPad: true, Kernel: []int{5, 5}}, nil),
		of("GlobalAveragePool", many, image, ir.Node{Op: "GlobalAveragePool"}, nil),
		of("Gemm, float32", many/4, []int{1024}, ir.Node{Op: "Gemm", Inputs: []string{"x", "w"}},
			map[string]*ir.Constant{"w": random(1024, 1024)}),
		of("MatMul, float32", many/4, []int{8, 1024}, ir.Node{Op: "MatMul", Inputs: []string{"x", "w"}},
			map[string]*ir.Constant{"w": random(1024, 1024)}),
		of("Conv, float32", many/8, image, ir.Node{Op: "Conv", Inputs: []string{"x", "w"}},
			map[string]*ir.Constant{"w": random(64, 8, 5, 5)}),
	)
	embedding := map[string]*ir.Constant{"w": random(1000, 256)}
	gather := of("Gather", 0, nil, ir.Node{Op: "Gather", Inputs: []string{"w", "x"}}, embedding)
	gather.input = rows
	list = append(list, gather)
	layers, err := layerKinds(embedding)
	if err != nil {
		return nil, err
	}
	others, err := otherKinds(dir)
	return slices.Concat(list, layers, others), err
}

// rows is an input of integers.
func rows() map[string]tensor.Tensor {
	x := make([]int, 1<<16)
	for i := range x {
		x[i] = i % 1000
	}
	return map[string]tensor.Tensor{"x": tensor.New(tensor.WithShape(len(x)), tensor.WithBacking(x))}
}

// layerKinds is layers of every arithmetic.
func layerKinds(embedding map[string]*ir.Constant) (list []*kind, err error) {
	params, err := qtensor.NewParams(qtensor.Affine(8), []float32{-1}, []float32{1})
	if err != nil {
		return nil, err
	}
	layer := func(name string, elements int, sample []int, n ir.Node, w *ir.Constant, s qtensor.Scheme, a model.Activations) *kind {
		q, failed := qtensor.Quantize(dense(w), s)
		if failed != nil {
			err = failed
		}
		return &kind{name: name, input: inputOf(elements, sample...), model: func() (*model.Model, error) {
			return model.New(network(sample, n, map[string]*ir.Constant{"w": w}), map[string]model.Layer{"n": layerOf(q, a, params)})
		}}
	}
	gemm, conv := ir.Node{Op: "Gemm", Inputs: []string{"x", "w"}}, ir.Node{Op: "Conv", Inputs: []string{"x", "w"}}
	depthwise := conv
	depthwise.Group = 64
	square, filters, own := random(2048, 2048), random(64, 16, 3, 3), random(64, 1, 3, 3)
	for _, c := range []model.Activations{model.Fixed24, model.Fixed16, model.DynamicInt8, model.StaticInt8} {
		list = append(list,
			layer("Gemm, int8, "+c.String(), many, []int{2048}, gemm, square, qtensor.Symmetric(8), c),
			layer("Gemm, int4 in groups, "+c.String(), many/2, []int{2048}, gemm, square, qtensor.Int4().PerGroup(1, 32), c),
			layer("Conv, int8, "+c.String(), many, []int{16, 64, 64}, conv, filters, qtensor.Symmetric(8), c),
			layer("Conv, depthwise, int8, "+c.String(), many, []int{64, 32, 32}, depthwise, own, qtensor.Symmetric(8), c),
			layer("a split batch, "+c.String(), 4*many, []int{64}, gemm, random(64, 64), qtensor.Symmetric(8), c),
		)
	}
	list = append(list, layer("Gemm, float16", many/64, []int{2048}, gemm, square, qtensor.Float16(), model.Fixed24))
	pack := layer("packing, the first run", 2048, []int{2048}, gemm, random(2048, 16384),
		qtensor.Int4().PerGroup(1, 32), model.DynamicInt8)
	pack.first = true
	gather := layer("Gather, int8", 0, nil, ir.Node{Op: "Gather", Inputs: []string{"w", "x"}}, embedding["w"],
		qtensor.Symmetric(8), model.Default)
	gather.input = rows
	return append(list, pack, gather), err
}

// layerOf returns a layer, with parameters where it takes some.
func layerOf(q *qtensor.QTensor, a model.Activations, params qtensor.Params) model.Layer {
	l := model.Layer{Weight: q, Activations: a}
	if a == model.StaticInt8 {
		l.Params = params
	}
	return l
}

// otherKinds is inputs that are read element by element, constants in a file, and a call.
func otherKinds(dir string) ([]*kind, error) {
	transposed := of("a transposed input", 0, []int{64}, ir.Node{Op: "Relu"}, nil)
	transposed.input = func() map[string]tensor.Tensor {
		x := dense(random(64, many/16))
		if err := x.T(); err != nil {
			panic(err) // a matrix has a transpose
		}
		return map[string]tensor.Tensor{"x": x}
	}
	wide := of("float64 input", 0, []int{64}, ir.Node{Op: "Relu"}, nil)
	wide.input = func() map[string]tensor.Tensor {
		return map[string]tensor.Tensor{"x": tensor.New(tensor.WithShape(many/64, 64), tensor.WithBacking(make([]float64, many)))}
	}
	foreign := of("foreign", 1<<16, []int{64}, ir.Node{Op: "Foreign", Foreign: busy{}}, nil)
	path := filepath.Join(dir, "constants")
	big, err := model.New(network([]int{1024}, ir.Node{Op: "MatMul", Inputs: []string{"x", "w"}},
		map[string]*ir.Constant{"w": random(1024, many/64)}), nil)
	if err == nil {
		err = big.Save(path)
	}
	file := &kind{
		name: "constants of a file, the first run", input: inputOf(1024, 1024), first: true,
		model: func() (*model.Model, error) { return model.Load(path) },
	}
	return []*kind{transposed, wide, foreign, file}, err
}

// busy is an operation that is code, which takes its time.
type busy struct{}

func (busy) String() string { return "busy" }

func (busy) Shape(in [][]int) ([]int, error) { return in[0], nil }

func (busy) Run(_ context.Context, _ int, in []ir.Array) (ir.Array, error) {
	for begin := time.Now(); time.Since(begin) < 300*time.Millisecond; {
	}
	return ir.Array{Shape: in[0].Shape, Data: slices.Clone(in[0].Data)}, nil
}
