package exprgraph

import (
	"errors"
	"fmt"

	"euryale/calib"
	"euryale/internal/graphop"
	"euryale/qtensor"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// observer is an op that records its first operand and returns 0. The other operands are the first's aliases,
// which are not read: as operands they are not overwritten before the op runs.
type observer struct {
	graphop.Base
	key      string
	to       *calib.Calibrator
	operands gorgonia.Nodes
	scalar   [1]float32   // an operand of rank 0
	result   gorgonia.F32 // always 0; one for each op, since machines tell values by their address
}

// read takes a node and what shares its memory, which are to be of nodes.
func (o *observer) read(n *gorgonia.Node, nodes map[*gorgonia.Node]bool) error {
	if err := checkNode(n, nodes); err != nil {
		return err
	}
	o.operands = append(gorgonia.Nodes{n}, aliases(n)...)
	for _, alias := range o.operands[1:] {
		if err := checkNode(alias, nodes); err != nil {
			return fmt.Errorf("%w: %q shares memory with %w", ErrNode, n.Name(), err)
		}
	}
	return nil
}

func (o *observer) Arity() int { return len(o.operands) }

func (o *observer) Type() hm.Type {
	types := make([]hm.Type, 0, len(o.operands)+1)
	for _, n := range o.operands {
		types = append(types, n.Type())
	}
	return hm.NewFnType(append(types, tensor.Float32)...)
}

func (o *observer) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) {
	return tensor.ScalarShape(), nil
}

func (o *observer) Do(values ...gorgonia.Value) (gorgonia.Value, error) {
	if len(values) == 0 {
		return nil, fmt.Errorf("exprgraph: observer of %q: %w: got no value, want one", o.key, qtensor.ErrShape)
	}
	if err := o.see(values[0]); err != nil {
		return nil, fmt.Errorf("exprgraph: observer of %q: %w", o.key, err)
	}
	return &o.result, nil
}

func (o *observer) see(v gorgonia.Value) error {
	switch v := v.(type) {
	case *gorgonia.F32:
		if v != nil {
			o.scalar[0] = float32(*v)
			return o.to.ObserveFloat32(o.key, o.scalar[:], nil)
		}
	case *gorgonia.F64:
		if v != nil {
			o.scalar[0] = float32(*v)
			return o.to.ObserveFloat32(o.key, o.scalar[:], nil)
		}
	case tensor.Tensor:
		return o.to.Observe(o.key, v)
	}
	return fmt.Errorf("%w: got %T, want a float32 or float64 value", qtensor.ErrDtype, v)
}

// DiffWRT reports that there is no gradient with respect to any operand.
func (o *observer) DiffWRT(operands int) []bool { return make([]bool, max(operands, 0)) }

// SymDiff is not called for an op without gradients, but it is what makes Gorgonia ask for DiffWRT.
func (o *observer) SymDiff(gorgonia.Nodes, *gorgonia.Node, *gorgonia.Node) (gorgonia.Nodes, error) {
	return nil, errors.New("exprgraph: an observer has no gradient")
}

// DoDiff gives each operand that nothing but observers read a gradient of 1, as LispMachine would if no
// observer read it either. It adds nothing to the gradient of others.
func (o *observer) DoDiff(_ gorgonia.ExecutionContext, operands gorgonia.Nodes, _ *gorgonia.Node) error {
	for _, n := range operands {
		if n == nil || n.Graph() == nil || n.Op() == nil || !isOutput(n) {
			continue
		}
		if !n.IsScalar() {
			return fmt.Errorf("exprgraph: observer of %q: %w: got an output of shape %v, want a scalar to differentiate",
				o.key, qtensor.ErrShape, n.Shape())
		}
		gradient, err := n.Grad()
		if err != nil {
			return err
		}
		switch d := gradient.(type) {
		case *gorgonia.F32:
			*d = 1
		case *gorgonia.F64:
			*d = 1
		default:
			return fmt.Errorf("exprgraph: observer of %q: %w: got a gradient of type %T, want a float32 or float64 scalar",
				o.key, qtensor.ErrDtype, d)
		}
	}
	return nil
}

// isOutput reports whether nothing reads n but observers and gorgonia.Read.
func isOutput(n *gorgonia.Node) bool {
	for users := n.Graph().To(n.ID()); users != nil && users.Next(); {
		op := users.Node().(*gorgonia.Node).Op()
		if _, observes := op.(*observer); !observes && op.Type() != nil { // the op of Read has no type
			return false
		}
	}
	return true
}
