package ptq

import (
	"fmt"

	"euryale/internal/ir"
)

// noWeight is why a product of two activations stays float.
const noWeight = "both operands are computed from inputs"

// product is a node that multiplies by a weight, or takes rows of an embedding: a layer, unless there is a
// reason.
type product struct {
	*ir.Node
	weight *ir.Constant // nil for one that is computed
	reason string       // why it stays float whatever the Config, or ""
	fake   *ir.Node     // the FakeQuantize of its input that a layer does itself, or nil
	result string       // the value that it gives, after the Relu that may follow it and become part of it
}

// products returns those of a network, in order.
func (n *network) products() (list []*product) {
	for i := range n.Nodes {
		node := &n.Nodes[i]
		if w := node.Weight(); w != "" {
			list = append(list, &product{
				Node: node, weight: n.Constants[w], reason: n.whyFloat(node),
				fake: n.fakeQuantizes[node.Inputs[0]], result: n.result(node),
			})
		}
	}
	return list
}

// embedding reports whether a product takes rows, and has no arithmetic.
func (p *product) embedding() bool { return p.Op == ir.OpGather }

// input returns the value that a layer quantizes.
func (p *product) input() string {
	if p.fake != nil {
		return p.fake.Inputs[0]
	}
	return p.Inputs[0]
}

// result returns the value that a product gives.
func (n *network) result(node *ir.Node) string {
	if node.Op != ir.OpGather {
		for _, next := range n.Consumers(node.Output) {
			if next.Op == ir.OpRelu {
				return next.Output
			}
		}
	}
	return node.Output
}

// whyFloat returns why a product is no layer, whatever the Config, or "".
func (n *network) whyFloat(node *ir.Node) string {
	x, w := node.Inputs[0], node.Weight()
	c := n.Constants[w]
	switch {
	case node.Op == ir.OpGather && c != nil && len(c.Shape) < 2:
		return "its embedding has one axis: a scale for each number would be more than the numbers"
	case node.Op == ir.OpGather && c != nil:
		return ""
	case c == nil && !n.variable[w]:
		return n.computed(w)
	case c == nil && n.Constants[x] != nil:
		return "its weight is the left operand of batches of products, want it on the right"
	case c == nil && !n.variable[x]:
		return n.computed(x)
	case c == nil:
		return noWeight
	case n.Constants[x] != nil:
		return "both operands are constants"
	case node.Op != ir.OpConv && len(c.Shape) != 2:
		return fmt.Sprintf("its weight has %d axes, want a matrix", len(c.Shape))
	}
	return ""
}

// computed returns why a weight that a node makes of constants is none.
func (n *network) computed(w string) string {
	producer := n.Producer(w)
	for producer.Op == ir.OpReshape || producer.Op == ir.OpTranspose { // what has moved it tells less
		from := n.Producer(producer.Inputs[0])
		if from == nil {
			break
		}
		producer = from
	}
	return fmt.Sprintf("its weight is computed by %s: fold it into one tensor before the graph is built", producer.Name)
}
