package exprgraph

import (
	"fmt"
	"math"
	"slices"

	"euryale/internal/ir"
)

// names makes names unique: by name, the suffix that was added to it last.
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

// emission is a network in the making.
type emission struct {
	network       *ir.Network
	values, nodes names
	unnamed       map[string]int // nodes without a name of their own, by operation
	named         map[*value]string
	known         map[content]*value // constants
	outputs       []*value           // which have names of their own
}

// content is what equal constants of one leaf have in common.
type content struct {
	base, shape string
	hash        uint64 // of the bits
}

func contentOf(v *value) content {
	c := content{base: v.base, shape: fmt.Sprint(v.shape)}
	for _, x := range v.data {
		c.hash = (c.hash ^ uint64(math.Float32bits(x))) * 0x100000001b3
	}
	return c
}

// emit returns the steps as a network. Names are taken by inputs, then constants, then steps.
func (r *reader) emit() *ir.Network {
	e := &emission{
		network: &ir.Network{Constants: map[string]*ir.Constant{}}, values: names{}, nodes: names{},
		unnamed: map[string]int{}, named: map[*value]string{}, known: map[content]*value{}, outputs: r.outputs,
	}
	steps := expand(r.steps)
	e.inputs(r.inputs)
	for _, s := range steps {
		e.constants(s.in)
	}
	e.constants(r.outputs)
	for _, s := range steps {
		e.node(s)
	}
	for _, v := range r.outputs {
		e.network.Outputs = append(e.network.Outputs, ir.Value{Name: e.named[v], Shape: v.shape})
	}
	return e.network
}

func (e *emission) inputs(list []*value) {
	for _, unnamed := range []bool{false, true} { // a name that was given stays
		for _, v := range list {
			if (v.base == "") == unnamed {
				e.named[v] = e.values.take(v.base, "input")
			}
		}
	}
	for _, v := range list {
		e.network.Inputs = append(e.network.Inputs, ir.Value{
			Name: e.named[v], Shape: v.shape, Type: v.dtype(), Multiple: v.multiple,
		})
	}
}

// constants adds those of the list that the network does not have. A leaf that was broadcast, cut or moved to
// equal numbers more than once, as by each step of an unrolled network, is one constant.
func (e *emission) constants(list []*value) {
	for _, v := range list {
		if _, ok := e.named[v]; ok || v.data == nil {
			continue
		}
		key := contentOf(v)
		if c := e.known[key]; c != nil && v.quantized == nil && !slices.Contains(e.outputs, v) && sameBits(c.data, v.data) {
			e.named[v] = e.named[c]
			continue
		}
		name := e.values.take(v.base, "weight")
		e.named[v] = name
		if v.quantized == nil {
			e.known[key] = v
		}
		e.network.Constants[name] = &ir.Constant{Shape: v.shape, Data: v.data, Trained: v.quantized}
	}
}

func (e *emission) node(s *step) {
	node := s.Node
	name := s.layerName()
	if name == "" {
		e.unnamed[node.Op]++
		name = fmt.Sprintf("%s_%d", node.Op, e.unnamed[node.Op])
	}
	node.Name = e.nodes.take(name, "")
	node.Output = e.values.take(node.Name+".out", "")
	e.named[s.out] = node.Output
	for _, v := range s.in {
		node.Inputs = append(node.Inputs, e.named[v])
	}
	e.network.Nodes = append(e.network.Nodes, node)
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
