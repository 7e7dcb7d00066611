package model

import (
	"fmt"

	"euryale/internal/ir"
	"euryale/qtensor"
)

type (
	// Network is a network as data, from which New makes a model.
	//
	//	type Network struct {
	//		Dims      []Dim                // free dimensions, at most 8; none means the batch alone
	//		Inputs    []Value              // what Run takes
	//		Outputs   []Value              // what Run returns: float32
	//		Nodes     []Node               // each after the nodes whose results it reads
	//		Constants map[string]*Constant // by name
	//	}
	//	func (g *Network) Check() error
	//
	// Inputs, constants and results of nodes are values, whose names are unique. So are the names of nodes,
	// one of which may be the name of a value. In a shape, −1 is the batch, which is the first of Dims, −2
	// the second of Dims, and so on. In the shape of an output, −1 is any multiple of the batch, and nil
	// declares nothing.
	//
	// Check returns an error for names that are empty, not UTF-8, given twice or used before they are there,
	// and for Dims without a name or a size. New checks that too, and all else.
	Network = ir.Network
	// Node is an operation: Output = Op(Inputs…). Op and the attributes have ONNX's names and meaning (opset
	// 21), and an attribute that is left out has ONNX's default. Inputs of ONNX's operations that have to be
	// constants are attributes here. model/FORMAT.md lists the operations.
	//
	//	type Node struct {
	//		Op     string   // such as "Gemm"
	//		Name   string   // unique; the key of a Layer
	//		Inputs []string // names of values, in ONNX's order, such as x, weight, bias
	//		Output string   // the name of the result
	//
	//		TransB             bool     // Gemm: the weight is (out, in), not (in, out)
	//		Kernel             []int    // pools: height, width. That of a Conv is in the shape of its weight
	//		Strides, Dilations []int    // Conv, pools (strides alone): height, width; 1
	//		Pads               []int    // Conv, pools: top, left, bottom, right; 0
	//		Group              int      // Conv: groups of channels; 1
	//		CountPad           bool     // AveragePool: the mean counts padding
	//		Axis               *int     // Softmax, LogSoftmax, Sparsemax: the last; Gather: 0; Concat: required
	//		Axes               []int    // ReduceSum, ReduceMax: all; Slice: one
	//		KeepDims           *bool    // ReduceSum, ReduceMax: true
	//		Starts, Ends       []int    // Slice: one number each; the end is not included
	//		Steps              []int    // Slice: one number; 1
	//		Perm               []int    // Transpose: the axes in reverse
	//		Scales             []int    // Resize: 1, 1, height, width; pixels are repeated
	//		Shape              []int    // Reshape: 0 copies a size, −1 is what remains; Expand: −1 is the batch
	//		Alpha              *float32 // LeakyRelu: 0.01
	//		Epsilon            *float32 // BatchNormalization: 1e-5
	//		Min, Max           *float32 // Clip: none
	//
	//		Scale                         float32 // FakeQuantize: see below
	//		ZeroPoint, QuantMin, QuantMax int32
	//
	//		Foreign Op // of a node whose Op is "Foreign", and of no other
	//	}
	//	func (n *Node) Weight() string   // the input that is the weight, of Gemm, MatMul, Conv and Gather; else ""
	//	func (n *Node) ChannelAxis() int // the weight's axis of outputs, or of rows; −1 without a weight
	//	func (n *Node) MovesData() bool  // MaxPool, Slice, Resize, …: the result has elements of the inputs alone
	//
	// Axis, Axes, Starts and Ends may be negative, and count from the end then. FakeQuantize is ONNX's
	// QuantizeLinear and DequantizeLinear in one, as in PyTorch:
	//
	//	y = Scale·(clamp(RNE(x/Scale) + ZeroPoint, QuantMin, QuantMax) − ZeroPoint)
	Node = ir.Node
	// Value is an input or an output of a Network.
	//
	//	type Value struct {
	//		Name  string
	//		Shape []int // negative for free dimensions; see Network
	//		Type  Type  // Float32, or Int64 for an input of integers
	//
	//		Multiple int // of an input: how many indices of axis −1 each sample has; 0 is 1
	//	}
	//	func (v Value) Rows() int // Multiple, or 1
	Value = ir.Value
	// Constant is a float32 tensor, such as a weight.
	//
	//	type Constant struct {
	//		Shape   []int
	//		Data    []float32 // row-major; nil only for a weight whose readers all have a Layer
	//		Trained *Trained  // how it was quantized in training, or nil
	//	}
	//
	// With Trained, Data are the real values of Trained.Tensor, which ptq.Quantize takes as the quantized
	// weight, and Save writes in the place of Data: a program that changes Data sets Trained to nil.
	Constant = ir.Constant
	// Trained is a Constant as it was quantized in training.
	//
	//	type Trained struct {
	//		Tensor *qtensor.QTensor
	//		Err    error // why Tensor is nil, such as a Reshape that tears groups; Save returns it
	//	}
	//	func (c *Trained) String() string                // the scheme
	//	func (c *Trained) Float32s() ([]float32, error)  // the real values
	//	func (c *Trained) Transpose(perm []int) *Trained // axis i of the result is axis perm[i] of c
	//	func (c *Trained) Reshape(shape []int) *Trained  // to the same axes up to the channel axis, or Err
	//	func (c *Trained) Scale(by []float64, axis int) (*Trained, bool)
	//
	// Scale multiplies the values at index i of the axis by by[i], in the scales; it is false if these
	// cannot.
	Trained = ir.Trained
	// Dim is a free dimension: a size that each run chooses.
	//
	//	type Dim struct {
	//		Name string // such as "length"
	//		Size int    // the one that New checks the network at; 0 for the batch, which is the first of Network.Dims
	//	}
	Dim = ir.Dim
	// Op is an operation in code, for Node.Foreign. No file holds a model that has one: ErrForeign.
	//
	//	type Op interface {
	//		String() string // what it is, such as "Gorgonia's im2col"
	//		Shape(in [][]int) ([]int, error)
	//		Run(ctx context.Context, batch int, in []Array) (Array, error)
	//	}
	//
	// Shape returns the shape of the result for the shapes of the inputs. In both, −n is n times the batch.
	//
	// Run returns the result for the inputs of a batch. It must neither keep nor change them, and be safe for
	// any number of goroutines. If it waits for something, it must return the error of its ctx when that
	// ends: a ctx of the model's own, which ends when Model.Run no longer waits for the result.
	Op = ir.Op
	// Array is an input or the result of an Op in a run.
	//
	//	type Array struct {
	//		Shape []int
	//		Data  []float32 // row-major, without gaps
	//	}
	Array = ir.Array
)

// Network returns the network of a float model with its constants, for a program that makes another model of
// it. Its lists and the map of constants are the caller's. Each Constant is the caller's too, but its Shape
// and Data are the model's, and may only be read.
//
// Errors: qtensor.ErrParams for a model with quantized layers, whose float weights are gone; os.ErrClosed
// after Close; for a model of Load, those of reading a constant.
func (m *Model) Network() (*Network, error) {
	var g *Network
	err := m.use(func() (err error) {
		g, err = m.network()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("model: Network: %w", err)
	}
	return g, nil
}

func (m *Model) network() (*Network, error) {
	if len(m.layers) > 0 {
		return nil, fmt.Errorf("%w: got a model with %d quantized layers, want a float model", qtensor.ErrParams, len(m.layers))
	}
	g := copyNetwork(&m.graph)
	for name, t := range g.Constants {
		data, err := m.constants[name].data()
		if err != nil {
			return nil, fmt.Errorf("constant %q: %w", name, err)
		}
		own := *t
		own.Data = data
		g.Constants[name] = &own
	}
	return g, nil
}
