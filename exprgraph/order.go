package exprgraph

import (
	"fmt"
	"slices"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// postorder returns the roots and what lies below them, each once and after what is below it. It has no
// recursion, so a chain may be of any length.
func postorder[N comparable](roots []N, below func(N) []N) (list []N) {
	type visit struct {
		node N
		rest []N
	}
	seen := map[N]bool{}
	path := []visit{{rest: roots}}
	for {
		top := &path[len(path)-1]
		switch {
		case len(top.rest) > 0:
			n := top.rest[0]
			top.rest = top.rest[1:]
			if !seen[n] {
				seen[n] = true
				path = append(path, visit{n, below(n)})
			}
		case len(path) > 1:
			list = append(list, top.node)
			path = path[:len(path)-1]
		default:
			return list
		}
	}
}

// order returns the nodes that the outputs of a graph need, each after its operands, down to the inputs. An
// error, for inputs, outputs and operands that are nil or no nodes of a graph, wraps ErrUnsupported.
func order(s Graph) ([]*gorgonia.Node, error) {
	given := map[*gorgonia.Node]bool{}
	for _, n := range s.Inputs {
		given[n] = true
	}
	list := postorder(s.Outputs, func(n *gorgonia.Node) []*gorgonia.Node {
		if given[n] || !isNode(n) {
			return nil
		}
		return operandsOf(n)
	})
	if !slices.ContainsFunc(slices.Concat(s.Inputs, list), func(n *gorgonia.Node) bool { return !isNode(n) }) {
		return list, nil
	}
	return nil, fmt.Errorf("%w: got nil, or a node without a graph or a type, want nodes of a graph", ErrUnsupported)
}

// isNode reports whether n is a node of a graph, whose elements are of some type: &gorgonia.Node{} is none.
func isNode(n *gorgonia.Node) bool { return n != nil && n.Graph() != nil && hasType(n.Type()) }

func hasType(t hm.Type) bool {
	switch t := t.(type) {
	case gorgonia.TensorType:
		return hasType(t.Of)
	case tensor.Dtype:
		return t.Type != nil
	}
	return false
}
