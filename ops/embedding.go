package ops

import (
	"fmt"

	"euryale/internal/dense"
	"euryale/internal/graphop"
	"euryale/internal/nn"
	"euryale/qtensor"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Embedding returns y[i] = r[indices[i]], the rows of a quantized weight, dequantized, for indices of shape
// (…), weight of shape (rows, width) and y of shape (…, width), as PyTorch's nn.Embedding and ONNX's Gather
// along axis 0. y is float32, bit for bit what weight.Dequantize has there. A weight of more axes gives y all
// but the first. Every scheme will do. The weight is not copied: any number of layers, graphs and goroutines
// may share one.
//
// indices are int. Errors: qtensor.ErrDtype for others; qtensor.ErrShape for no node of a graph, for a weight
// that is nil or has fewer than two axes, and for a y of more than 2^32 elements, or 2^29 where int has 32
// bits. When the graph runs, an index outside of 0 … rows − 1 is qtensor.ErrValue. There is no gradient.
func Embedding(indices *gorgonia.Node, weight *qtensor.QTensor) (*gorgonia.Node, error) {
	e, err := newEmbedding(indices, weight)
	return apply("Embedding", e, indices, err)
}

// embedding is the op; the weight is captured, so that it has one input.
type embedding struct {
	graphop.Base
	operand // the indices
	weight  *qtensor.QTensor
	shape   tensor.Shape // of the weight
}

func newEmbedding(indices *gorgonia.Node, weight *qtensor.QTensor) (*embedding, error) {
	if weight == nil {
		return nil, fmt.Errorf("%w: got no weight, want (rows, width)", qtensor.ErrShape)
	}
	o, err := operandOf(indices, ints)
	if err != nil {
		return nil, fmt.Errorf("indices: %w", err)
	}
	e := &embedding{operand: o, weight: weight, shape: weight.Shape()}
	if len(e.shape) < 2 {
		return nil, fmt.Errorf("%w: weight is %v, want (rows, width)", qtensor.ErrShape, e.shape)
	}
	e.Base = graphop.NewBase(fmt.Sprintf("embedding%v %v", e.shape, weight.Scheme()))
	return e, nil
}

// result returns (…, width) for (…).
func (e *embedding) result(indices tensor.Shape) (tensor.Shape, error) {
	return nn.Bounded(append(indices.Clone(), e.shape[1:]...))
}

// Type returns int, or a tensor of it, → tensor of float32.
func (e *embedding) Type() hm.Type {
	y := gorgonia.TensorType{Dims: e.dims + len(e.shape) - 1, Of: tensor.Float32}
	return hm.NewFnType(e.typ, y)
}

// InferShape returns the shape of the result. Gorgonia does not compare ranks by type, so they are checked
// here.
func (e *embedding) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, e.dims)
	if err == nil {
		var out tensor.Shape
		if out, err = e.result(shapes[0]); err == nil {
			return out, nil
		}
	}
	return nil, fmt.Errorf("ops: %v: %w", e, err)
}

// Do takes the rows into a fresh tensor.
func (e *embedding) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	y, err := e.do(inputs)
	if err != nil {
		return nil, fmt.Errorf("ops: %v: %w", e, err)
	}
	return y, nil
}

func (e *embedding) do(inputs []gorgonia.Value) (gorgonia.Value, error) {
	if len(inputs) != 1 {
		return nil, fmt.Errorf("%w: got %d inputs, want 1", qtensor.ErrShape, len(inputs))
	}
	indices, in, err := indicesOf(inputs[0])
	if err != nil {
		return nil, err
	}
	// Slicing drops axes of size 1: they come back, in front.
	for len(in) < e.dims {
		in = append(tensor.Shape{1}, in...)
	}
	if len(in) > e.dims {
		return nil, fmt.Errorf("%w: indices are %v, want %d dimensions", qtensor.ErrShape, in, e.dims)
	}
	shape, err := e.result(in)
	if err != nil {
		return nil, err
	}
	y := make([]float32, shape.TotalSize())
	if err := e.weight.DequantizeRows(y, indices); err != nil {
		return nil, err
	}
	return dense.New(y, shape), nil
}

// indicesOf returns the elements of a value that is int, and its shape.
func indicesOf(v gorgonia.Value) ([]int, tensor.Shape, error) {
	switch v := v.(type) {
	case *gorgonia.I:
		if v == nil {
			return nil, nil, fmt.Errorf("%w: got nil, want indices", qtensor.ErrShape)
		}
		return []int{int(*v)}, tensor.Shape{}, nil
	case tensor.Tensor:
		indices, err := dense.Slice[int](v)
		if err != nil {
			return nil, nil, err
		}
		return indices, v.Shape().Clone(), nil
	}
	return nil, nil, fmt.Errorf("%w: got %T, want a tensor", qtensor.ErrShape, v)
}

// Arity returns 1.
func (e *embedding) Arity() int { return 1 }

// DiffWRT reports that there is no gradient with respect to indices.
func (e *embedding) DiffWRT(inputs int) []bool { return make([]bool, max(inputs, 0)) }

// SymDiff returns an error, and goes with DiffWRT: Gorgonia asks for both or none.
func (e *embedding) SymDiff(gorgonia.Nodes, *gorgonia.Node, *gorgonia.Node) (gorgonia.Nodes, error) {
	return nil, fmt.Errorf("ops: %v: has no gradient, want none asked for with respect to indices", e)
}

// DoDiff returns an error, as a layer's does.
func (e *embedding) DoDiff(gorgonia.ExecutionContext, gorgonia.Nodes, *gorgonia.Node) error {
	return fmt.Errorf("ops: %v: has no gradient, want gorgonia.ExecuteFwdOnly for a LispMachine", e)
}
