package exprgraph

import (
	"context"
	"fmt"

	"euryale/internal/dense"
	"euryale/internal/graphop"
	"euryale/model"
	"euryale/qtensor"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Embed returns nodes for the outputs of m, by name, computed from inputs: nodes of one graph, by the names
// of m.Inputs(). Inputs of model.Int64 are int; all others are float32, or all are float64, and so are the
// outputs. The batch is that of the inputs.
//
// Each output node runs the whole model by itself, so a model of two outputs runs twice. There is no
// gradient: a LispMachine needs gorgonia.ExecuteFwdOnly.
//
// Errors: qtensor.ErrParams for a nil model, one without inputs or outputs, and inputs of several graphs;
// qtensor.ErrNotFound for an input that is missing or that the model does not have; qtensor.ErrShape and
// qtensor.ErrDtype for an input, and for an output without axes. RunAll of the machine returns those of
// model.Model.Run, and ErrPanic.
func Embed(m *model.Model, inputs map[string]*gorgonia.Node) (map[string]*gorgonia.Node, error) {
	outputs, err := embed(m, inputs)
	if err != nil {
		return nil, fmt.Errorf("exprgraph: Embed: %w", err)
	}
	return outputs, nil
}

func embed(m *model.Model, inputs map[string]*gorgonia.Node) (map[string]*gorgonia.Node, error) {
	if m == nil || len(m.Inputs()) == 0 || len(m.Outputs()) == 0 {
		return nil, fmt.Errorf("%w: got no model, or one without inputs or outputs", qtensor.ErrParams)
	}
	nodes, dtype, err := inputNodes(m, inputs)
	if err != nil {
		return nil, err
	}
	outputs := map[string]*gorgonia.Node{}
	for i, out := range m.Outputs() {
		op := &embedded{graphop.NewBase("Model " + out.Name), m, i, dtype, 0}
		shape, err := op.shape(nodes)
		if err != nil {
			return nil, err
		}
		if op.rank = len(shape); op.rank == 0 {
			return nil, fmt.Errorf("%w: output %q has no axes, want one or more", qtensor.ErrShape, out.Name)
		}
		y, err := gorgonia.ApplyOp(op, nodes...)
		if err != nil {
			return nil, err
		}
		outputs[out.Name] = y
	}
	return outputs, nil
}

// inputNodes returns the nodes of inputs in the order of the model's, and the type of the float ones.
func inputNodes(m *model.Model, inputs map[string]*gorgonia.Node) (nodes gorgonia.Nodes, dtype tensor.Dtype, err error) {
	for _, in := range m.Inputs() {
		n := inputs[in.Name]
		if n == nil {
			return nil, dtype, fmt.Errorf("%w: got no input %q", qtensor.ErrNotFound, in.Name)
		}
		t, ok := n.Type().(gorgonia.TensorType) // the others have no Dims and Dtype, and panic when asked
		switch {
		case ok && in.Type == model.Int64 && t.Of == tensor.Int:
		case ok && in.Type != model.Int64 && (t.Of == tensor.Float32 || t.Of == tensor.Float64) &&
			(dtype == tensor.Dtype{} || n.Dtype() == dtype):
			dtype = n.Dtype()
		default:
			return nil, dtype, fmt.Errorf("%w: input %q is a %v, want int for an int64 input, one of float32 and float64 for all others",
				qtensor.ErrDtype, in.Name, n.Type())
		}
		if n.Graph() == nil || n.Graph() != inputs[m.Inputs()[0].Name].Graph() {
			return nil, dtype, fmt.Errorf("%w: input %q is in no graph, or in another one than %q, want all in one",
				qtensor.ErrParams, in.Name, m.Inputs()[0].Name)
		}
		nodes = append(nodes, n)
	}
	if len(inputs) != len(nodes) {
		return nil, dtype, fmt.Errorf("%w: got %d inputs, want the model's %d", qtensor.ErrNotFound, len(inputs), len(nodes))
	}
	if dtype == (tensor.Dtype{}) {
		dtype = tensor.Float32
	}
	return nodes, dtype, nil
}

// embedded is an output of a model as an op.
type embedded struct {
	graphop.Base
	m      *model.Model
	output int
	dtype  tensor.Dtype
	rank   int // of the output
}

// shape returns that of the output for inputs with the shapes that they should have.
func (e *embedded) shape(nodes gorgonia.Nodes) (tensor.Shape, error) {
	shapes := make([]tensor.Shape, len(nodes))
	for i, n := range nodes {
		shapes[i] = n.Shape()
	}
	return e.shapeOf(shapes)
}

func (e *embedded) shapeOf(shapes []tensor.Shape) (tensor.Shape, error) {
	inputs := map[string]tensor.Shape{}
	for i, in := range e.m.Inputs() {
		if len(shapes[i]) != len(in.Shape) {
			return nil, fmt.Errorf("%w: input %q is %v, want the axes of %v", qtensor.ErrShape, in.Name, shapes[i], in.Shape)
		}
		inputs[in.Name] = shapes[i]
	}
	outputs, err := e.m.Shapes(inputs)
	return outputs[e.m.Outputs()[e.output].Name], err
}

// Arity returns the number of inputs.
func (e *embedded) Arity() int { return len(e.m.Inputs()) }

// Type returns the inputs' types → the output's.
func (e *embedded) Type() hm.Type {
	var types []hm.Type
	for _, in := range e.m.Inputs() {
		of := e.dtype
		if in.Type == model.Int64 {
			of = tensor.Int
		}
		types = append(types, gorgonia.TensorType{Dims: len(in.Shape), Of: of})
	}
	return hm.NewFnType(append(types, gorgonia.TensorType{Dims: e.rank, Of: e.dtype})...)
}

// InferShape returns the shape of the output.
func (e *embedded) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes := make([]tensor.Shape, len(inputs))
	for i, in := range inputs {
		shape, ok := in.(tensor.Shape)
		if !ok {
			return nil, fmt.Errorf("exprgraph: %v: %w: got a %T, want a shape", e, qtensor.ErrShape, in)
		}
		shapes[i] = shape
	}
	if len(shapes) != e.Arity() {
		return nil, fmt.Errorf("exprgraph: %v: %w: got %d inputs, want %d", e, qtensor.ErrShape, len(shapes), e.Arity())
	}
	shape, err := e.shapeOf(shapes)
	if err != nil {
		return nil, fmt.Errorf("exprgraph: %v: %w", e, err)
	}
	return shape, nil
}

// Do runs the model.
func (e *embedded) Do(inputs ...gorgonia.Value) (y gorgonia.Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			y, err = nil, fmt.Errorf("exprgraph: %v: %w: %v", e, ErrPanic, r)
		}
	}()
	if len(inputs) != e.Arity() {
		return nil, fmt.Errorf("exprgraph: %v: %w: got %d inputs, want %d", e, qtensor.ErrShape, len(inputs), e.Arity())
	}
	in := map[string]tensor.Tensor{}
	for i, info := range e.m.Inputs() {
		t, ok := inputs[i].(tensor.Tensor)
		if !ok {
			return nil, fmt.Errorf("exprgraph: %v: %w: got %T for %q, want a tensor", e, qtensor.ErrShape, inputs[i], info.Name)
		}
		in[info.Name] = t
	}
	out, err := e.m.Run(context.Background(), in)
	if err != nil {
		return nil, fmt.Errorf("exprgraph: %v: %w", e, err)
	}
	result := out[e.m.Outputs()[e.output].Name].(*tensor.Dense)
	if e.dtype == tensor.Float32 {
		return result, nil
	}
	x := result.Float32s()
	wide := make([]float64, len(x))
	for i, v := range x {
		wide[i] = float64(v)
	}
	return dense.New(wide, result.Shape()), nil
}

// DiffWRT reports that the model has no gradient.
func (e *embedded) DiffWRT(inputs int) []bool { return make([]bool, max(inputs, 0)) }

// SymDiff returns an error, and goes with DiffWRT: Gorgonia asks for both or none.
func (e *embedded) SymDiff(gorgonia.Nodes, *gorgonia.Node, *gorgonia.Node) (gorgonia.Nodes, error) {
	return nil, fmt.Errorf("exprgraph: %v: has no gradient", e)
}

// DoDiff returns an error, as a LispMachine that computes gradients asks for it.
func (e *embedded) DoDiff(gorgonia.ExecutionContext, gorgonia.Nodes, *gorgonia.Node) error {
	return fmt.Errorf("exprgraph: %v: has no gradient, want gorgonia.ExecuteFwdOnly for a LispMachine", e)
}
