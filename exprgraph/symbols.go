package exprgraph

import (
	"errors"
	"fmt"
	"slices"

	"euryale/internal/ir"

	"gorgonia.org/gorgonia"
)

// A graph has numbers for sizes. What follows the batch is found by going from the inputs through the ops with
// symbols: an axis is a product of factors, of which one may be the batch.

// factor is a number, or the batch.
type factor struct {
	n     int // for the batch, that of the graph
	batch bool
}

// extent is the size of an axis as a product of factors, the outermost first: the index along the axis is
// (…(i₀·n₁ + i₁)·n₂ + …) for indices i of the factors. Its factors are above 1, but for a batch of 1.
type extent []factor

// fixed returns the extent of a number.
func fixed(n int) extent {
	if n == 1 {
		return nil
	}
	return extent{{n: n}}
}

// size returns the size in the graph.
func (e extent) size() int {
	n := 1
	for _, f := range e {
		n *= f.n
	}
	return n
}

// at returns the index of the batch among the factors; −1 without one.
func (e extent) at() int { return slices.IndexFunc(e, func(f factor) bool { return f.batch }) }

// around returns the size in the graph of the factors outside of the batch, of the batch, and of those inside.
func (e extent) around() (outer, batch, inner int) {
	i := e.at()
	return e[:i].size(), e[i].n, e[i+1:].size()
}

// number returns the size, ir.Batch for one that has the batch in it.
func (e extent) number() int {
	if e.at() >= 0 {
		return ir.Batch
	}
	return e.size()
}

// joined returns an extent with neighbouring numbers multiplied.
func joined(factors ...factor) (e extent) {
	for _, f := range factors {
		last := len(e) - 1
		switch {
		case f.n == 1 && !f.batch:
		case last >= 0 && !f.batch && !e[last].batch:
			e[last].n *= f.n
		default:
			e = append(e, f)
		}
	}
	return e
}

// extents are the axes of a node.
type extents []extent

func (x extents) numbers() []int {
	list := make([]int, len(x))
	for i, e := range x {
		list[i] = e.number()
	}
	return list
}

// batch returns the axis that has the batch in it; −1 where none has.
func (x extents) batch() int { return slices.IndexFunc(x, func(e extent) bool { return e.at() >= 0 }) }

func numbered(shape []int) extents {
	x := make(extents, len(shape))
	for i, n := range shape {
		x[i] = fixed(n)
	}
	return x
}

// symbols are the axes of the nodes of one graph.
type symbols struct {
	batch  extent                 // what the batch axis of an input is
	axes   map[*gorgonia.Node]int // of inputs, the axis that is the batch; −1 for none
	known  map[*gorgonia.Node]extents
	failed map[*gorgonia.Node]error
	unsure map[*gorgonia.Node]error // of what failed, and of all that is made of that
}

// finer is an error of a rule, which needs the batch as a product of a smaller batch and a number.
type finer struct{ batch extent }

func (f finer) Error() string { return fmt.Sprintf("wants the batch as %v", f.batch) }

// newSymbols follows the batch through nodes, which are in order: axes are those of the inputs that are the
// batch. Where a node takes the batch axis apart, as a reshape of (batch·5, 6) to (batch, 30) does, it starts
// again with what is left as the batch.
func newSymbols(nodes []*gorgonia.Node, axes map[*gorgonia.Node]int) *symbols {
	s := &symbols{axes: axes}
	for n, axis := range axes {
		if axis >= 0 {
			s.batch = extent{{n.Shape()[axis], true}}
		}
	}
	for s.follow(nodes) {
	}
	return s
}

// follow sets what is known of nodes. It stops, and reports that the batch was taken apart, where a node wants
// that.
func (s *symbols) follow(nodes []*gorgonia.Node) (again bool) {
	s.known, s.failed, s.unsure = map[*gorgonia.Node]extents{}, map[*gorgonia.Node]error{}, map[*gorgonia.Node]error{}
	for n := range s.axes { // also those that no output needs
		s.known[n], _ = s.of(n)
	}
	for _, n := range nodes {
		x, err := s.of(n)
		if f, ok := errors.AsType[finer](err); ok {
			at := s.batch.at()
			s.batch = joined(slices.Concat(s.batch[:at], f.batch, s.batch[at+1:])...)
			return true
		}
		if err != nil {
			s.failed[n], s.unsure[n] = err, err
			x = numbered(n.Shape())
		}
		for _, operand := range operandsOf(n) {
			if err := s.unsure[operand]; err != nil && s.unsure[n] == nil {
				s.unsure[n] = err
			}
		}
		s.known[n] = x
	}
	return false
}

// of returns the axes of a node whose operands are known.
func (s *symbols) of(n *gorgonia.Node) (extents, error) {
	if axis, ok := s.axes[n]; ok {
		x := numbered(n.Shape())
		if axis >= 0 {
			x[axis] = s.batch
		}
		return x, nil
	}
	operands := operandsOf(n)
	in := make([]extents, len(operands))
	free := false
	for i, operand := range operands {
		in[i] = s.known[operand]
		free = free || in[i].batch() >= 0
		if kindOf(operand.Op()) != "sizeOp" {
			continue
		}
		for _, of := range operandsOf(operand) {
			if err := s.unsure[of]; err != nil {
				return nil, fmt.Errorf("by a size of %q: %w", nameOf(of), err)
			}
		}
	}
	if !free && !slices.ContainsFunc(operands, func(o *gorgonia.Node) bool { return s.isSize(o) }) {
		return numbered(n.Shape()), nil
	}
	rule := shapeRuleOf(n.Op())
	if rule == nil {
		return inferred(n, in)
	}
	x, err := rule(s, n, in)
	if err != nil {
		return nil, err
	}
	return declared(n, x)
}

// isSize reports whether a node is the size of an axis that has the batch in it.
func (s *symbols) isSize(n *gorgonia.Node) bool { return s.sizeOf(n).at() >= 0 }

// sizeOf returns the extent that a node has as its value; nil for another node.
func (s *symbols) sizeOf(n *gorgonia.Node) extent {
	operands := operandsOf(n)
	axis, ok := intsOf(n.Op(), "axis")
	if kindOf(n.Op()) != "sizeOp" || !ok || len(operands) != 1 {
		return nil
	}
	if x := s.known[operands[0]]; axis[0] >= 0 && axis[0] < len(x) {
		return x[axis[0]]
	}
	return nil
}

// declared returns x as axes of the sizes that a node has, which a rule may have with axes of size 1 more or
// less.
func declared(n *gorgonia.Node, x extents) (extents, error) {
	shape := []int(n.Shape())
	same := func(e extent, size int) bool { return e.size() == size }
	if slices.EqualFunc(x, shape, same) {
		return x, nil
	}
	return reshaped(x, shape)
}

// ambiguous is an error for a size that cannot be followed.
func ambiguous(format string, args ...any) error {
	return fmt.Errorf(format+": use ReadBuild, which compares two batch sizes, or WithoutBatch", args...)
}
