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

// Attach records the values of nodes of g in the Calibrator that it returns, under keys of the caller's
// choice, such as "fc1.in". (Gorgonia's own names of inner nodes change when a graph is made again.) Nodes
// are float32 or float64, of any shape. The order of calls is:
//
//	c, err := exprgraph.Attach(g, points) // when the graph is complete
//	vm := gorgonia.NewTapeMachine(g)      // after that, or it records nothing; nor does one of a subgraph
//	err = vm.RunAll()                     // with gorgonia.Let before and vm.Reset after, for each sample
//	profile := c.Profile()
//
// Attach adds an observer to each node: an op whose result nothing reads, so no other value of g changes. The
// observers run near the end of a run, and the machine keeps the observed values until then, which takes
// memory. (Node.Value after a run may show memory that a later op has overwritten.)
//
// Observers work in TapeMachine and LispMachine, in evaluation and in training. They do not change gradients,
// whether Grad is called before Attach or after it. In a LispMachine, gradients start at nodes that no op
// reads; an observed cost is read by its observer, which starts its gradient instead. An observed output that
// is no scalar is an error of the run in a LispMachine with gradients, as it is without observers.
//
// Errors, after which the graph has the nodes that it had:
//
//   - calib.ErrKey for a key that is empty or not UTF-8, or is in an option and not in points;
//   - calib.ErrOption for an option;
//   - ErrNode for a node that is nil or not of g, and for a malformed graph;
//   - qtensor.ErrDtype for a node that is neither float32 nor float64;
//   - qtensor.ErrShape for an axis that a node does not have or that has more than calib.MaxChannels indices.
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
