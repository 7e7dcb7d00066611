package exprgraph

import (
	"errors"
	"fmt"

	"euryale/internal/dense"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// reader reads nodes on demand, into steps in order.
type reader struct {
	inputs, outputs []*value
	given           gorgonia.Nodes // the inputs of both builds
	steps           []*step
	done            map[pair]*value
	failed          map[pair]error
	calls           bool // whether ops that cannot be read become calls of Gorgonia's
	refusals        refusals

	exact     map[*gorgonia.Node]gorgonia.Value // of constants that were computed, in the type of the graph
	positions map[*gorgonia.Node]*position      // in the first build
	builds    *builds
}

// read returns the value of a node. It is smaller than the node's where that only repeats it along an axis,
// which a model's elementwise operations do by themselves.
func (r *reader) read(p pair) (*value, error) {
	if v, ok := r.done[p]; ok {
		return v, nil
	}
	if err := r.failed[p]; err != nil {
		return nil, err
	}
	v, err := r.make(p)
	if errors.Is(err, ErrUnsupported) {
		v, err = r.refuse(p, err), nil
	}
	if err != nil {
		r.failed[p] = err
		return nil, err
	}
	r.done[p] = v
	return v, nil
}

// deepest bounds how deep reading descends: operands of operands, each a call of read.
var deepest = 10_000 // tests want less

// readDeep reads what lies that deep below the outputs, from the bottom. An error comes again where the value
// is asked for.
func (r *reader) readDeep(outputs []pair) {
	below := func(p pair) []pair {
		if r.done[p] != nil {
			return nil
		}
		operands, err := p.operands()
		if err != nil {
			return nil
		}
		return operands
	}
	height := map[pair]int{}
	for _, p := range postorder(outputs, below) {
		for _, operand := range below(p) {
			height[p] = max(height[p], height[operand]+1)
		}
		if height[p] > 0 && height[p]%deepest == 0 {
			_, _ = r.read(p) // which keeps the error
		}
	}
}

func (r *reader) make(p pair) (*value, error) {
	switch {
	case p.a.Dims() != p.b.Dims() || p.kind() != kindOf(p.b.Op()):
		return nil, p.fail("shape %v at one batch size, op %s with shape %v at another, want the same op with as many axes",
			p.a.Shape(), describe(p.b.Op()), p.b.Shape())
	case !isFloat(p) && !p.has(tensor.Bool) && (!isInteger(p) || p.kind() != "reshapeOp"):
		return nil, p.fail("of %v, want float32, float64 or bool", p.a.Type())
	case p.a.Op() == nil || isConstant(p.a):
		return r.leaf(p)
	case p.of != nil && p.of.failed[p.a] != nil:
		return nil, p.fail("%v", p.of.failed[p.a])
	}
	operands, err := p.operands()
	if err != nil {
		return nil, err
	}
	if len(operands) == 0 {
		return nil, p.fail("no operands, want them in the node's graph")
	}
	if p.isFake() {
		return readFake(r, p, operands)
	}
	v, err := r.constant(p, operands)
	if v != nil || err != nil {
		return v, err
	}
	if read, ok := readers[p.kind()]; ok {
		v, err = read(r, p, operands)
	} else {
		err = p.fail("want an operation that a model has")
	}
	if errors.Is(err, ErrUnsupported) && r.calls {
		return r.call(p, operands, err)
	}
	return v, err
}

// elements returns the elements in row-major order, for reading: 1 for true and 0 for false.
func elements(v gorgonia.Value) ([]float32, error) {
	switch v := v.(type) {
	case tensor.Tensor:
		if v.Dtype() == tensor.Bool {
			list, err := dense.Slice[bool](v)
			return truths(list...), err
		}
		return dense.Float32s(v)
	case gorgonia.Scalar:
		switch x := v.Data().(type) {
		case float32:
			return []float32{x}, nil
		case float64:
			return []float32{float32(x)}, nil
		case bool:
			return truths(x), nil
		}
	}
	return nil, fmt.Errorf("a value of type %T, want float32 or float64", v)
}

// truths returns 1 for true and 0 for false.
func truths(list ...bool) []float32 {
	x := make([]float32, len(list))
	for i, is := range list {
		if is {
			x[i] = 1
		}
	}
	return x
}
