package graph

import (
	"fmt"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// ordered is a node with its operands.
type ordered struct {
	node     *gorgonia.Node
	operands []*gorgonia.Node
}

// order returns the nodes that the outputs of a graph need, each after its operands, down to the inputs. It has no recursion, so a chain
// may be of any length. An error, for inputs, outputs and operands that are nil or no nodes of a graph, wraps ErrUnsupported.
func order(s Source) (list []ordered, err error) {
	type visit struct {
		ordered
		done int // operands
	}
	var path []visit
	given, seen := map[*gorgonia.Node]bool{}, map[*gorgonia.Node]bool{}
	enter := func(n *gorgonia.Node) error {
		if !isNode(n) {
			return fmt.Errorf("%w: got nil, or a node without a graph or a type, want nodes of a graph", ErrUnsupported)
		}
		if seen[n] {
			return nil
		}
		next := visit{ordered: ordered{node: n}}
		if !given[n] {
			next.operands = operandsOf(n)
		}
		seen[n] = true
		path = append(path, next)
		return nil
	}
	for _, n := range s.Inputs {
		if !isNode(n) {
			return nil, enter(n)
		}
		given[n] = true
	}
	for _, output := range s.Outputs {
		err := enter(output)
		for len(path) > 0 && err == nil {
			top := &path[len(path)-1]
			if top.done < len(top.operands) {
				top.done++
				err = enter(top.operands[top.done-1])
				continue
			}
			list = append(list, top.ordered)
			path = path[:len(path)-1]
		}
		if err != nil {
			return nil, err
		}
	}
	return list, nil
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
