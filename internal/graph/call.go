package graph

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"euryale/internal/flow"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A node that no operation of flow stands for stays Gorgonia's: a call of its op in a graph that is built for the batch.

// opCall is the operation of nodes with a Call.
const opCall = "Call"

// impure are ops whose results are not of their operands alone, or others in training than in evaluation.
var impure = []string{"BatchNormOp", "dropoutOp", "randomOp", "Iop"}

// call returns the value of a node by its own op; why says what kept it from being read.
func (r *reader) call(p pair, operands []pair, why error) (*value, error) {
	shape := p.shape()
	if slices.Contains(impure, p.kind()) || batches(shape) > 1 {
		return nil, why
	}
	path, ok := r.find(p.a)
	if !ok {
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
	y := r.add(flow.Node{Op: opCall}, shape, in...)
	c := &call{builds: r.builds, path: path, op: reflect.TypeOf(p.a.Op()), given: given}
	y.from.call = &flow.Call{What: what, Shape: shape, Run: c.run}
	return y, nil
}

// find returns the way to a node: the number of an output, and then of operands.
func (r *reader) find(n *gorgonia.Node) (path []int, ok bool) {
	seen := map[*gorgonia.Node]bool{}
	var walk func(from *gorgonia.Node) bool
	walk = func(from *gorgonia.Node) bool {
		if from == n {
			return true
		}
		if seen[from] {
			return false
		}
		seen[from] = true
		for i, operand := range operandsOf(from) {
			path = append(path, i)
			if walk(operand) {
				return true
			}
			path = path[:len(path)-1]
		}
		return false
	}
	for i, output := range r.roots {
		path = append(path[:0], i)
		if walk(output) {
			return path, true
		}
	}
	return nil, false
}

// builds makes the graphs of a network, and keeps those for some batch sizes. One call runs at a time: ops may hold memory.
type builds struct {
	build func(batch int) (Source, error)
	lock  sync.Mutex
	kept  []built // the last used last
}

type built struct {
	batch  int
	source Source
}

// mostBuilt bounds the graphs that are kept.
const mostBuilt = 4

// at returns the graph for a batch size. The lock is held.
func (b *builds) at(batch int) (Source, error) {
	if i := slices.IndexFunc(b.kept, func(k built) bool { return k.batch == batch }); i >= 0 {
		k := b.kept[i]
		b.kept = append(slices.Delete(b.kept, i, i+1), k)
		return k.source, nil
	}
	s, err := b.build(batch)
	if err != nil {
		return Source{}, fmt.Errorf("build for batch size %d: %w", batch, err)
	}
	b.kept = append(b.kept, built{batch, s})
	if len(b.kept) > mostBuilt {
		b.kept = slices.Delete(b.kept, 0, 1)
	}
	return s, nil
}

// call is one node of a network, in any graph of it.
type call struct {
	builds *builds
	path   []int
	op     reflect.Type
	given  []bool // operands that come from outside; the graph has the others
}

// run returns what the op makes of the operands. A panic of Gorgonia is an error.
func (c *call) run(_ context.Context, batch int, in []flow.Tensor) (out flow.Tensor, err error) {
	c.builds.lock.Lock()
	defer c.builds.lock.Unlock()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("gorgonia panics: %v", r)
		}
	}()
	s, err := c.builds.at(batch)
	if err != nil {
		return out, err
	}
	n := c.follow(s)
	if n == nil {
		return out, fmt.Errorf("%w: the graph for batch size %d has another node in the place of %v", ErrUnsupported, batch, c.op)
	}
	var values []gorgonia.Value
	for i, operand := range operandsOf(n) {
		v := operand.Value()
		if c.given[i] {
			if v, err = valueOf(operand, in[0].Data); err != nil {
				return out, err
			}
			in = in[1:]
		}
		values = append(values, v)
	}
	y, err := n.Op().Do(values...)
	if err != nil {
		return out, err
	}
	data, err := elements(y)
	return flow.Tensor{Shape: n.Shape(), Data: data}, err
}

// follow returns the node of the call, nil where the graph has another one there.
func (c *call) follow(s Source) *gorgonia.Node {
	if c.path[0] >= len(s.Outputs) || s.Outputs[c.path[0]] == nil {
		return nil
	}
	n := s.Outputs[c.path[0]]
	for _, i := range c.path[1:] {
		operands := operandsOf(n)
		if i >= len(operands) {
			return nil
		}
		n = operands[i]
	}
	if reflect.TypeOf(n.Op()) != c.op || len(operandsOf(n)) != len(c.given) {
		return nil
	}
	return n
}

// valueOf returns a copy of numbers as a value for a node.
func valueOf(n *gorgonia.Node, x []float32) (gorgonia.Value, error) {
	if len(x) != size(n.Shape()) {
		return nil, fmt.Errorf("got %d numbers for %q of shape %v", len(x), nameOf(n), n.Shape())
	}
	if n.Dtype() == tensor.Float64 {
		wide := make([]float64, len(x))
		for i, v := range x {
			wide[i] = float64(v)
		}
		return newValue(n, wide, func(v float64) gorgonia.Value { return gorgonia.NewF64(v) }), nil
	}
	return newValue(n, slices.Clone(x), func(v float32) gorgonia.Value { return gorgonia.NewF32(v) }), nil
}

func newValue[T any](n *gorgonia.Node, x []T, scalar func(T) gorgonia.Value) gorgonia.Value {
	if n.IsScalar() {
		return scalar(x[0])
	}
	return tensor.New(tensor.WithShape(n.Shape().Clone()...), tensor.WithBacking(x))
}
