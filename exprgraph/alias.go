package exprgraph

import (
	"reflect"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"
)

// sharing names the types of the ops whose result can be the memory of their first operand.
var sharing = []string{
	"gorgonia.reshapeOp",
	"gorgonia.sliceOp",
	"gorgonia.dropoutOp", // in evaluation
	"gorgonia.concatOp",  // of one operand
	"gorgonia.Iop",
}

// aliases returns the other nodes of n's graph that can share n's memory: what n is a reshaped, sliced or
// passed on form of, and all such forms of that.
//
// TapeMachine keeps an op from overwriting an operand that another op has yet to read, but knows nothing of
// shared memory: what reads n late can find it overwritten through an alias that nothing reads later.
func aliases(n *gorgonia.Node) gorgonia.Nodes {
	g, owner := n.Graph(), n
	for seen := (gorgonia.Nodes{}); shares(owner) && !seen.Contains(owner); {
		seen = append(seen, owner)
		if operands := g.From(owner.ID()); operands != nil && operands.Next() {
			owner = operands.Node().(*gorgonia.Node)
		}
	}
	family := gorgonia.Nodes{owner}
	for i := 0; i < len(family); i++ {
		for users := g.To(family[i].ID()); users != nil && users.Next(); {
			if user := users.Node().(*gorgonia.Node); shares(user) && !family.Contains(user) {
				family = append(family, user)
			}
		}
	}
	return slices.DeleteFunc(family, func(alias *gorgonia.Node) bool { return alias == n })
}

// shares reports whether n's value can be the memory of its first operand.
func shares(n *gorgonia.Node) bool {
	return n.Op() != nil && slices.Contains(sharing, strings.TrimPrefix(reflect.TypeOf(n.Op()).String(), "*"))
}
