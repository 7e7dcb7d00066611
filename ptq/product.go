package ptq

import (
	"fmt"

	"euryale/internal/ir"
)

// Why a product is float whose LayerRule has Float, and one that has no weight.
const (
	ruled    = "a rule says so"
	noWeight = "both operands are computed from what flows in"
)

// product is a node that multiplies by a weight, or takes rows of a table: a layer, unless there is a reason.
type product struct {
	*ir.Node
	plan
	weight *ir.Constant // the constant; nil for one that is computed
	reason string       // why it stays float, or ""
	result string       // the value that it gives: after the ReLU that may follow it and become part of it
}

// products returns those of a network, in order.
func (n *network) products() (list []*product) {
	for i := range n.Nodes {
		node := &n.Nodes[i]
		if w := node.Weight(); w != "" {
			list = append(list, &product{Node: node, weight: n.Constants[w], reason: n.whyFloat(node), result: n.result(node)})
		}
	}
	return list
}

// result returns the value that a product gives.
func (n *network) result(node *ir.Node) string {
	if node.Op != ir.OpGather {
		for _, next := range n.readers[node.Output] {
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
		return "its table has one axis: a scale for each number would be more than the numbers"
	case node.Op == ir.OpGather && c != nil:
		return ""
	case c == nil && !n.varies[w]:
		return n.computed(w)
	case c == nil && n.Constants[x] != nil:
		return "its weight is the left operand of batches of products, want it on the right"
	case c == nil && !n.varies[x]:
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
	maker := n.makers[w]
	for maker.Op == ir.OpReshape || maker.Op == ir.OpTranspose { // what has moved it tells less
		from := n.makers[maker.Inputs[0]]
		if from == nil {
			break
		}
		maker = from
	}
	return fmt.Sprintf("its weight is computed by %s: fold it into one tensor before the graph is built", maker.Name)
}

// plan settles what becomes of every product, by the Config.
func (j *job) plan() error {
	j.products = j.net.products()
	names := make([]string, len(j.products))
	for i, p := range j.products {
		names[i] = p.Name
		if p.plan = j.cfg.plan(p.Name); p.float {
			p.reason = ruled
		}
	}
	if err := j.cfg.checkMatches(names); err != nil {
		return err
	}
	return j.checkQuantized()
}

// checkQuantized reports a network without a layer, unless the Config says so: by itself, or by rules for all
// that has a weight.
func (j *job) checkQuantized() error {
	var reasons []string
	var asked, missed bool
	for _, p := range j.products {
		if p.reason == "" {
			return nil
		}
		asked = asked || p.float
		missed = missed || !p.float && p.reason != noWeight
		reasons = append(reasons, fmt.Sprintf("%s %s: %s", p.Op, p.Name, p.reason))
	}
	if j.cfg.AllowFloat || asked && !missed {
		return nil
	}
	return fmt.Errorf("%w: got %d products, convolutions and lookups: %s, want a layer, or Config.AllowFloat",
		ErrNothingQuantized, len(reasons), listed(reasons))
}

// layer reports whether a product is quantized.
func (p *product) layer() bool { return p.reason == "" }

// axis returns that of the weight's outputs, or of a table's rows.
func (p *product) axis() int {
	return p.ChannelAxis()
}
