package exprgraph

import (
	"fmt"
	"slices"

	"euryale/internal/graphop"
	"euryale/internal/ir"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// pair is one node of a network, built for two batch sizes; or a node of one graph, twice, with the symbols of
// that graph.
type pair struct {
	a, b *gorgonia.Node
	of   *symbols // nil for two builds
}

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

// shape returns the shape, with ir.Batch for an axis that has the batch in it, where builds differ.
func (p pair) shape() []int {
	if p.of != nil {
		return p.of.known[p.a].numbers()
	}
	shape := []int(p.a.Shape())
	for i, n := range p.b.Shape() {
		if i < len(shape) && shape[i] != n {
			shape[i] = ir.Batch
		}
	}
	return slices.Clip(shape)
}

// multiple returns how many times the batch an axis has, which has the batch in it.
func (p pair) multiple(axis int) int {
	if p.of == nil {
		m := p.a.Shape()[axis] / batchA
		if m*batchA != p.a.Shape()[axis] || m*batchB != p.b.Shape()[axis] {
			return 1 // such as the batch and one more
		}
		return m
	}
	outer, _, inner := p.of.known[p.a][axis].around()
	return outer * inner
}

// sides returns the nodes: one, or those of two builds.
func (p pair) sides() []*gorgonia.Node {
	if p.of != nil {
		return []*gorgonia.Node{p.a}
	}
	return []*gorgonia.Node{p.a, p.b}
}

// operands returns the operands in order.
func (p pair) operands() ([]pair, error) {
	as, bs := operandsOf(p.a), operandsOf(p.b)
	if len(as) != len(bs) {
		return nil, p.fail("%d operands at one batch size and %d at another, want as many", len(as), len(bs))
	}
	pairs := make([]pair, len(as))
	for i := range as {
		pairs[i] = pair{as[i], bs[i], p.of}
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

func isFloat(p pair) bool { return p.has(tensor.Float32, tensor.Float64) }

func isInteger(p pair) bool { return p.has(tensor.Int) }

// has reports whether elements of both nodes are of one of the types.
func (p pair) has(types ...tensor.Dtype) bool {
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
