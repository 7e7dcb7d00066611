package exprgraph

import (
	"errors"
	"fmt"
	"slices"

	"euryale/internal/ir"

	"gorgonia.org/gorgonia"
)

// Two batch sizes, neither of them 1, which Gorgonia takes for no axis at all.
const batchA, batchB = 2, 3

// network is a network as it was read, and folded, with the same inputs and outputs in the same order.
type network struct {
	// read does what the graph does, operation by operation, in the order in which Gorgonia rounds.
	read *ir.Network
	// folded has normalizations, and biases, in the layer before them, convolutions of slices in groups, and
	// weights as the graph has them.
	folded *ir.Network
}

// readNetwork returns the network that build makes, with the batch size free: it builds at two batch sizes
// and takes as ir.Batch what differs. Ops that cannot be read become calls, or are an error.
func readNetwork(build Build, calls bool) (*network, error) {
	r, err := read(build, calls)
	if err != nil {
		return nil, err
	}
	return r.network()
}

// network returns what was read.
func (r *reader) network() (*network, error) {
	r.prune()
	n := &network{}
	n.read = r.emit()
	r.fold()
	n.folded = r.emit()
	if err := n.read.Check(); err != nil {
		return nil, err
	}
	return n, n.folded.Check()
}

// read returns the steps of the network that build makes.
func read(build Build, calls bool) (*reader, error) {
	a, err := build.at(batchA)
	if err != nil {
		return nil, err
	}
	b, err := build.at(batchB)
	if err != nil {
		return nil, err
	}
	inputs, err := pairs("inputs", a.Inputs, b.Inputs)
	if err != nil {
		return nil, err
	}
	outputs, err := pairs("outputs", a.Outputs, b.Outputs)
	if err != nil {
		return nil, err
	}
	for _, s := range []Graph{a, b} {
		if _, err := order(s); err != nil {
			return nil, err
		}
	}
	r := newReader(calls)
	r.positions, r.builds = findPositions(a.Outputs), &builds{build: build, turn: newTurn()}
	if err := r.readInputs(inputs); err != nil {
		return nil, err
	}
	return r, r.readOutputs(outputs)
}

func newReader(calls bool) *reader {
	return &reader{calls: calls, done: map[pair]*value{}, failed: map[pair]error{}, exact: map[*gorgonia.Node]gorgonia.Value{}}
}

func (r *reader) readInputs(inputs []pair) error {
	for _, p := range inputs {
		v := &value{base: nameOf(p.a), shape: p.shape(), integer: isInteger(p)}
		switch {
		case r.done[p] != nil:
			return p.fail("an input given twice, want each once: " +
				"Gorgonia makes one node of two with the same name, or none, and the same shape; give them names")
		case !isFloat(p) && !v.integer:
			return p.fail("an input of %v, want float32, float64 or int", p.a.Type())
		case batches(v.shape) > 1:
			return p.fail("an input of shape %v at one batch size and %v at another, want one axis to differ",
				p.a.Shape(), p.b.Shape())
		}
		if axis := slices.Index(v.shape, ir.Batch); axis >= 0 && p.multiple(axis) > 1 {
			v.multiple = p.multiple(axis)
		}
		r.done[p] = v
		r.inputs = append(r.inputs, v)
		r.given = append(r.given, p.a, p.b)
	}
	return nil
}

func (r *reader) readOutputs(outputs []pair) error {
	r.readDeep(outputs)
	for _, p := range outputs {
		v, err := r.whole(p)
		switch {
		case err != nil:
		case v.integer:
			err = p.fail("an output of %v, want float32 or float64", p.a.Type())
		case batches(v.shape) > 1 && !r.refusals.stand[v]:
			err = p.fail("an output of shape %v at one batch size and %v at another, want one axis to differ",
				p.a.Shape(), p.b.Shape())
		}
		switch {
		case errors.Is(err, ErrUnsupported):
			r.refusals.add(err)
			continue
		case err != nil:
			return err
		case slices.Contains(r.outputs, v) || slices.Contains(r.inputs, v): // which has a name already
			v = r.add(ir.Node{Op: ir.OpIdentity}, v.shape, v)
		}
		r.outputs = append(r.outputs, v)
	}
	return r.refusals.error()
}

// pairs returns the nodes of two builds side by side.
func pairs(what string, a, b gorgonia.Nodes) ([]pair, error) {
	if len(a) != len(b) || len(a) == 0 {
		return nil, fmt.Errorf("%w: %d %s at one batch size and %d at another, want as many, at least one",
			ErrUnsupported, len(a), what, len(b))
	}
	list := make([]pair, len(a))
	for i := range a {
		if !isNode(a[i]) || !isNode(b[i]) {
			return nil, fmt.Errorf("%w: got nil, or a node without a graph or a type, among the %s, "+
				"want nodes of a graph", ErrUnsupported, what)
		}
		list[i] = pair{a[i], b[i], nil}
		if a[i].Dims() != b[i].Dims() {
			return nil, list[i].fail("shape %v at one batch size and %v at another, want as many axes",
				a[i].Shape(), b[i].Shape())
		}
	}
	return list, nil
}
