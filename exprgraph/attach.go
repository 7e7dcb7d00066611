package exprgraph

import (
	"fmt"
	"maps"
	"slices"

	"euryale/calib"
	"euryale/internal/graphop"
	"euryale/qtensor"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Attach observes nodes of g, float32 or float64 and of any shape, under the keys of points: from then on
// every run of a machine made for g adds their values to the Calibrator. Attach when the graph is complete,
// and before the machine is made; a machine for a subgraph without the observers records nothing.
//
// An observer is an op on the node whose result, a float32 scalar, nothing reads: it changes no other
// value of g. It sees the node's value, where Node.Value after a run may show memory that a later op
// overwrote. For that, no op overwrites an observed value before the observers ran, near the end, and a run
// takes more memory.
//
// Observers work in TapeMachine and LispMachine, in evaluation and in training. They have no gradient: Grad,
// before Attach or after it, gives the gradients that it gives without. LispMachine starts its gradients from
// what no op reads, so not from an observed cost; its observer starts it in its place. An observed output
// that is no scalar is an error of the run in a LispMachine with gradients, as it is without observers.
//
// Errors: calib.ErrKey for a key that is empty or not UTF-8, or is in an option and no point's; ErrNode for a
// node that is nil or not g's, and for one whose graph is malformed; calib.ErrOption; qtensor.ErrDtype;
// qtensor.ErrShape for an axis that a node does not have or that has more than calib.MaxChannels indices. The
// graph then has the nodes that it had.
func Attach(g *gorgonia.ExprGraph, points map[string]*gorgonia.Node, opts ...calib.CalibratorOption) (*calib.Calibrator, error) {
	c, err := attach(g, points, opts)
	if err != nil {
		return nil, fmt.Errorf("exprgraph: Attach: %w", err)
	}
	return c, nil
}

func attach(g *gorgonia.ExprGraph, points map[string]*gorgonia.Node, opts []calib.CalibratorOption) (*calib.Calibrator, error) {
	nodes := make(map[*gorgonia.Node]bool)
	if g != nil {
		for _, n := range g.AllNodes() {
			nodes[n] = true
		}
	}
	shapes := map[string]tensor.Shape{}
	var observers []*observer
	for _, key := range slices.Sorted(maps.Keys(points)) {
		n := points[key]
		o := &observer{Base: graphop.NewBase("observe"), key: key}
		if err := o.read(n, nodes); err != nil {
			return nil, fmt.Errorf("key %q: %w", key, err)
		}
		shapes[key], observers = n.Shape(), append(observers, o)
	}
	c, err := calib.NewCalibrator(shapes, opts...)
	if err != nil {
		return nil, err
	}
	for _, o := range observers {
		o.to = c
	}
	return c, add(g, observers)
}

// add adds observers to g, or none of them.
func add(g *gorgonia.ExprGraph, observers []*observer) error {
	var added gorgonia.Nodes
	for _, o := range observers {
		n, err := gorgonia.ApplyOp(o, o.operands...)
		if err != nil {
			for _, n := range slices.Backward(added) {
				g.RemoveNode(n)
			}
			return fmt.Errorf("key %q: %w: %w", o.key, ErrNode, err)
		}
		added = append(added, n)
	}
	return nil
}

// checkNode returns an error if n is not one of nodes, or has no floating-point values.
func checkNode(n *gorgonia.Node, nodes map[*gorgonia.Node]bool) error {
	switch {
	case n == nil:
		return fmt.Errorf("%w: got nil, want a node of the graph", ErrNode)
	case !nodes[n]:
		return fmt.Errorf("%w: got a node that is not in the graph, want one of it", ErrNode)
	}
	of := n.Type()
	if t, ok := of.(gorgonia.TensorType); ok {
		of = t.Of
	}
	if of != tensor.Float32 && of != tensor.Float64 {
		return fmt.Errorf("%w: got a node of type %v, want float32 or float64", qtensor.ErrDtype, n.Type())
	}
	return nil
}
