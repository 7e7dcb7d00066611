package exprgraph

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"euryale/internal/dense"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// evaluate returns what the outputs of a graph are for its inputs, in evaluation: Dropout is nothing, and
// BatchNorm normalizes by its Stats. Inputs are elements in row-major order, as many as the node's shape has,
// and so are the outputs.
//
// Ops run one after the other in the caller's goroutine, and only those that the outputs need. They get
// copies of their operands, and Gorgonia's own are copied too, so nothing of the graph changes, and nodes
// that share memory in a TapeMachine do not here.
//
// ctx is looked at between ops. Errors: ctx's; ErrOp, which names node and op; ErrUnsupported for inputs and
// outputs that are no nodes, inputs of other sizes, and nodes without an op and without a value.
func evaluate(ctx context.Context, s Graph, inputs [][]float32) ([][]float32, error) {
	return evaluateWith(ctx, s, inputs, nil)
}

// evaluateWith is evaluate with values that change, once each, also of inputs and constants: nil for none.
func evaluateWith(ctx context.Context, s Graph, inputs [][]float32, change disturb) ([][]float32, error) {
	nodes, err := order(s)
	if err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	e := evaluation{values: map[*gorgonia.Node]gorgonia.Value{}, uses: map[*gorgonia.Node]int{}}
	if err := e.give(s.Inputs, inputs); err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	for _, n := range s.Outputs {
		e.uses[n]++
	}
	for _, n := range nodes {
		for _, operand := range operandsOf(n) {
			e.uses[operand]++
		}
	}
	for _, n := range nodes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := e.evaluate(n); err != nil {
			return nil, fmt.Errorf("evaluate: node %q, op %s: %w", nameOf(n), describe(n.Op()), err)
		}
		if change == nil {
			continue
		}
		if e.values[n], err = change(n, e.values[n]); err != nil {
			return nil, fmt.Errorf("evaluate: node %q: %w", nameOf(n), err)
		}
	}
	outputs := make([][]float32, len(s.Outputs))
	for i, y := range s.Outputs {
		x, err := elements(e.values[y])
		if err != nil {
			return nil, fmt.Errorf("evaluate: output %q: %w", nameOf(y), err)
		}
		outputs[i] = slices.Clone(x)
	}
	return outputs, nil
}

// evaluation is the state of one call of evaluate.
type evaluation struct {
	values map[*gorgonia.Node]gorgonia.Value
	uses   map[*gorgonia.Node]int // those to come of a value
}

func (e *evaluation) give(nodes gorgonia.Nodes, inputs [][]float32) error {
	if len(nodes) != len(inputs) {
		return fmt.Errorf("%w: got elements for %d inputs, want %d", ErrUnsupported, len(inputs), len(nodes))
	}
	for i, n := range nodes {
		v, err := valueOf(n, inputs[i])
		if err != nil {
			return err
		}
		e.values[n] = v
	}
	return nil
}

// evaluate gives a node its value, and forgets those of operands that nothing else needs.
func (e *evaluation) evaluate(n *gorgonia.Node) error {
	if e.values[n] != nil {
		return nil // an input
	}
	below := operandsOf(n)
	if len(below) == 0 && (n.Op() == nil || isConstant(n)) {
		v, err := fresh(n.Value())
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
		e.values[n] = v
		return nil
	}
	operands := make([]gorgonia.Value, len(below))
	for i, operand := range below {
		operands[i] = e.values[operand]
	}
	v, err := apply(n.Op(), operands)
	if err != nil {
		return err
	}
	if want := n.Shape(); size(v.Shape()) != size(want) {
		return fmt.Errorf("%w: got shape %v, want %v", ErrOp, v.Shape(), want)
	}
	e.values[n] = v
	for _, operand := range below {
		if e.uses[operand]--; e.uses[operand] == 0 {
			delete(e.values, operand)
		}
	}
	return nil
}

// apply returns what an op makes of operands, in evaluation, in memory of its own. The op works on copies of
// them, and of itself if it is one of Gorgonia's. A panic is an error.
func apply(op gorgonia.Op, operands []gorgonia.Value) (y gorgonia.Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			y, err = nil, fmt.Errorf("%w: it panics: %v", ErrOp, r)
		}
	}()
	op = copyOf(op)
	if mode, ok := op.(gorgonia.TrainModeOp); ok && kindOf(op) != "" {
		if err := mode.SetTraining(false); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrOp, err)
		}
	}
	copies := make([]gorgonia.Value, len(operands))
	for i, v := range operands {
		if copies[i], err = fresh(v); err != nil {
			return nil, fmt.Errorf("%w: operand %d: %w", ErrOp, i, err)
		}
	}
	if err := guard(op, copies); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOp, err)
	}
	made, err := op.Do(copies...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOp, err)
	}
	if y, err = fresh(made); err != nil {
		return nil, fmt.Errorf("%w: its result: %w", ErrOp, err)
	}
	return y, nil
}

// fresh returns a copy of a value in memory of its own, row-major whatever the layout was.
func fresh(v gorgonia.Value) (gorgonia.Value, error) {
	switch v := v.(type) {
	case nil:
		return nil, errors.New("no value, want one, or the node among the inputs")
	case gorgonia.Scalar:
		return gorgonia.CloneValue(v)
	case *tensor.Dense:
		if v == nil || v.Dtype().Type == nil {
			return nil, errors.New("a tensor that nothing was put into")
		}
		if clone, ok := clones[v.Dtype()]; ok {
			return clone(v)
		}
		return nil, fmt.Errorf("%w: got %v, want float32, float64, int, int32, int64, uint8 or bool", dense.ErrDtype, v.Dtype())
	}
	return nil, fmt.Errorf("%w: got a %T, want a scalar or a *tensor.Dense", dense.ErrLayout, v)
}

// clones return copies of tensors by the types of their elements.
var clones = map[tensor.Dtype]func(*tensor.Dense) (gorgonia.Value, error){
	tensor.Float32: clone[float32], tensor.Float64: clone[float64], tensor.Int: clone[int], tensor.Int32: clone[int32],
	tensor.Int64: clone[int64], tensor.Uint8: clone[uint8], tensor.Bool: clone[bool],
}

func clone[T any](d *tensor.Dense) (gorgonia.Value, error) {
	x, err := dense.Slice[T](d)
	if err != nil {
		return nil, err
	}
	if len(x) == 0 {
		return nil, fmt.Errorf("%w: got shape %v, want elements", dense.ErrLayout, d.Shape())
	}
	return dense.New(slices.Clone(x), d.Shape()), nil
}
