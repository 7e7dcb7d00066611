package ptq

import (
	"fmt"
	"slices"

	"euryale/internal/ir"
	"euryale/model"
	"euryale/qtensor"
)

// Between layers under StaticInt8, what flows into a sum is rounded to codes of a byte where the model then
// keeps it as such, and the sum too; likewise what flows into an average. So a residual block, and the pool
// behind it, take and give a byte for each number.

// rounding is what may be rounded to codes before ops that are no layers.
type rounding struct {
	net    *network
	nodes  map[*ir.Node]bool // sums of two values, and averages
	values []string          // that they read, in the order in which they are computed
}

// rounding returns what sums of two values and averages read; nothing where no layer is StaticInt8 by the
// Config, or where the graph says itself what is rounded.
func (j *job) rounding() rounding {
	r := rounding{net: j.net, nodes: map[*ir.Node]bool{}}
	if !j.cfg.static() || slices.ContainsFunc(j.graph.Nodes, func(n ir.Node) bool { return n.Op == ir.OpFakeQuantize }) {
		return r
	}
	read := map[string]bool{}
	for i := range j.net.Nodes {
		n := &j.net.Nodes[i]
		given := func(in string) bool { return j.net.makers[in] == nil }
		if n.Op != ir.OpAdd && !average(n) || slices.ContainsFunc(n.Inputs, given) {
			continue
		}
		r.nodes[n] = true
		for _, in := range n.Inputs {
			if !read[in] {
				read[in] = true
				r.values = append(r.values, in)
			}
		}
	}
	return r
}

func average(n *ir.Node) bool {
	return n.Op == ir.OpAveragePool || n.Op == ir.OpGlobalAveragePool
}

// build makes the model of the graph, with as much rounded as leaves codes between its layers.
func (j *job) build(g *ir.Network, layers map[string]model.Layer) (*model.Model, *ir.Network, error) {
	r := j.rounding()
	fakes, taken := map[string]ir.Node{}, j.net.taken()
	for _, v := range r.values {
		h := j.seen[v]
		if h.NonFinite() > 0 {
			continue
		}
		p, err := j.params(h)
		if err != nil {
			return nil, nil, fmt.Errorf("value %q: %w", v, err)
		}
		name := v + "~codes"
		for taken[name] {
			name += "~"
		}
		taken[name] = true
		fakes[v] = fakeOf(name, v, p)
	}
	floats := map[string]bool{}
	for {
		rounded := r.in(g, fakes)
		m, err := model.New(rounded, layers)
		if err != nil {
			return nil, nil, err
		}
		left := r.left(fakes, setOf(m.QuantizedValues()))
		if len(left) == 0 {
			return m, rounded, nil
		}
		r.spread(left, floats, layers)
		for v := range floats {
			delete(fakes, v)
		}
	}
}

func setOf(names []string) map[string]bool {
	set := map[string]bool{}
	for _, name := range names {
		set[name] = true
	}
	return set
}

// fakeOf returns a FakeQuantize of parameters for a tensor.
func fakeOf(name, in string, p qtensor.Params) ir.Node {
	low, high := p.Scheme.CodeRange()
	f := ir.Node{Op: ir.OpFakeQuantize, Name: name, Inputs: []string{in}, Output: name, Scale: p.Scales[0], QuantMin: low, QuantMax: high}
	if p.Scheme.HasZeroPoint() {
		f.ZeroPoint = p.ZeroPoints[0]
	}
	return f
}

// in returns g with the fakes behind the values that they read, for those of the rounding's nodes all of
// whose inputs have one.
func (r rounding) in(g *ir.Network, fakes map[string]ir.Node) *ir.Network {
	names := map[string]bool{}
	for n := range r.nodes {
		names[n.Name] = true
	}
	rounded := *g
	rounded.Nodes = nil
	for _, n := range g.Nodes {
		if names[n.Name] && !slices.ContainsFunc(n.Inputs, func(v string) bool { return fakes[v].Op == "" }) {
			n.Inputs = slices.Clone(n.Inputs)
			for i, v := range n.Inputs {
				n.Inputs[i] = fakes[v].Output
			}
		}
		rounded.Nodes = append(rounded.Nodes, n)
		if f, ok := fakes[n.Output]; ok {
			rounded.Nodes = append(rounded.Nodes, f)
		}
	}
	return &rounded
}

// left returns the values whose rounding leaves float32: what it gives is not kept as codes, or a sum that
// reads it is not.
func (r rounding) left(fakes map[string]ir.Node, coded map[string]bool) (values []string) {
	for v, f := range fakes {
		if !coded[f.Output] || slices.ContainsFunc(r.net.readers[v], func(n *ir.Node) bool {
			return r.nodes[n] && !average(n) && !coded[n.Output]
		}) {
			values = append(values, v)
		}
	}
	return values
}

// spread adds values to floats, and those that are not kept as codes then either, by all but layers: what is
// made of one, and what one is made of but by an average, which gives float32 of codes too. A model made anew
// would tell the same, one sum further each time.
func (r rounding) spread(values []string, floats map[string]bool, layers map[string]model.Layer) {
	isLayer := func(n *ir.Node) bool {
		_, ok := layers[n.Name]
		return ok
	}
	for len(values) > 0 {
		v := values[len(values)-1]
		values = values[:len(values)-1]
		if floats[v] {
			continue
		}
		floats[v] = true
		for _, n := range r.net.readers[v] {
			if !isLayer(n) {
				values = append(values, n.Output)
			}
		}
		if n := r.net.makers[v]; n != nil && !isLayer(n) && !average(n) {
			values = append(values, n.Inputs...)
		}
	}
}
