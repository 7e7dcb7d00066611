package exprgraph

import (
	"fmt"

	"euryale/internal/ir"
)

// names makes names unique: by name, the suffix that was put behind it last.
type names map[string]int

func (n names) take(base, otherwise string) string {
	if base == "" {
		base = otherwise
	}
	name, i := base, n[base]
	for n[name] > 0 {
		i++
		name = fmt.Sprintf("%s_%d", base, i)
	}
	n[base] = max(i, 1)
	n[name] = max(n[name], 1)
	return name
}

// emit returns the steps as a graph. Names are taken by inputs, then constants, then steps.
func (r *reader) emit() *ir.Network {
	steps := expand(r.steps)
	g := &ir.Network{Constants: map[string]*ir.Constant{}}
	values, nodes, counts := names{}, names{}, map[string]int{}
	named := map[*value]string{}
	for _, unnamed := range []bool{false, true} { // a name that was given stays
		for _, v := range r.inputs {
			if (v.base == "") == unnamed {
				named[v] = values.take(v.base, "input")
			}
		}
	}
	for _, v := range r.inputs {
		g.Inputs = append(g.Inputs, ir.Value{Name: named[v], Shape: v.shape, Type: v.dtype()})
	}
	constants := func(list []*value) {
		for _, v := range list {
			if _, ok := named[v]; ok || v.data == nil {
				continue
			}
			named[v] = values.take(v.base, "weight")
			g.Constants[named[v]] = &ir.Constant{Shape: v.shape, Data: v.data, Trained: v.quantized}
		}
	}
	for _, s := range steps {
		constants(s.in)
	}
	constants(r.outputs)
	for _, s := range steps {
		node := s.Node
		if layer := s.layerName(); layer != "" {
			node.Name = nodes.take(layer, "")
		} else {
			counts[node.Op]++
			node.Name = nodes.take(fmt.Sprintf("%s_%d", node.Op, counts[node.Op]), "")
		}
		node.Output = values.take(node.Name+".out", "")
		named[s.out] = node.Output
		for _, v := range s.in {
			node.Inputs = append(node.Inputs, named[v])
		}
		g.Nodes = append(g.Nodes, node)
	}
	for _, v := range r.outputs {
		g.Outputs = append(g.Outputs, ir.Value{Name: named[v], Shape: v.shape})
	}
	return g
}

// layerName returns the name of a step's weight; "" for a step without one.
func (s *step) layerName() string {
	switch s.Op {
	case ir.OpGemm, ir.OpConv, ir.OpMatMul:
		if w := s.in[1]; w.data != nil {
			return w.base
		}
	case ir.OpGather:
		return s.in[0].base
	}
	return ""
}

// expand returns steps with products and sums with constants in the place of normalizations.
func expand(steps []*step) (list []*step) {
	for _, s := range steps {
		if s.Op != opNorm {
			list = append(list, s)
			continue
		}
		shape := make([]int, len(s.out.shape)-1)
		for i := range shape {
			shape[i] = 1
		}
		shape[0] = len(s.scale)
		scale := &value{base: "norm.scale", shape: shape, data: rounded(s.scale)}
		shift := &value{base: "norm.shift", shape: shape, data: rounded(s.shift)}
		mul := &step{Node: ir.Node{Op: ir.OpMul}, in: []*value{s.in[0], scale}}
		mul.out = &value{shape: s.out.shape, from: mul}
		add := &step{Node: ir.Node{Op: ir.OpAdd}, in: []*value{mul.out, shift}, out: s.out}
		list = append(list, mul, add)
	}
	return list
}

func rounded(list []float64) []float32 {
	out := make([]float32, len(list))
	for i, x := range list {
		out[i] = float32(x)
	}
	return out
}
