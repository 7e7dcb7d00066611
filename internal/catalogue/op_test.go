package catalogue

import (
	"reflect"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// nodeOf returns the node that a call gave, alone or in a map.
func nodeOf(r reflect.Value) *gorgonia.Node {
	switch v := r.Interface().(type) {
	case *gorgonia.Node:
		return v
	case map[string]*gorgonia.Node:
		for _, n := range v {
			return n
		}
	}
	return nil
}

// op calls the methods of the op of a node that this module made, with each bad value.
func (c *caller) op(s *setting, n *gorgonia.Node) {
	op := n.Op()
	if op == nil {
		return
	}
	for _, m := range makers(reflect.TypeFor[tensor.Tensor]()) {
		v, _ := reflect.TypeAssert[gorgonia.Value](m(s))
		for _, values := range [][]gorgonia.Value{{v}, {v, v}, {}, {nil}} {
			c.calls++
			_, _ = op.Do(values...)
		}
	}
	for _, m := range makers(reflect.TypeFor[tensor.Shape]()) {
		shape := m(s).Interface().(tensor.Shape)
		for _, sizes := range [][]gorgonia.DimSizer{{shape}, {shape, shape}, {}, {nil}} {
			c.calls++
			_, _ = op.InferShape(sizes...)
		}
	}
	_, _, _, _ = op.Arity(), op.Type(), op.Hashcode(), op.String()
	if d, ok := op.(interface{ DiffWRT(int) []bool }); ok {
		for _, inputs := range []int{0, 1, 3} {
			_ = d.DiffWRT(inputs)
		}
	}
}
