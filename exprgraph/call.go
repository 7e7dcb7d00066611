package exprgraph

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"euryale/internal/dense"
	"euryale/internal/ir"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A node that package model has no operation for stays Gorgonia's: a call of its op, in a graph that is built
// for the batch.

// impure are ops whose results are not of their operands alone, or others in training than in evaluation.
var impure = []string{"BatchNormOp", "dropoutOp", "randomOp", "Iop"}

// call returns the value of a node by its own op; why says what kept it from being read.
func (r *reader) call(p pair, operands []pair, why error) (*value, error) {
	shape := p.shape()
	if slices.Contains(impure, p.kind()) || slices.Contains(unguarded, p.kind()) || batches(shape) > 1 {
		return nil, why
	}
	var in []*value
	given := make([]bool, len(operands))
	for i, operand := range operands {
		if !isFloat(operand) && operand.a.Op() == nil && operand.a.Value() != nil && operand.b.Value() != nil {
			continue // such as indices: the graph that is built has them
		}
		if !isFloat(operand) {
			return nil, why
		}
		v, err := r.read(operand)
		if err != nil {
			return nil, err
		}
		if !slices.Equal(v.shape, operand.shape()) { // repeated, which is left to elementwise operations
			below, err := operand.operands()
			if err != nil {
				return nil, err
			}
			if v, err = r.call(operand, below, why); err != nil {
				return nil, err
			}
		}
		in, given[i] = append(in, v), true
	}
	if len(in) == 0 {
		return nil, why
	}
	what := describe(p.a.Op())
	if u, ok := errors.AsType[unsupported](why); ok {
		what += ": " + u.reason
	}
	c := &call{what: what, shape: slices.Clone(shape), builds: r.builds, position: r.positions[p.a], op: reflect.TypeOf(p.a.Op()), given: given}
	for axis, d := range shape {
		if d == ir.Batch {
			c.shape[axis] = -p.multiple(axis)
		}
	}
	if p.of != nil {
		var err error
		if c.own, err = newOwnOp(p.a, given); err != nil {
			return nil, p.fail("%v", err)
		}
	}
	return r.add(ir.Node{Op: ir.OpForeign, Foreign: c}, shape, in...), nil
}

// position is where a node is: an output, or an operand of the node in another position.
type position struct {
	of *position // nil for an output
	i  int       // the index of the output or operand
}

// findPositions returns positions of the nodes that outputs need.
func findPositions(outputs gorgonia.Nodes) map[*gorgonia.Node]*position {
	positions := map[*gorgonia.Node]*position{}
	var list []*gorgonia.Node
	add := func(n *gorgonia.Node, at position) {
		if positions[n] == nil {
			positions[n] = &at
			list = append(list, n)
		}
	}
	for i, n := range outputs {
		add(n, position{i: i})
	}
	for next := 0; next < len(list); next++ {
		for i, operand := range operandsOf(list[next]) {
			add(operand, position{positions[list[next]], i})
		}
	}
	return positions
}

// call is one node of a network, in any graph of it: an ir.Op.
type call struct {
	what     string
	shape    []int // of the result
	builds   *builds
	position *position
	op       reflect.Type
	given    []bool // operands that come from outside; the graph has the others
	own      *ownOp // of a node of one graph, which has no builds
}

// String says what is called.
func (c *call) String() string { return "Gorgonia's " + c.what }

// Shape returns the shape of the result, which is the same for all inputs that the network gives.
func (c *call) Shape([][]int) ([]int, error) { return c.shape, nil }

// Run returns what the op makes of the operands. It may go on when nobody waits for it any more: what it
// works on is its own, and it lets others build at its end.
func (c *call) Run(ctx context.Context, batch int, in []ir.Array) (out ir.Array, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: gorgonia panics: %v", ErrOp, r)
		}
	}()
	if c.own != nil {
		shape := make([]int, len(c.shape))
		ir.Size(c.shape).Put(shape, batch)
		return c.own.run(ctx, shape, in)
	}
	b, err := c.builds.at(ctx, batch)
	if err != nil {
		return out, err
	}
	n, values, err := b.operandsFor(c, in)
	if err != nil {
		return out, err
	}
	var y gorgonia.Value
	do := func() error {
		y, err = apply(n.Op(), values)
		return err
	}
	if kindOf(n.Op()) != "" {
		err = do()
	} else { // which may keep what it computes in its own memory
		err = c.builds.turn.take(ctx, do)
	}
	if err != nil {
		return out, err
	}
	data, err := elements(y)
	return ir.Array{Shape: n.Shape(), Data: data}, err
}

// built is a graph for a batch size.
type built struct {
	batch  int
	source Graph
	lock   sync.Mutex                   // of nodes
	nodes  map[*position]*gorgonia.Node // those that were looked at
}

// operandsFor returns the node of a call and its operands: in, and what the graph has.
func (b *built) operandsFor(c *call, in []ir.Array) (*gorgonia.Node, []gorgonia.Value, error) {
	b.lock.Lock()
	defer b.lock.Unlock()
	n := b.node(c.position)
	var operands []*gorgonia.Node
	if n != nil {
		operands = operandsOf(n)
	}
	if n == nil || reflect.TypeOf(n.Op()) != c.op || len(operands) != len(c.given) {
		return nil, nil, fmt.Errorf("%w: the graph for batch size %d has another node in the place of %v",
			ErrUnsupported, b.batch, c.op)
	}
	values := make([]gorgonia.Value, len(operands))
	for i, operand := range operands {
		if !c.given[i] {
			values[i] = operand.Value()
			continue
		}
		v, err := valueOf(operand, in[0].Data)
		if err != nil {
			return nil, nil, err
		}
		values[i], in = v, in[1:]
	}
	return n, values, nil
}

// node returns what is at a position, nil where the graph has none. The lock is held.
func (b *built) node(at *position) *gorgonia.Node {
	var way []*position // down from what is known
	for ; at != nil && b.nodes[at] == nil; at = at.of {
		way = append(way, at)
	}
	n := b.nodes[at]
	for _, at := range slices.Backward(way) {
		list := b.source.Outputs
		if at.of != nil {
			list = operandsOf(n)
		}
		if at.i >= len(list) || !isNode(list[at.i]) {
			return nil
		}
		n = list[at.i]
		b.nodes[at] = n
	}
	return n
}

// valueOf returns a copy of x as a value for a node.
func valueOf(n *gorgonia.Node, x []float32) (gorgonia.Value, error) {
	if len(x) != size(n.Shape()) || len(x) == 0 {
		return nil, fmt.Errorf("%w: got %d elements for %q of shape %v, want as many, at least one", ErrUnsupported,
			len(x), nameOf(n), n.Shape())
	}
	return valueAs(n.Dtype(), n.Shape(), x)
}

// valueAs returns a copy of x as a value of a type and a shape, which is a scalar without axes.
func valueAs(dt tensor.Dtype, shape []int, x []float32) (gorgonia.Value, error) {
	switch dt {
	case tensor.Float32:
		return newValue(shape, slices.Clone(x), func(v float32) gorgonia.Value { return gorgonia.NewF32(v) }), nil
	case tensor.Float64:
		return newValue(shape, converted[float64](x), func(v float64) gorgonia.Value { return gorgonia.NewF64(v) }), nil
	case tensor.Int:
		return newValue(shape, converted[int](x), func(v int) gorgonia.Value { return gorgonia.NewI(v) }), nil
	}
	return nil, fmt.Errorf("%w: got %v, want float32, float64 or int", ErrUnsupported, dt)
}

func converted[T float64 | int](x []float32) []T {
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v)
	}
	return y
}

func newValue[T any](shape []int, x []T, scalar func(T) gorgonia.Value) gorgonia.Value {
	if len(shape) == 0 {
		return scalar(x[0])
	}
	return dense.New(x, shape)
}
