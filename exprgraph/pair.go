package exprgraph

import (
	"fmt"
	"slices"

	"euryale/internal/graphop"
	"euryale/internal/ir"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// pair is one node of a network, built for two batch sizes.
type pair struct{ a, b *gorgonia.Node }

// unsupported is an ErrUnsupported of a node.
type unsupported struct{ node, op, reason string }

func (u unsupported) Error() string {
	return fmt.Sprintf("%v: node %q, op %s: %s", ErrUnsupported, u.node, u.op, u.reason)
}

func (unsupported) Unwrap() error { return ErrUnsupported }

// fail returns an error that names the node and its op.
func (p pair) fail(format string, args ...any) error {
	return unsupported{nameOf(p.a), describe(p.a.Op()), fmt.Sprintf(format, args...)}
}

// nameOf returns the name of a node. A leaf without a name has "".
func nameOf(n *gorgonia.Node) string {
	name := n.Name()
	switch {
	case n.Op() == nil && name == fmt.Sprintf("%s(", n.Op())+")":
		return "" // what Gorgonia makes of no name and no op
	case isConstant(n) && name == fmt.Sprint(n.Value()) && n.Dims() > 0:
		return "" // the elements, shortened
	}
	return name
}

func isConstant(n *gorgonia.Node) bool {
	kind := kindOf(n.Op())
	return kind == "constantScalar" || kind == "constantTensor"
}

// kind returns the type of the op.
func (p pair) kind() string { return kindOf(p.a.Op()) }

// isFake reports whether the op is one of fake quantization.
func (p pair) isFake() bool {
	_, a := p.a.Op().(graphop.Fake)
	_, b := p.b.Op().(graphop.Fake)
	return a && b
}

// shape returns the shape, with ir.Batch where the builds differ.
func (p pair) shape() []int {
	shape := []int(p.a.Shape())
	for i, n := range p.b.Shape() {
		if i < len(shape) && shape[i] != n {
			shape[i] = ir.Batch
		}
	}
	return slices.Clip(shape)
}

// operands returns the operands in order.
func (p pair) operands() ([]pair, error) {
	as, bs := operandsOf(p.a), operandsOf(p.b)
	if len(as) != len(bs) {
		return nil, p.fail("%d operands at one batch size and %d at another, want as many", len(as), len(bs))
	}
	pairs := make([]pair, len(as))
	for i := range as {
		pairs[i] = pair{as[i], bs[i]}
	}
	return pairs, nil
}

// fixed returns fields of the op, integers, that are the same at both batch sizes.
func (p pair) fixed(names ...string) ([]int, error) {
	a, okA := intsOf(p.a.Op(), names...)
	b, okB := intsOf(p.b.Op(), names...)
	switch {
	case !okA || !okB:
		return nil, p.fail("has no fields %v, want those of gorgonia v0.9.18", names)
	case !slices.Equal(a, b):
		return nil, p.fail("%v is %v at one batch size and %v at another, want the same", names, a, b)
	}
	return a, nil
}

// scalar returns the value that p is a constant of.
func (p pair) scalar() (value float32, ok bool) {
	if !isConstant(p.a) || !isConstant(p.b) {
		return 0, false
	}
	a, errA := elements(p.a.Value())
	b, errB := elements(p.b.Value())
	if errA != nil || errB != nil || len(a) != 1 || len(b) != 1 || a[0] != b[0] {
		return 0, false
	}
	return a[0], true
}

func isFloat(p pair) bool { return p.of(tensor.Float32, tensor.Float64) }

func isInteger(p pair) bool { return p.of(tensor.Int) }

// of reports whether elements of both nodes are of one of the types.
func (p pair) of(types ...tensor.Dtype) bool {
	return slices.Contains(types, p.a.Dtype()) && slices.Contains(types, p.b.Dtype())
}

// batches returns how many axes are free.
func batches(shape []int) (n int) {
	for _, size := range shape {
		if size == ir.Batch {
			n++
		}
	}
	return n
}
